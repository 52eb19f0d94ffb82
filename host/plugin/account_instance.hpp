// One account for as long as the hub runs: calls go to the instance that serves it now, which a new
// version of the connector replaces under load.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "plugin/instance.hpp"
#include "plugin/trial.hpp"

namespace syncline::plugin {

// Purpose: a call belongs to the instance that it began on, until it completes there. So a record
//   that waits for the result of the one before it never is on two generations at once. Results of
//   translations are taken in the order of their calls: those for a new instance wait until the old
//   one has given its last. During a trial writes, fetches and translations are divided by their
//   keys (trial.hpp), and a call belongs to both instances; everything else stays where it was.
// Lifecycle: the catalog makes it with its first instance; stop() is for ever.
// Concurrency: [any]; no lock is held while an instance or a callback runs.
// Limits: as many translations wait as callers have under way.
class AccountInstance final : public Instance,
                              public std::enable_shared_from_this<AccountInstance> {
  public:
    explicit AccountInstance(std::shared_ptr<Instance> first);

    // Of the version in service; those that were given out before hold for what they were asked.
    const Manifest& manifest() const override { return *manifest_.load(); }
    void handshake(WebhookRequest request,
                   std::function<void(Failure, WebhookReply)> done) override;
    void translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                   std::function<void(std::vector<Translation>)> done) override;
    void write(WriteBatch batch, std::function<void(WriteResult)> done) override;
    void fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) override;
    void read(ReadRequest request, std::function<void(ReadResult)> done) override;
    void check(std::chrono::milliseconds timeout, std::function<void(Failure)> done) override;
    void discover(std::chrono::milliseconds timeout,
                  std::function<void(Failure, std::string)> done) override;
    void work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds timeout,
              std::function<void(WorkResult)> done) override;
    void save_state(std::function<void(SavedState)> done) override;
    void verify(WebhookRequest request, core::Secret secret,
                std::function<void(Failure)> done) override;
    void answer(WebhookRequest request, Answer outcome,
                std::function<void(Failure, WebhookReply)> done) override;
    std::uint64_t misbehaviours() const override;
    void stop(std::chrono::milliseconds deadline, std::function<void()> stopped) override;

    // Where new calls go.
    std::shared_ptr<Instance> serving() const;

    // The time of one instance in service.
    struct Tenure {
        std::shared_ptr<Instance> instance;
        std::size_t open = 0;  // calls that have not completed; locked
    };
    // From now on new calls go to `next`. Returns the tenure that ends, or null when this is
    // stopped: then nothing has changed.
    std::shared_ptr<Tenure> change(std::shared_ptr<Instance> next);
    // Waits until no call is open on it. False when that takes longer, or a stop is asked for.
    bool await_idle(const Tenure& tenure, std::chrono::steady_clock::time_point deadline,
                    const std::stop_token& stop);
    // How long the calls for the version in service had to wait for results of the one before.
    std::chrono::nanoseconds held() const;
    // The tenure that ended last has been stopped.
    void forget_ended();

    // From now on `next` gets its share of new calls. False when this is stopped.
    bool begin_trial(std::shared_ptr<Instance> next, std::shared_ptr<TrialTally> tally,
                     std::uint32_t share_percent);
    // New calls go to one instance again: to the one that was tried, or to the other. Returns the
    // tenure that ends, or null when there is no trial or this is stopped.
    std::shared_ptr<Tenure> end_trial(bool takes_over);

  private:
    struct Waiting {
        std::vector<std::shared_ptr<const WebhookRequest>> requests;
        std::function<void(std::vector<Translation>)> done;
    };
    struct Trial {
        std::shared_ptr<Tenure> tenure;
        std::shared_ptr<TrialTally> tally;
        std::uint32_t share_percent = 0;
    };
    // Where a call goes: during a trial to both.
    struct Seats {
        std::shared_ptr<Tenure> tenure, tried;
        TrialPair pair;  // with `tried`
    };

    std::shared_ptr<Tenure> enter();
    Seats enter_seats();
    Seats seats();             // locked
    bool is_on_trial() const;  // locked
    void leave(Tenure& tenure);
    bool has_tried(const Waiting& call) const;  // locked
    bool may_begin(bool is_shared) const;       // locked
    void begin_translations();
    void end_translation(const Seats& seats);
    template <class... Values>
    std::function<void(Values...)> counted(Seats seats, std::function<void(Values...)> done);
    void use_manifest(const Manifest& manifest);  // locked

    // What differs from one version to the next and is asked for is which streams there are: as
    // many are kept as there were such changes.
    std::deque<Manifest> manifests_;
    std::atomic<const Manifest*> manifest_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::shared_ptr<Tenure> current_;
    std::shared_ptr<Tenure> ended_;  // the one before, while calls may be open on it
    std::optional<Trial> trial_;
    bool is_stopped_ = false;
    std::uint64_t past_misbehaviours_ = 0;  // of instances that are gone
    std::deque<Waiting> waiting_;
    const Tenure* translating_on_ = nullptr;  // while there are translations; null: on both
    std::size_t translations_ = 0;
    bool is_beginning_ = false;  // somebody is emptying the queue
    std::optional<std::chrono::steady_clock::time_point> held_since_;
    std::chrono::nanoseconds held_{0};  // the longest since the last change
};

}  // namespace syncline::plugin
