// The instances of one account on a blocking connector: as many as there may be things done at
// once, each on its own thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "plugin/instance.hpp"

namespace syncline::plugin {

inline constexpr std::uint32_t kBlockingInstancesMax = 16;

// Purpose: operations go to the member with the fewest open; what has to keep its order or must not
//   wait for a platform (handshakes, verification, translation, answers) has a member of its own.
// Concurrency: [any].
class InstancePool final : public Instance {
  public:
    // `pure` serves webhooks, `members` operations; neither is empty, and they may be the same.
    InstancePool(std::shared_ptr<Instance> pure, std::vector<std::shared_ptr<Instance>> members);

    const Manifest& manifest() const override { return pure_->manifest(); }
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
    std::uint64_t overdue() const override;
    void stop(std::chrono::milliseconds deadline, std::function<void()> stopped) override;

  private:
    struct Member {
        std::shared_ptr<Instance> instance;
        std::atomic<std::size_t> open{0};
    };
    const std::shared_ptr<Member>& least_busy() const;
    template <class... Values>
    static std::function<void(Values...)> counted(std::shared_ptr<Member> member,
                                                  std::function<void(Values...)> done);
    std::vector<std::shared_ptr<Instance>> all() const;  // each once

    const std::shared_ptr<Instance> pure_;
    std::vector<std::shared_ptr<Member>> members_;
};

}  // namespace syncline::plugin
