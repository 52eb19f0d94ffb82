#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "core/assert.hpp"
#include "core/hash.hpp"
#include "core/log.hpp"
#include "plugin/connector.hpp"
#include "plugin/deadlines.hpp"
#include "plugin/drop_file.hpp"
#include "plugin/errc.hpp"
#include "plugin/generation.hpp"
#include "plugin/instance_pool.hpp"
#include "plugin/library.hpp"
#include "plugin/live_instance.hpp"
#include "plugin/manifest.hpp"
#include "plugin/settings_schema.hpp"
#include "plugin/stage.hpp"

namespace syncline::plugin {
namespace {

// How long instances that nobody stopped get when the catalog goes.
constexpr std::chrono::milliseconds kLastStop{10'000};

// Counts all generations of the process: two catalogs never stage under one name.
std::uint64_t next_generation() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

struct Entry {
    Manifest manifest;
    std::string manifest_text;
    std::string sha256_hex;
    std::string file_name;
    std::filesystem::path staged;
    std::uint64_t generation_number = 0;
    std::shared_ptr<Generation> generation;  // null until the first instance
};

class DirectoryCatalog final : public Catalog {
  public:
    explicit DirectoryCatalog(Options options)
        : options_(std::move(options)), deadlines_(std::make_shared<Deadlines>(*options_.clock)) {}
    ~DirectoryCatalog() override;

    Result<void> scan();

    std::vector<Manifest> manifests() const override;
    const std::vector<Refusal>& refusals() const override { return refusals_; }
    const Manifest* find(std::string_view id) const override;
    Error unknown(std::string_view id) const override;
    Result<std::shared_ptr<Instance>> start(std::string_view id, InstanceOptions options) override;

  private:
    bool will_load() const { return !options_.stage_dir.empty(); }
    Result<void> accept(const std::string& name, Library library);
    void refuse(const std::string& name, Error error);
    Result<std::shared_ptr<Instance>> start_one(const std::shared_ptr<Generation>& generation,
                                                InstanceOptions options);
    Result<std::shared_ptr<Instance>> start_pool(const std::shared_ptr<Generation>& generation,
                                                 const InstanceOptions& options);
    Result<std::shared_ptr<Generation>> generation_of(Entry& entry);

    const Options options_;
    const std::shared_ptr<Deadlines>
        deadlines_;  // shared with generations, which may be stuck and stay
    std::map<std::string, Entry, std::less<>> entries_;
    std::vector<Refusal> refusals_;
    std::mutex mutex_;  // guards the generations and the instances
    std::vector<std::weak_ptr<Instance>> instances_;
};

void DirectoryCatalog::refuse(const std::string& name, Error error) {
    const std::filesystem::path file = options_.connectors_dir / name;
    if (will_load()) core::log_error("plugin", error);
    refusals_.push_back({file, std::move(error)});
}

Result<void> DirectoryCatalog::scan() {
    SYNCLINE_TRY(const auto directory, DropDirectory::open(options_.connectors_dir));
    SYNCLINE_TRY(const auto names, directory.names());
    if (will_load()) SYNCLINE_CHECK(prepare_stage(options_.stage_dir));
    for (const std::string& name : names) {
        auto library = examine_library(directory, name);
        if (library) {
            SYNCLINE_CHECK(accept(name, std::move(*library)));
        } else {
            refuse(name, std::move(library).error().at((options_.connectors_dir / name).string()));
        }
    }
    return {};
}

// Of two files with one id the higher version serves; of equal ones the first.
Result<void> DirectoryCatalog::accept(const std::string& name, Library library) {
    const std::string id = library.manifest.id;
    if (const auto found = entries_.find(id); found != entries_.end()) {
        const Entry& other = found->second;
        const bool is_newer =
            compare_versions(library.manifest.version, other.manifest.version) > 0;
        const std::string& loser = is_newer ? other.file_name : name;
        const std::string& winner = is_newer ? name : other.file_name;
        const std::string& lower = is_newer ? other.manifest.version : library.manifest.version;
        const std::string& higher = is_newer ? library.manifest.version : other.manifest.version;
        refuse(loser, Error{kDuplicateId, "the connector \"" + id + "\" " + lower + " is also in " +
                                              winner + ", version " + higher + ", which is used"}
                          .at((options_.connectors_dir / loser).string()));
        if (!is_newer) return {};
    }
    Entry entry;
    entry.manifest = std::move(library.manifest);
    entry.manifest_text = std::move(library.manifest_text);
    entry.file_name = name;
    entry.generation_number = next_generation();
    entry.sha256_hex = core::to_hex(core::sha256(library.bytes));
    if (will_load()) {
        SYNCLINE_TRY(entry.staged, stage_library(options_.stage_dir, id, entry.generation_number,
                                                 entry.sha256_hex, library.bytes));
    }
    entries_.insert_or_assign(id, std::move(entry));
    return {};
}

std::vector<Manifest> DirectoryCatalog::manifests() const {
    std::vector<Manifest> manifests;
    for (const auto& [id, entry] : entries_) manifests.push_back(entry.manifest);
    return manifests;
}

const Manifest* DirectoryCatalog::find(std::string_view id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second.manifest;
}

Error DirectoryCatalog::unknown(std::string_view id) const {
    std::string what = "there is no connector \"" + std::string{id} + "\" in " +
                       options_.connectors_dir.string() + "; there are: ";
    if (entries_.empty()) what += "none";
    bool is_first = true;
    for (const auto& [known, entry] : entries_) {
        if (!is_first) what += ", ";
        is_first = false;
        what += known;
    }
    for (const Refusal& refusal : refusals_) {
        what += "; refused " + refusal.file.filename().string() + ": " + refusal.error.what();
    }
    return Error{kUnknownConnector, std::move(what)};
}

Result<std::shared_ptr<Generation>> DirectoryCatalog::generation_of(Entry& entry) {
    const std::lock_guard lock{mutex_};
    if (entry.generation != nullptr) return entry.generation;
    Generation::Options options;
    options.manifest = entry.manifest;
    options.manifest_text = entry.manifest_text;
    options.path = entry.staged;
    options.number = entry.generation_number;
    options.clock = options_.clock;
    options.deadlines = deadlines_;
    options.call_limit = options_.call_limit;
    options.cancel_grace = options_.cancel_grace;
    auto generation = Generation::load(std::move(options));
    if (!generation) {
        return std::move(generation)
            .error()
            .at((options_.connectors_dir / entry.file_name).string());
    }
    core::log_info("plugin", "connector loaded",
                   {{"connector", entry.manifest.id},
                    {"version", entry.manifest.version},
                    {"file", entry.file_name},
                    {"sha256", entry.sha256_hex},
                    {"generation", entry.generation_number}});
    entry.generation = *generation;
    return entry.generation;
}

Result<std::shared_ptr<Instance>> DirectoryCatalog::start(std::string_view id,
                                                          InstanceOptions options) {
    SYNCLINE_ASSERT(will_load());
    const auto found = entries_.find(id);
    if (found == entries_.end()) return unknown(id);
    const Manifest& manifest = found->second.manifest;
    options.settings = with_defaults(manifest.settings_schema, std::move(options.settings));
    if (auto checked = check_settings(manifest, options.settings); !checked) {
        return std::move(checked).error().at(options.account);
    }
    SYNCLINE_TRY(auto generation, generation_of(found->second));
    if (!manifest.is_blocking) return start_one(generation, std::move(options));
    return start_pool(generation, options);
}

Result<std::shared_ptr<Instance>> DirectoryCatalog::start_one(
    const std::shared_ptr<Generation>& generation, InstanceOptions options) {
    SYNCLINE_TRY(auto instance, LiveInstance::start(generation, std::move(options)));
    const std::lock_guard lock{mutex_};
    std::erase_if(instances_, [](const auto& other) { return other.expired(); });
    instances_.push_back(instance);
    return std::shared_ptr<Instance>{std::move(instance)};
}

// Those that have started when one does not are stopped with the catalog.
Result<std::shared_ptr<Instance>> DirectoryCatalog::start_pool(
    const std::shared_ptr<Generation>& generation, const InstanceOptions& options) {
    const Manifest& manifest = generation->manifest();
    SYNCLINE_TRY(std::shared_ptr<Instance> pure, start_one(generation, options));
    std::vector<std::shared_ptr<Instance>> members;
    if (!manifest.can_webhook) members.push_back(pure);
    const std::uint32_t count = std::clamp(options.concurrency, 1u, kBlockingInstancesMax);
    while (members.size() < count && (manifest.can_write || manifest.can_fetch)) {
        SYNCLINE_TRY(std::shared_ptr<Instance> member, start_one(generation, options));
        members.push_back(std::move(member));
    }
    if (members.empty()) return pure;
    return std::shared_ptr<Instance>{
        std::make_shared<InstancePool>(std::move(pure), std::move(members))};
}

DirectoryCatalog::~DirectoryCatalog() {
    // The generation keeps an instance until it is over, so the last stop here finds all that are
    // in service.
    struct Gate {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t open = 0;
    };
    const auto gate = std::make_shared<Gate>();
    for (const auto& weak : instances_) {
        const auto instance = weak.lock();
        if (instance == nullptr) continue;
        {
            const std::lock_guard lock{gate->mutex};
            ++gate->open;
        }
        instance->stop(kLastStop, [gate] {
            const std::lock_guard lock{gate->mutex};
            --gate->open;
            gate->changed.notify_one();
        });
    }
    {
        std::unique_lock lock{gate->mutex};
        gate->changed.wait(lock, [&] { return gate->open == 0; });
    }
    for (auto& [id, entry] : entries_) {
        if (entry.generation != nullptr) entry.generation->close();
    }
    deadlines_->stop();
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(Options options) {
    SYNCLINE_ASSERT(options.clock != nullptr);
    auto catalog = std::make_unique<DirectoryCatalog>(std::move(options));
    SYNCLINE_CHECK(catalog->scan());
    return std::unique_ptr<Catalog>{std::move(catalog)};
}

Result<Manifest> read_manifest(const std::filesystem::path& file) {
    const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
    SYNCLINE_TRY(const auto directory, DropDirectory::open(parent));
    auto library = examine_library(directory, file.filename().string());
    if (!library) return std::move(library).error().at(file.string());
    return std::move(library->manifest);
}

}  // namespace syncline::plugin
