#include <algorithm>
#include <condition_variable>
#include <utility>

#include "core/assert.hpp"
#include "core/log.hpp"
#include "plugin/directory_catalog.hpp"
#include "plugin/errc.hpp"
#include "plugin/fit_settings.hpp"
#include "plugin/instance_pool.hpp"
#include "plugin/live_instance.hpp"
#include "plugin/manifest.hpp"
#include "plugin/paced_transport.hpp"
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

}  // namespace

DirectoryCatalog::DirectoryCatalog(Options options)
    : options_(std::move(options)),
      deadlines_(will_load() ? std::make_shared<Deadlines>(*options_.clock) : nullptr) {}

void DirectoryCatalog::refuse(const std::string& name, Error error) {
    const std::filesystem::path file = options_.connectors_dir / name;
    if (will_load()) core::log_error("plugin", error);
    refusals_.push_back({file, std::move(error)});
}

Result<void> DirectoryCatalog::scan() {
    SYNCLINE_TRY(const auto directory, DropDirectory::open(options_.connectors_dir));
    SYNCLINE_TRY(const auto names, directory.names());
    if (will_load()) SYNCLINE_CHECK(prepare_stage(options_.stage_dir));
    std::set<std::string> without;  // connectors with a file that may not serve
    for (const std::string& name : names) {
        // Before it is read: what changes meanwhile is read again by refresh().
        Seen& seen = seen_[name];
        seen.stamp = directory.stamp(name).value_or(FileStamp{});
        auto library = examine(directory, name, seen.stamp);
        if (!library) {
            refuse(name, std::move(library).error().at((options_.connectors_dir / name).string()));
            continue;
        }
        seen.id = library->manifest.id;
        seen.version = library->manifest.version;
        seen.sha256_hex = library->sha256_hex;
        if (is_quarantined(seen.id, seen.sha256_hex)) {
            without.insert(seen.id);
            refuse(name, quarantine_error(seen.id, seen.sha256_hex)
                             .at((options_.connectors_dir / name).string()));
        } else {
            SYNCLINE_CHECK(accept(
                name, will_load() ? std::move(*library) : put_by(name, std::move(*library))));
        }
    }
    if (options_.examined) options_.examined->by_name.clear();
    SYNCLINE_CHECK(accept_kept(without));
    publish();
    return {};
}

// What an earlier look read of a file counts as long as the file has not changed.
Result<Library> DirectoryCatalog::examine(const DropDirectory& directory, const std::string& name,
                                          const FileStamp& stamp) {
    if (!options_.examined) return examine_library(directory, name);
    auto known = options_.examined->by_name.extract(name);
    if (known.empty() || known.mapped().stamp != stamp) return examine_library(directory, name);
    SYNCLINE_CHECK(directory.check_trust());
    return std::move(known.mapped().library);
}

// For the catalog that will load it; to tell of it takes no bytes.
Library DirectoryCatalog::put_by(const std::string& name, Library library) {
    ExaminedLibraries::Examined& kept = examined_->by_name[name];
    kept = {seen_.at(name).stamp, std::move(library)};
    return {kept.library.manifest, kept.library.manifest_text, {}, kept.library.sha256_hex};
}

