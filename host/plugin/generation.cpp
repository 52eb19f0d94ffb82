#include "plugin/generation.hpp"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <future>
#include <utility>

#include "core/assert.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"
#include "plugin/errc.hpp"

namespace syncline::plugin {
namespace {

constexpr const char* kReportIt = "report it to the connector's author";

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

// One of the connector's tables, if it has it and it is large enough. [any]
template <class Table>
const Table* find_table(const syncline_plugin& plugin, std::string_view id,
                        std::uint32_t size_min) {
    const void* found = nullptr;
    call_connector([&] { found = plugin.get_table({id.data(), id.size()}); });
    const auto* table = static_cast<const Table*>(found);
    return table != nullptr && table->struct_size >= size_min ? table : nullptr;
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
    Tables tables;
    tables.plugin = &plugin;
    tables.http =
        find_table<syncline_plugin_http>(plugin, SYNCLINE_HTTP_ID, SYNCLINE_PLUGIN_HTTP_SIZE_1_0);
    if (tables.http != nullptr && tables.http->done == nullptr) {
        return broken("its table " SYNCLINE_HTTP_ID " lacks a function");
    }
    tables.file =
        find_table<syncline_plugin_file>(plugin, SYNCLINE_FILE_ID, SYNCLINE_PLUGIN_FILE_SIZE_1_0);
    if (tables.file != nullptr && tables.file->done == nullptr) {
        return broken("its table " SYNCLINE_FILE_ID " lacks a function");
    }
    if (manifest.can_webhook) {
        tables.webhook = find_table<syncline_plugin_webhook>(plugin, SYNCLINE_WEBHOOK_ID,
                                                             SYNCLINE_PLUGIN_WEBHOOK_SIZE_1_0);
        if (tables.webhook == nullptr || tables.webhook->translate == nullptr ||
            (!manifest.handshakes.empty() && tables.webhook->handshake == nullptr)) {
            return broken(
                "its manifest promises webhooks, its code has no complete "
                "table " SYNCLINE_WEBHOOK_ID);
        }
    }
    if (manifest.can_write) {
        tables.write = find_table<syncline_plugin_write>(plugin, SYNCLINE_WRITE_ID,
                                                         SYNCLINE_PLUGIN_WRITE_SIZE_1_0);
        if (tables.write == nullptr || tables.write->write == nullptr ||
            tables.write->cancel == nullptr) {
            return broken(
                "its manifest promises to write, its code has no complete "
                "table " SYNCLINE_WRITE_ID);
        }
    }
    return tables;
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
    generation->post([generation = generation.get(), promise] {
        promise->set_value(generation->open_library());
    });
    // The thread owns a share: it may be left stuck in the connector after everybody else has gone.
    generation->thread_ = std::thread([generation] { generation->run(); });
    generation->watch();
    if (opened.wait_for(generation->options_.call_limit) != std::future_status::ready) {
        generation->seize();
        generation->close();
        return broken("loading it did not end in time: its constructors do work");
    }
    if (auto result = opened.get(); !result) {
        generation->close();
        return std::move(result).error();
    }
    return generation;
}

bool Generation::is_own_thread() const {
    return thread_id_ == std::this_thread::get_id();
}

bool Generation::post(std::function<void()> task) {
    const std::lock_guard lock{mutex_};
    if (is_closing_ || is_seized_) return false;
    tasks_.push_back({std::move(task), false});
    changed_.notify_one();
    return true;
}

void Generation::complete(std::function<void()> completion) {
    {
        const std::lock_guard lock{mutex_};
        if (!is_closing_ && !is_seized_) {
            tasks_.push_back({std::move(completion), true});
            changed_.notify_one();
            return;
        }
    }
    if (!options_.deadlines->call_after(core::nanoseconds{0}, completion)) completion();
}

void Generation::insist(std::function<void()> task) {
    auto has_begun = std::make_shared<std::atomic<bool>>(false);
    const bool is_posted = post([task = std::move(task), has_begun] {
        *has_begun = true;
        task();
    });
    if (!is_posted) return;
    options_.deadlines->call_after(options_.cancel_grace, [self = shared_from_this(), has_begun] {
        if (!*has_begun) self->seize();
    });
}

void Generation::admit(std::shared_ptr<Resident> resident) {
    const std::lock_guard lock{mutex_};
    residents_.push_back(std::move(resident));
}

void Generation::release(const Resident* resident) {
    std::shared_ptr<Resident> released;  // dies without the lock
    const std::lock_guard lock{mutex_};
    for (auto& entry : residents_) {
        if (entry.get() != resident) continue;
        released = std::move(entry);
        entry = std::move(residents_.back());
        residents_.pop_back();
        return;
    }
}

void Generation::run() {
    thread_id_ = std::this_thread::get_id();
    core::name_this_thread(options_.manifest.id.c_str());
    std::unique_lock lock{mutex_};
    while (!is_seized_) {
        if (tasks_.empty()) {
            if (is_closing_) return;
            changed_.wait(lock);
            continue;
        }
        {
            const Task task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            busy_since_ns_ = options_.clock->monotonic().count();
            task.run();
        }
        busy_since_ns_ = 0;
        lock.lock();
    }
}

Result<void> Generation::open_library() {
    library_ = std::make_shared<Library>();
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

// Looks now and then whether a call into the connector takes longer than any may.
void Generation::watch() {
    options_.deadlines->call_after(options_.call_limit / 4, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self == nullptr) return;
        const core::nanoseconds since{self->busy_since_ns_.load()};
        const core::nanoseconds now = self->options_.clock->monotonic();
        if (since.count() != 0 && now - since > self->options_.call_limit) {
            self->seize();
        } else {
            self->watch();
        }
    });
}

void Generation::seize() {
    std::deque<Task> tasks;
    std::vector<std::shared_ptr<Resident>> residents;
    {
        const std::lock_guard lock{mutex_};
        if (is_seized_ || is_closing_) return;
        is_seized_ = true;
        is_stuck_ = true;
        tasks.swap(tasks_);
        residents = residents_;
        changed_.notify_one();
    }
    core::log_error("connector:" + options_.manifest.id,
                    "the connector does not return from a call; it is out of service until restart",
                    {{"version", options_.manifest.version}, {"generation", options_.number}});
    for (const Task& task : tasks) {
        if (task.is_completion) task.run();
    }
    for (const auto& resident : residents) resident->evict();
}

Unloading Generation::close() {
    SYNCLINE_ASSERT(!is_own_thread());
    bool is_blocked = false;
    {
        const std::lock_guard lock{mutex_};
        is_closing_ = true;
        is_blocked = is_seized_;
        changed_.notify_one();
    }
    if (is_blocked) {
        // It may never end. It has its share of this object; the residents are its memory, too.
        thread_.detach();
    } else {
        thread_.join();
    }
    const bool may_unload = !is_stuck_ && options_.manifest.can_unload;
    const Unloading unloading = may_unload ? unload() : Unloading::kKept;
    if (unloading == Unloading::kKept) keep_for_ever(shared_from_this());
    if (unloading != Unloading::kUnloaded) {
        core::log_info("plugin", "a connector's library stays mapped",
                       {{"connector", options_.manifest.id},
                        {"generation", options_.number},
                        {"why", may_unload  ? "something pins it"
                                : is_stuck_ ? "it was left with work open"
                                            : "its manifest says never"}});
    }
    return unloading;
}

// The thread has ended, and its thread-local destructors have run: what pins the library now pins
// it for ever.
Unloading Generation::unload() {
    tables_ = {};
    if (library_ == nullptr || !library_->handle.is_loaded()) return Unloading::kUnloaded;
    library_->handle.unload();
    void* still_there = ::dlopen(options_.path.c_str(), RTLD_NOLOAD | RTLD_LAZY | RTLD_LOCAL);
    if (still_there == nullptr) return Unloading::kUnloaded;
    ::dlclose(still_there);
    return Unloading::kPinned;
}

}  // namespace syncline::plugin
