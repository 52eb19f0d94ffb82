#include "plugin/generation.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <fstream>
#include <future>
#include <map>
#include <thread>
#include <utility>

#include "core/log.hpp"
#include "plugin/errc.hpp"
#include "plugin/known_tables.hpp"

namespace syncline::plugin {
namespace {

constexpr const char* kReportIt = "report it to the connector's author";
constexpr std::chrono::milliseconds kBlockingLimit{60 * 60 * 1000};
constexpr std::size_t kThreadNameMax = 15;  // what the kernel keeps
constexpr int kThreadLooks = 20;
constexpr std::chrono::milliseconds kThreadLookPause{5};

// Generations that can't be taken down safely live to the end of the process, with what their code
// may still touch.
void keep_for_ever(std::shared_ptr<Generation> generation) {
    static std::mutex mutex;
    static auto* kept = new std::vector<std::shared_ptr<Generation>>;
    const std::lock_guard lock{mutex};
    kept->push_back(std::move(generation));
}

Error broken(std::string what) {
    return Error{kLoadFailed, std::move(what), kReportIt};
}

// Null when the connector has none.
template <class Table>
const Table* table_in(const std::map<std::string_view, const void*>& tables, std::string_view id) {
    const auto found = tables.find(id);
    return found == tables.end() ? nullptr : static_cast<const Table*>(found->second);
}

Result<void> check_entry(const syncline_plugin& plugin, const Generation::Options& options) {
    if (plugin.struct_size < SYNCLINE_PLUGIN_SIZE_1_0) {
        return broken("its " SYNCLINE_PLUGIN_SYMBOL " has a struct_size that is too small");
    }
    if (plugin.abi_major != options.manifest.abi_major ||
        plugin.abi_draft != options.manifest.abi_draft) {
        return broken("its code says ABI " + std::to_string(plugin.abi_major) + " draft " +
                      std::to_string(plugin.abi_draft) + ", its manifest " +
                      std::to_string(options.manifest.abi_major) + " draft " +
                      std::to_string(options.manifest.abi_draft));
    }
    if (plugin.manifest.ptr == nullptr || plugin.manifest.len != options.manifest_text.size() ||
        std::string_view{plugin.manifest.ptr, plugin.manifest.len} != options.manifest_text) {
        return broken("the manifest in its code differs from the one in its note");
    }
    if (plugin.get_table == nullptr || plugin.create == nullptr || plugin.init == nullptr ||
        plugin.start == nullptr || plugin.stop == nullptr || plugin.posted == nullptr ||
        plugin.destroy == nullptr) {
        return broken("its " SYNCLINE_PLUGIN_SYMBOL " lacks a function");
    }
    return {};
}

Result<Tables> find_tables(const syncline_plugin& plugin, const Manifest& manifest) {
    const auto find = [&plugin](std::string_view id) {
        const void* found = nullptr;
        call_back([&] { found = plugin.get_table({id.data(), id.size()}); });
        return found;
    };
    if (auto problem = table_problem(manifest, find); !problem.empty())
        return broken(std::move(problem));
    std::map<std::string_view, const void*> tables;
    for (const KnownTable& known : known_tables()) {
        if (known.promise != nullptr && !(manifest.*known.promise)) continue;
        const void* table = find(known.id);
        if (table != nullptr && *static_cast<const std::uint32_t*>(table) >= known.size_min)
            tables.emplace(known.id, table);
    }
    return Tables{&plugin,
                  table_in<syncline_plugin_webhook>(tables, SYNCLINE_WEBHOOK_ID),
                  table_in<syncline_plugin_write>(tables, SYNCLINE_WRITE_ID),
                  table_in<syncline_plugin_http>(tables, SYNCLINE_HTTP_ID),
                  table_in<syncline_plugin_fetch>(tables, SYNCLINE_FETCH_ID),
                  table_in<syncline_plugin_read>(tables, SYNCLINE_READ_ID),
                  table_in<syncline_plugin_check>(tables, SYNCLINE_CHECK_ID),
                  table_in<syncline_plugin_discover>(tables, SYNCLINE_DISCOVER_ID),
                  table_in<syncline_plugin_periodic>(tables, SYNCLINE_PERIODIC_ID),
                  table_in<syncline_plugin_sign>(tables, SYNCLINE_SIGN_ID),
                  table_in<syncline_plugin_migrate>(tables, SYNCLINE_MIGRATE_ID),
                  table_in<syncline_plugin_state>(tables, SYNCLINE_STATE_ID),
                  table_in<syncline_plugin_idmap>(tables, SYNCLINE_IDMAP_ID),
                  table_in<syncline_plugin_file>(tables, SYNCLINE_FILE_ID)};
}

}  // namespace

class Generation::Library {
  public:
    boost::dll::shared_library handle;
};

Result<std::shared_ptr<Generation>> Generation::load(Options options) {
    const std::shared_ptr<Generation> generation{new Generation{std::move(options)}};
    auto promise = std::make_shared<std::promise<Result<void>>>();
    auto opened = promise->get_future();
    const std::shared_ptr<Worker> worker = generation->start_worker();
    worker->post([generation, promise] { promise->set_value(generation->open_library()); });
    if (opened.wait_for(generation->options_.call_limit) != std::future_status::ready) {
        worker->seize();
        generation->close();
        return broken("loading it did not end in time: its constructors do work");
    }
    if (auto result = opened.get(); !result) {
        generation->close();
        return std::move(result).error();
    }
    return generation;
}

std::shared_ptr<Worker> Generation::start_worker(Duty duty) {
    Worker::Options options;
    options.name = thread_name();
    options.clock = options_.clock;
    options.deadlines = options_.deadlines;
    options.recorder = options_.recorder;
    options.who = who();
    options.call_limit = options_.call_limit;
    if (options_.manifest.is_blocking) {
        // A blocking call waits for its platform: what ends it is the time limit of its operation.
        // Where no call may wait it is the start, which is interrupted at the limit.
        options.call_limit = duty == Duty::kPure ? options_.call_limit + options_.cancel_grace
                                                 : std::max(options_.call_limit, kBlockingLimit);
    }
    options.cancel_grace = options_.cancel_grace;
    options.on_stuck = [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self == nullptr) return;
        self->mark_stuck();
        core::log_error(
            "connector:" + self->options_.manifest.id,
            "the connector does not return from a call; it is out of service until restart",
            {{"version", self->options_.manifest.version}, {"generation", self->options_.number}});
    };
    const std::shared_ptr<Worker> worker = Worker::start(std::move(options));
    const std::lock_guard lock{mutex_};
    join_ended_workers();
    workers_.push_back(worker);
    return worker;
}

