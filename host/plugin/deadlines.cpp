#include "plugin/deadlines.hpp"

#include <algorithm>

namespace syncline::plugin {

Deadlines::Deadlines(const core::Clock& clock) : clock_(clock), thread_([this] { run(); }) {}

std::optional<Deadlines::Id> Deadlines::call_after(core::nanoseconds delay,
                                                   std::function<void()> callback) {
    constexpr core::nanoseconds kLongest = std::chrono::hours{24 * 365};
    const core::nanoseconds due =
        clock_.monotonic() + std::clamp(delay, core::nanoseconds{0}, kLongest);
    const std::lock_guard lock{mutex_};
    if (is_stopped_) return std::nullopt;
    const Id id{due, next_++};
    const bool is_first = pending_.empty() || id < pending_.begin()->first;
    pending_.emplace(id, std::move(callback));
    if (is_first) changed_.notify_one();
    return id;
}

void Deadlines::cancel(const Id& id) {
    std::function<void()> dropped;  // destroyed without the lock: it may own anything
    const std::lock_guard lock{mutex_};
    if (const auto found = pending_.find(id); found != pending_.end()) {
        dropped = std::move(found->second);
        pending_.erase(found);
    }
}

void Deadlines::stop() {
    std::map<Id, std::function<void()>> dropped;
    {
        const std::lock_guard lock{mutex_};
        is_stopped_ = true;
        dropped.swap(pending_);
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

void Deadlines::run() {
    std::unique_lock lock{mutex_};
    while (!is_stopped_) {
        if (pending_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const auto first = pending_.begin();
        const core::nanoseconds remaining = first->first.first - clock_.monotonic();
        if (remaining > core::nanoseconds{0}) {
            changed_.wait_for(lock, remaining);
            continue;
        }
        {
            std::function<void()> callback = std::move(first->second);
            pending_.erase(first);
            lock.unlock();
            callback();
        }
        lock.lock();
    }
}

}  // namespace syncline::plugin
