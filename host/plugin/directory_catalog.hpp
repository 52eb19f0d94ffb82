// The catalog of a directory: what it found there at its start (catalog.cpp), what takes over while
// it serves: new versions (catalog_swap.cpp), perhaps after a trial (catalog_trial.cpp), and
// accounts (catalog_accounts.cpp); and what the operator does with it and sees of it
// (catalog_operations.cpp).
#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugin/account_instance.hpp"
#include "plugin/catalog.hpp"
#include "plugin/deadlines.hpp"
#include "plugin/drop_file.hpp"
#include "plugin/generation.hpp"
#include "plugin/library.hpp"
#include "plugin/trial.hpp"
#include "plugin/version_notes.hpp"

namespace syncline::plugin {

// Libraries that could not be unloaded, of all connectors together: then only a restart helps.
inline constexpr std::uint64_t kPinnedMax = 8;

// Concurrency: as Catalog; refresh() has one thread, which blocks.
class DirectoryCatalog final : public Catalog {
  public:
    explicit DirectoryCatalog(Options options);
    ~DirectoryCatalog() override;

    Result<void> scan();

    std::vector<Manifest> manifests() const override;
    const std::vector<Refusal>& refusals() const override { return refusals_; }
    std::shared_ptr<ExaminedLibraries> examined() const override { return examined_; }
    const Manifest* find(std::string_view id) const override;
    Error unknown(std::string_view id) const override;
    Result<std::shared_ptr<Instance>> start(std::string_view id, InstanceOptions options) override;
    Result<std::unique_ptr<PreparedAccounts>> prepare(std::vector<AccountWish> wishes,
                                                      const std::stop_token& stop) override;
    void use_streams(const Instance& account, std::set<std::string> streams) override;
    std::optional<std::chrono::milliseconds> refresh(const std::stop_token& stop) override;
    void forgo_trials() override { tries_ = false; }
    Result<void> roll_back(std::string_view id, const std::stop_token& stop) override;
    Result<void> release(std::string_view id, const std::string& sha256_hex) override;
    Result<void> forget(std::string_view id) override;
    const SwapCounters& swaps() const override { return swaps_; }
    std::vector<ConnectorStatus> status() const override;
    std::vector<SwapEvent> events() const override;

  private:
    // An account that a connector serves, with all that starting it anew takes. The settings are as
    // the operator gave them, in memory for secrets.
    struct Served {
        std::weak_ptr<AccountInstance> account;
        InstanceOptions options;
    };
    // A file that can serve, or does.
    struct Candidate {
        Manifest manifest;
        std::string manifest_text;
        std::string sha256_hex;
        std::string file_name;
        std::filesystem::path staged;
        std::uint64_t number = 0;                // of the generation
        std::shared_ptr<Generation> generation;  // null until the first instance
    };
    // On its way into service: what discard() takes back until it is there.
    struct Successor {
        Candidate candidate;
        std::vector<std::shared_ptr<AccountInstance>> accounts;
        std::vector<InstanceOptions> options;              // one for each account
        std::vector<std::shared_ptr<Instance>> instances;  // the same
    };
    struct Trial {
        Successor successor;
        std::shared_ptr<TrialTally> tally = std::make_shared<TrialTally>();
        core::nanoseconds until{};        // by the monotonic clock
        std::uint64_t broken_before = 0;  // rules of the interface, by the version in service
    };
    struct Entry : Candidate {
        std::vector<Served> served;
        std::optional<Trial> trial;
        bool is_file_gone = false;  // and that was told
    };
    // An account whose calls go elsewhere now, and where they went.
    struct Ended {
        std::shared_ptr<AccountInstance> account;
        std::shared_ptr<AccountInstance::Tenure> tenure;
    };
    // A file as it was last seen.
    struct Seen {
        FileStamp stamp;
        std::string id;  // empty: the file is refused
        std::string version;
        std::string sha256_hex;
        bool is_unfit = false;  // it was tried, and did not come into service
    };
    class Accounts;

