#include "plugin/worker.hpp"

#include <utility>

#include "core/assert.hpp"
#include "core/thread_name.hpp"

namespace syncline::plugin {

std::shared_ptr<Worker> Worker::start(Options options) {
    const std::shared_ptr<Worker> worker{new Worker{std::move(options)}};
    // The thread owns a share: it may be left stuck in the connector after everybody else has gone.
    worker->thread_ = std::thread([worker] { worker->run(); });
    worker->watch();
    return worker;
}

bool Worker::is_own_thread() const {
    return thread_id_ == std::this_thread::get_id();
}

bool Worker::post(std::function<void()> task) {
    const std::lock_guard lock{mutex_};
    if (is_closing_ || is_seized_) return false;
    tasks_.push_back({std::move(task), false});
    changed_.notify_one();
    return true;
}

void Worker::complete(std::function<void()> completion) {
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

void Worker::insist(std::function<void()> task) {
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

void Worker::admit(std::shared_ptr<Resident> resident) {
    const std::lock_guard lock{mutex_};
    residents_.push_back(std::move(resident));
}

void Worker::release(const Resident* resident) {
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

void Worker::run() {
    thread_id_ = std::this_thread::get_id();
    core::name_this_thread(options_.name.c_str());
    const FlightRecorder::Seat seat{options_.recorder, options_.who};
    std::unique_lock lock{mutex_};
    while (!is_seized_) {
        if (tasks_.empty()) {
            if (is_closing_) break;
            changed_.wait(lock);
            continue;
        }
        {
            const Task task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            busy_.enter();
            task.run();
        }
        busy_.leave();
        lock.lock();
    }
    is_over_ = !is_seized_;
}

// Looks now and then whether a call into the connector takes longer than any may.
void Worker::watch() {
    options_.deadlines->call_after(call_limit_.load() / 4, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self == nullptr) return;
        const core::nanoseconds now = self->options_.clock->monotonic();
        if (self->busy_.busy_for(now) > self->call_limit_.load()) {
            self->seize();
        } else {
            self->watch();
        }
    });
}

void Worker::seize() {
    std::deque<Task> tasks;
    std::vector<std::shared_ptr<Resident>> residents;
    {
        const std::lock_guard lock{mutex_};
        if (is_seized_ || is_closing_) return;
        is_seized_ = true;
        tasks.swap(tasks_);
        residents = residents_;
        changed_.notify_one();
    }
    options_.on_stuck();
    for (const Task& task : tasks) {
        if (task.is_completion) task.run();
    }
    for (const auto& resident : residents) resident->evict();
}

void Worker::finish() {
    const std::lock_guard lock{mutex_};
    is_closing_ = true;
    changed_.notify_one();
}

void Worker::close() {
    SYNCLINE_ASSERT(!is_own_thread());
    bool is_blocked = false;
    {
        const std::lock_guard lock{mutex_};
        is_closing_ = true;
        is_blocked = is_seized_;
        changed_.notify_one();
    }
    if (!thread_.joinable()) return;
    if (is_blocked) {
        // It may never end. It has its share of this object; the residents are its memory, too.
        thread_.detach();
    } else {
        thread_.join();
    }
}

}  // namespace syncline::plugin