// A thread can't join itself, and the library may only go when all have been: the next one does it.
void Generation::join_ended_workers() {
    std::erase_if(workers_, [](const auto& worker) {
        if (!worker->is_over()) return false;
        worker->close();
        return true;
    });
}

void Generation::leave(Worker& worker) const {
    if (options_.manifest.is_blocking) worker.finish();
}

void Generation::set_call_limit(std::chrono::milliseconds limit) {
    if (options_.manifest.is_blocking) return;
    const std::lock_guard lock{mutex_};
    for (const auto& worker : workers_) worker->set_call_limit(limit);
}

std::shared_ptr<Worker> Generation::worker(Duty duty) {
    if (options_.manifest.is_blocking) return start_worker(duty);
    const std::lock_guard lock{mutex_};
    return workers_.front();
}

Result<void> Generation::open_library() {
    library_ = std::make_shared<Library>();
    note_subjects("", {});
    const InFlight in_flight{"loading it"};
    try {
        using boost::dll::load_mode::rtld_local;
        using boost::dll::load_mode::rtld_now;
        library_->handle.load(options_.path, rtld_now | rtld_local);
        const auto& plugin = library_->handle.get<const syncline_plugin>(SYNCLINE_PLUGIN_SYMBOL);
        SYNCLINE_CHECK(check_entry(plugin, options_));
        SYNCLINE_TRY(tables_, find_tables(plugin, options_.manifest));
    } catch (const std::exception& error) {
        return Error{kLoadFailed, std::string{"the system can't load it: "} + error.what()};
    }
    return {};
}

// Threads that the connector starts inherit it, so no two generations have the same.
std::string Generation::thread_name() const {
    const std::string number = '#' + std::to_string(options_.number);
    return options_.manifest.id.substr(0, kThreadNameMax - number.size()) + number;
}

// Whether a thread that the connector started still runs: its code must stay. One that is ending
// gets a moment.
bool Generation::has_own_threads() const {
    const std::string name = thread_name();
    for (int look = 0;; ++look) {
        std::size_t count = 0;
        std::error_code ignored;
        for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task", ignored}) {
            std::string line;
            std::ifstream file{task.path() / "comm"};
            if (std::getline(file, line) && line == name) ++count;
        }
        if (count == 0 || look == kThreadLooks) return count != 0;
        std::this_thread::sleep_for(kThreadLookPause);
    }
}

Unloading Generation::close() {
    std::vector<std::shared_ptr<Worker>> workers;
    {
        const std::lock_guard lock{mutex_};
        workers = workers_;
    }
    for (const auto& worker : workers) worker->close();
    const bool has_threads = !is_stuck_ && options_.manifest.can_unload && has_own_threads();
    if (has_threads) mark_stuck();
    const bool may_unload = !is_stuck_ && options_.manifest.can_unload;
    const Unloading unloading = may_unload ? unload() : Unloading::kKept;
    if (unloading == Unloading::kKept) keep_for_ever(shared_from_this());
    if (unloading != Unloading::kUnloaded) {
        core::log_info("plugin", "a connector's library stays mapped",
                       {{"connector", options_.manifest.id},
                        {"generation", options_.number},
                        {"why", may_unload    ? "something pins it"
                                : has_threads ? "threads that it started still run"
                                : is_stuck_   ? "it was left with work open"
                                              : "its manifest says never"}});
    }
    return unloading;
}

// The threads have ended, and their thread-local destructors have run: what pins the library now
// pins it for ever.
Unloading Generation::unload() {
    tables_ = {};
    if (library_ == nullptr || !library_->handle.is_loaded()) return Unloading::kUnloaded;
    {
        // Its destructors run here.
        const FlightRecorder::Seat seat{options_.recorder, who()};
        const InFlight in_flight{"unloading it"};
        library_->handle.unload();
    }
    void* still_there = ::dlopen(options_.path.c_str(), RTLD_NOLOAD | RTLD_LAZY | RTLD_LOCAL);
    if (still_there == nullptr) return Unloading::kUnloaded;
    ::dlclose(still_there);
    return Unloading::kPinned;
}

}  // namespace syncline::plugin