    // catalog.cpp
    bool will_load() const { return !options_.stage_dir.empty(); }
    Result<Library> examine(const DropDirectory& directory, const std::string& name,
                            const FileStamp& stamp);
    Library put_by(const std::string& name, Library library);
    Result<void> accept(const std::string& name, Library library);
    Result<void> accept_kept(const std::set<std::string>& ids);
    void refuse(const std::string& name, Error error);
    Result<Candidate> stage(const std::string& name, Library library);
    Result<void> load(Candidate& candidate, std::chrono::milliseconds call_limit);
    Result<std::shared_ptr<Instance>> start_on(const std::shared_ptr<Generation>& generation,
                                               InstanceOptions options,
                                               const std::stop_token& stop);
    Result<std::shared_ptr<Instance>> start_one(const std::shared_ptr<Generation>& generation,
                                                InstanceOptions options,
                                                const std::stop_token& stop,
                                                Duty duty = Duty::kAll);
    Result<std::shared_ptr<Instance>> start_pool(const std::shared_ptr<Generation>& generation,
                                                 const InstanceOptions& options,
                                                 const std::stop_token& stop);
    // Stops what is left of a generation's instances, or of all of them; ends with their end.
    void stop_instances(std::optional<std::uint64_t> generation,
                        std::chrono::milliseconds deadline);

    static void stop_all(const std::vector<std::shared_ptr<Instance>>& instances,
                         std::chrono::milliseconds deadline);

    // catalog_accounts.cpp
    Served* find_served(const Instance& account);

    // catalog_swap.cpp
    bool look_at(const DropDirectory& directory, const std::string& name);
    void look_around(const std::stop_token& stop);
    void tell_of_loser(const std::string& name, const std::map<std::string, std::string>& winners);
    std::map<std::string, std::string> winners() const;
    void tell_of_removed(const std::map<std::string, std::string>& winners);
    void consider(const DropDirectory& directory, const std::string& id, const std::string& name,
                  const std::stop_token& stop);
    Result<void> replace(Entry& entry, const std::string& name, Library library,
                         const std::stop_token& stop);
    Result<Successor> prepare(Entry& entry, const std::string& name, Library library,
                              std::chrono::milliseconds call_limit, const std::stop_token& stop);
    Result<void> start_all(Successor& successor, std::chrono::milliseconds call_limit,
                           const std::stop_token& stop);
    // One for each account, with its settings as this version takes them.
    Result<std::vector<std::shared_ptr<Instance>>> start_accounts(
        const std::shared_ptr<Generation>& generation, std::vector<InstanceOptions>& accounts,
        const std::stop_token& stop);
    void discard(Successor& successor);
    void hand_over(Entry& entry, Successor& successor, const std::stop_token& stop);
    void put_into_service(Entry& entry, Candidate next, std::vector<Ended> ended,
                          std::chrono::steady_clock::time_point switching_since,
                          const std::stop_token& stop);
    void leave(Candidate old, const std::vector<Ended>& ended, std::chrono::milliseconds limit,
               const std::stop_token& stop);
    void retire(Candidate& old, std::chrono::milliseconds limit);

    // catalog_trial.cpp
    void begin_trial(Entry& entry, Successor successor);
    void attend_trials(const std::stop_token& stop);
    TrialEvidence evidence_of(const Entry& entry) const;
    void take_back(Entry& entry, const std::string& why, const std::stop_token& stop);
    void end_trial(Entry& entry, SwapEvent::Kind kind, const std::string& why,
                   const std::stop_token& stop);
    void take_over(Entry& entry, const std::stop_token& stop);
    Result<std::vector<Ended>> move_late_accounts(Entry& entry, Successor& successor,
                                                  const std::stop_token& stop);

    // catalog_operations.cpp
    Result<void> go_back(Entry& entry, const std::stop_token& stop);
    bool is_quarantined(const std::string& id, const std::string& sha256_hex) const;
    Error quarantine_error(const std::string& id, const std::string& sha256_hex) const;
    void keep(const Candidate& candidate);
    void tell(SwapEvent::Kind kind, const Candidate& candidate, const std::string& why = "");
    void tell(SwapEvent event);
    void publish();

    const Options options_;
    const std::shared_ptr<Deadlines>
        deadlines_;  // shared with generations, which may be stuck and stay; null: it only tells
    std::map<std::string, Entry, std::less<>> entries_;
    std::vector<Refusal> refusals_;
    std::map<std::string, Seen> seen_;  // by name
    const std::shared_ptr<ExaminedLibraries> examined_ = std::make_shared<ExaminedLibraries>();
    SwapCounters swaps_;
    std::atomic<bool> tries_{true};     // new versions, if the policy says so
    std::vector<Candidate> left_over_;  // replaced while the hub ended
    std::mutex mutex_;  // guards generations while they are loaded, and the instances
    // By generation, until they are over.
    std::multimap<std::uint64_t, std::weak_ptr<Instance>> instances_;

    mutable std::mutex shown_mutex_;  // guards what is shown
    std::vector<ConnectorStatus> status_;
    std::deque<SwapEvent> events_;
    std::uint64_t last_event_ = 0;
};

}  // namespace syncline::plugin
