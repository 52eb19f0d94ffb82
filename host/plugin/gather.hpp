// Several completions, from any threads, that one thread waits for.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

namespace syncline::plugin {

// Purpose: `expect()` gives a callback for the value at an index; `wait()` takes what has come.
// Lifecycle: a value that comes after wait() has returned, or after the end of this, is dropped.
// Concurrency: expect() and wait() by one thread; the callbacks [any].
template <class Value>
class Gather {
  public:
    explicit Gather(std::size_t count) { shared_->values.resize(count); }

    std::function<void(Value)> expect(std::size_t index) {
        const std::lock_guard lock{shared_->mutex};
        ++shared_->open;
        return [shared = shared_, index](Value value) {
            const std::lock_guard relock{shared->mutex};
            shared->values[index] = std::move(value);
            --shared->open;
            shared->changed.notify_all();
        };
    }

    // Waits for all that are expected, at most this long, or until a stop is asked for. Empty where
    // nothing was expected, or has come.
    std::vector<std::optional<Value>> wait(std::chrono::milliseconds limit,
                                           const std::stop_token& stop) {
        std::unique_lock lock{shared_->mutex};
        shared_->changed.wait_for(lock, stop, limit, [&] { return shared_->open == 0; });
        return shared_->values;
    }

    // The first value, however long it takes.
    Value wait() {
        std::unique_lock lock{shared_->mutex};
        shared_->changed.wait(lock, [&] { return shared_->open == 0; });
        return *shared_->values.front();
    }

  private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable_any changed;
        std::vector<std::optional<Value>> values;
        std::size_t open = 0;
    };
    const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace syncline::plugin
