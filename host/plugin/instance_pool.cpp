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

// A completion that tells the member that it has one less to do.
template <class... Values>
std::function<void(Values...)> InstancePool::counted(std::shared_ptr<Member> member,
                                                     std::function<void(Values...)> done) {
    ++member->open;
    return [member = std::move(member), done = std::move(done)](Values... values) {
        --member->open;
        done(std::move(values)...);
    };
}

// They are alike: one speaks for all.
void InstancePool::save_state(std::function<void(SavedState)> done) {
    pure_->save_state(std::move(done));
}

void InstancePool::write(WriteBatch batch, std::function<void(WriteResult)> done) {
    const std::shared_ptr<Member> member = least_busy();
    member->instance->write(std::move(batch), counted(member, std::move(done)));
}

void InstancePool::fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) {
    const std::shared_ptr<Member> member = least_busy();
    member->instance->fetch(std::move(batch), counted(member, std::move(done)));
}

void InstancePool::read(ReadRequest request, std::function<void(ReadResult)> done) {
    const std::shared_ptr<Member> member = least_busy();
    member->instance->read(std::move(request), counted(member, std::move(done)));
}

void InstancePool::check(std::chrono::milliseconds timeout, std::function<void(Failure)> done) {
    const std::shared_ptr<Member> member = least_busy();
    member->instance->check(timeout, counted(member, std::move(done)));
}

void InstancePool::discover(std::chrono::milliseconds timeout,
                            std::function<void(Failure, std::string)> done) {
    const std::shared_ptr<Member> member = least_busy();
    member->instance->discover(timeout, counted(member, std::move(done)));
}

void InstancePool::work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds timeout,
                        std::function<void(WorkResult)> done) {
    const std::shared_ptr<Member> member = least_busy();
    member->instance->work(due_ns, timeout, counted(member, std::move(done)));
}

std::vector<std::shared_ptr<Instance>> InstancePool::all() const {
    std::vector<std::shared_ptr<Instance>> all;
    for (const auto& member : members_) all.push_back(member->instance);
    if (std::find(all.begin(), all.end(), pure_) == all.end()) all.push_back(pure_);
    return all;
}

std::uint64_t InstancePool::misbehaviours() const {
    std::uint64_t sum = 0;
    for (const auto& instance : all()) sum += instance->misbehaviours();
    return sum;
}

std::uint64_t InstancePool::overdue() const {
    std::uint64_t sum = 0;
    for (const auto& instance : all()) sum += instance->overdue();
    return sum;
}

void InstancePool::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
    const std::vector<std::shared_ptr<Instance>> all = this->all();
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
