#include "plugin/instance_pool.hpp"

#include <algorithm>
#include <utility>

#include "core/assert.hpp"

namespace syncline::plugin {

InstancePool::InstancePool(std::shared_ptr<Instance> pure,
                           std::vector<std::shared_ptr<Instance>> members)
    : pure_(std::move(pure)) {
    SYNCLINE_ASSERT(pure_ != nullptr && !members.empty());
    for (auto& instance : members) {
        members_.push_back(std::make_shared<Member>());
        members_.back()->instance = std::move(instance);
    }
}

const std::shared_ptr<InstancePool::Member>& InstancePool::least_busy() const {
    return *std::min_element(members_.begin(), members_.end(), [](const auto& a, const auto& b) {
        return a->open.load() < b->open.load();
    });
}

void InstancePool::handshake(WebhookRequest request,
                             std::function<void(Failure, WebhookReply)> done) {
    pure_->handshake(std::move(request), std::move(done));
}

void InstancePool::translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                             std::function<void(std::vector<Translation>)> done) {
    pure_->translate(std::move(requests), std::move(done));
}

void InstancePool::verify(WebhookRequest request, core::Secret secret,
                          std::function<void(Failure)> done) {
    pure_->verify(std::move(request), std::move(secret), std::move(done));
}

void InstancePool::answer(WebhookRequest request, Answer outcome,
                          std::function<void(Failure, WebhookReply)> done) {
    pure_->answer(std::move(request), std::move(outcome), std::move(done));
}

void InstancePool::write(WriteBatch batch, std::function<void(WriteResult)> done) {
    const std::shared_ptr<Member> member = least_busy();
    ++member->open;
    member->instance->write(std::move(batch), [member, done = std::move(done)](WriteResult result) {
        --member->open;
        done(std::move(result));
    });
}

void InstancePool::fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) {
    const std::shared_ptr<Member> member = least_busy();
    ++member->open;
    member->instance->fetch(std::move(batch),
                            [member, done = std::move(done)](std::vector<FetchResult> results) {
                                --member->open;
                                done(std::move(results));
                            });
}

void InstancePool::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
    std::vector<std::shared_ptr<Instance>> all;
    for (const auto& member : members_) all.push_back(member->instance);
    if (std::find(all.begin(), all.end(), pure_) == all.end()) all.push_back(pure_);
    struct Gate {
        std::atomic<std::size_t> open;
        std::function<void()> stopped;
    };
    const auto gate = std::make_shared<Gate>();
    gate->open = all.size();
    gate->stopped = std::move(stopped);
    for (const auto& instance : all) {
        instance->stop(deadline, [gate] {
            if (--gate->open == 0) gate->stopped();
        });
    }
}

}  // namespace syncline::plugin