// In the place of a file that is quarantined serves the version that was kept.
Result<void> DirectoryCatalog::accept_kept(const std::set<std::string>& ids) {
    for (const std::string& id : ids) {
        if (entries_.contains(id)) continue;  // another file
        const ConnectorNote note = options_.versions->of(id);
        for (const auto* known : {&note.serving, &note.previous}) {
            if (!*known || is_quarantined(id, (*known)->sha256_hex)) continue;
            auto bytes = options_.versions->library(id, (*known)->sha256_hex);
            auto library = bytes ? examine_bytes(std::move(*bytes)) : std::move(bytes).error();
            if (library && library->manifest.id == id) {
                SYNCLINE_CHECK(accept((*known)->file, std::move(*library)));
                break;
            }
            if (!library) refuse((*known)->file, std::move(library).error());
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
    SYNCLINE_TRY(Candidate candidate, stage(name, std::move(library)));
    Entry entry;
    static_cast<Candidate&>(entry) = std::move(candidate);
    entries_.insert_or_assign(id, std::move(entry));
    return {};
}

Result<DirectoryCatalog::Candidate> DirectoryCatalog::stage(const std::string& name,
                                                            Library library) {
    Candidate candidate;
    candidate.manifest = std::move(library.manifest);
    candidate.manifest_text = std::move(library.manifest_text);
    candidate.file_name = name;
    candidate.number = next_generation();
    candidate.sha256_hex = std::move(library.sha256_hex);
    if (will_load()) {
        SYNCLINE_TRY(candidate.staged,
                     stage_library(options_.stage_dir, candidate.manifest.id, candidate.number,
                                   candidate.sha256_hex, library.bytes));
    }
    return candidate;
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

Result<void> DirectoryCatalog::load(Candidate& candidate, std::chrono::milliseconds call_limit) {
    const std::lock_guard lock{mutex_};
    if (candidate.generation != nullptr) return {};
    Generation::Options options;
    options.manifest = candidate.manifest;
    options.manifest_text = candidate.manifest_text;
    options.path = candidate.staged;
    options.sha256_hex = candidate.sha256_hex;
    options.number = candidate.number;
    options.clock = options_.clock;
    options.deadlines = deadlines_;
    options.recorder = options_.recorder;
    options.call_limit = call_limit;
    options.cancel_grace = options_.cancel_grace;
    auto generation = Generation::load(std::move(options));
    if (!generation) {
        return std::move(generation)
            .error()
            .at((options_.connectors_dir / candidate.file_name).string());
    }
    core::log_info("plugin", "connector loaded",
                   {{"connector", candidate.manifest.id},
                    {"version", candidate.manifest.version},
                    {"file", candidate.file_name},
                    {"sha256", candidate.sha256_hex},
                    {"generation", candidate.number}});
    candidate.generation = std::move(*generation);
    return {};
}

Result<std::shared_ptr<Instance>> DirectoryCatalog::start(std::string_view id,
                                                          InstanceOptions options) {
    SYNCLINE_ASSERT(will_load());
    const auto found = entries_.find(id);
    if (found == entries_.end()) return unknown(id);
    Entry& entry = found->second;
    const Manifest& manifest = entry.manifest;
    options.own_ids = std::make_shared<OwnIds>();
    options.pacer = make_pacer(*options_.clock, deadlines_);
    Served served;
    served.options = options;
    // Without its code, if that has nothing to say to them.
    Result<void> fits{};
    if (!manifest.can_migrate) {
        add_defaults(manifest.settings_schema, options.settings);
        fits = check_settings(manifest, options.settings);
    }
    if (fits) {
        SYNCLINE_CHECK(load(entry, options_.call_limit));
        fits = fit_settings(*entry.generation, options.settings);
    }
    if (!fits) return std::move(fits).error().at(options.account);
    SYNCLINE_TRY(std::shared_ptr<Instance> first,
                 start_on(entry.generation, std::move(options), {}));
    auto account = std::make_shared<AccountInstance>(std::move(first));
    served.account = account;
    keep(entry);
    const std::lock_guard lock{mutex_};
    entry.served.push_back(std::move(served));
    return std::shared_ptr<Instance>{std::move(account)};
}

Result<std::shared_ptr<Instance>> DirectoryCatalog::start_on(
    const std::shared_ptr<Generation>& generation, InstanceOptions options,
    const std::stop_token& stop) {
    options.http =
        make_paced(std::move(options.http), generation->manifest().data.limits, options.pacer);
    if (!generation->manifest().is_blocking) return start_one(generation, std::move(options), stop);
    return start_pool(generation, options, stop);
}

Result<std::shared_ptr<Instance>> DirectoryCatalog::start_one(
    const std::shared_ptr<Generation>& generation, InstanceOptions options,
    const std::stop_token& stop, Duty duty) {
    SYNCLINE_TRY(auto instance, LiveInstance::start(generation, std::move(options), stop, duty));
    const std::lock_guard lock{mutex_};
    std::erase_if(instances_, [](const auto& other) { return other.second.expired(); });
    instances_.emplace(generation->options().number, instance);
    return std::shared_ptr<Instance>{std::move(instance)};
}

// One that does not start takes the others with it.
Result<std::shared_ptr<Instance>> DirectoryCatalog::start_pool(
    const std::shared_ptr<Generation>& generation, const InstanceOptions& options,
    const std::stop_token& stop) {
    const Manifest& manifest = generation->manifest();
    const Duty duty = manifest.can_webhook ? Duty::kPure : Duty::kAll;
    SYNCLINE_TRY(std::shared_ptr<Instance> pure, start_one(generation, options, stop, duty));
    std::vector<std::shared_ptr<Instance>> members;
    if (!manifest.can_webhook) members.push_back(pure);
    const std::uint32_t count = std::clamp(options.concurrency, 1u, kBlockingInstancesMax);
    while (members.size() < count &&
           (manifest.can_write || manifest.can_fetch || manifest.can_read || manifest.can_check ||
            manifest.can_discover || manifest.can_work)) {
        auto member = start_one(generation, options, stop);
        if (!member) {
            if (manifest.can_webhook) members.push_back(std::move(pure));
            stop_all(members, options_.drain_limit);
            return std::move(member).error();
        }
        members.push_back(std::move(*member));
    }
    if (members.empty()) return pure;
    return std::shared_ptr<Instance>{
        std::make_shared<InstancePool>(std::move(pure), std::move(members))};
}

void DirectoryCatalog::stop_instances(std::optional<std::uint64_t> generation,
                                      std::chrono::milliseconds deadline) {
    std::vector<std::shared_ptr<Instance>> left;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [number, weak] : instances_) {
            if (generation && number != *generation) continue;
            if (auto instance = weak.lock()) left.push_back(std::move(instance));
        }
    }
    stop_all(left, deadline);
}

void DirectoryCatalog::stop_all(const std::vector<std::shared_ptr<Instance>>& instances,
                                std::chrono::milliseconds deadline) {
    struct Gate {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t open = 0;
    };
    const auto gate = std::make_shared<Gate>();
    gate->open = instances.size();
    for (const auto& instance : instances) {
        instance->stop(deadline, [gate] {
            const std::lock_guard lock{gate->mutex};
            --gate->open;
            gate->changed.notify_one();
        });
    }
    std::unique_lock lock{gate->mutex};
    gate->changed.wait(lock, [&] { return gate->open == 0; });
}

DirectoryCatalog::~DirectoryCatalog() {
    // The generation keeps an instance until it is over, so the last stop here finds all that are
    // in service.
    for (auto& [id, entry] : entries_)
        if (entry.trial) entry.trial->successor.instances.clear();
    stop_instances(std::nullopt, kLastStop);
    for (auto& [id, entry] : entries_) {
        if (entry.generation != nullptr) entry.generation->close();
        if (entry.trial) entry.trial->successor.candidate.generation->close();
    }
    for (const Candidate& old : left_over_) old.generation->close();
    if (deadlines_) deadlines_->stop();
}

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
