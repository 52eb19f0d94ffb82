#include "plugin/paced_transport.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace syncline::plugin {
namespace {

constexpr core::nanoseconds kSecond{1'000'000'000};

HttpReply not_sent(FailureClass failure_class, const char* message) {
    HttpReply reply;
    reply.failure = {failure_class, message, "", -1};
    return reply;
}

class PacedTransport final : public HttpTransport,
                             public std::enable_shared_from_this<PacedTransport> {
  public:
    PacedTransport(std::shared_ptr<HttpTransport> inner, RequestLimits limits,
                   const core::Clock& clock, std::shared_ptr<Deadlines> deadlines)
        : inner_(std::move(inner)),
          limits_(limits),
          clock_(clock),
          deadlines_(std::move(deadlines)) {}

    std::uint64_t send(HttpRequest request, std::function<void(HttpReply)> done) override {
        const auto timeout = request.timeout;
        std::uint64_t id = 0;
        {
            const std::lock_guard lock{mutex_};
            id = ++last_;
            if (waiting_.size() >= kWaitingRequestsMax) {
                end_later(std::move(done), FailureClass::kRateLimited,
                          "too many requests wait for the platform's limit");
                return id;
            }
            waiting_.emplace(id, Waiting{std::move(request), std::move(done)});
        }
        if (!begin_some() && is_waiting(id)) {
            deadlines_->call_after(timeout, [weak = weak_from_this(), id] {
                if (const auto self = weak.lock())
                    self->give_up(id, FailureClass::kDeadline,
                                  "the request waited for the platform's limit until its timeout");
            });
        }
        return id;
    }

    void cancel(std::uint64_t id) override {
        if (give_up(id, FailureClass::kCancelled, "the request was cancelled")) return;
        std::uint64_t inner = 0;
        {
            const std::lock_guard lock{mutex_};
            const auto found = open_.find(id);
            if (found == open_.end()) return;
            // Being handed over right now: whoever does it sees this.
            found->second.is_cancelled = true;
            inner = found->second.inner;
        }
        if (inner != 0) inner_->cancel(inner);
    }

  private:
    struct Waiting {
        HttpRequest request;
        std::function<void(HttpReply)> done;
    };
    struct Open {
        std::uint64_t inner = 0;
        bool is_cancelled = false;
    };

    // Never from inside the call that leads to it.
    void end_later(std::function<void(HttpReply)> done, FailureClass failure_class,
                   const char* message) {
        deadlines_->call_after(core::nanoseconds{0},
                               [done = std::move(done), failure_class, message] {
                                   done(not_sent(failure_class, message));
                               });
    }

    bool is_waiting(std::uint64_t id) {
        const std::lock_guard lock{mutex_};
        return waiting_.contains(id);
    }

    // False: it does not wait.
    bool give_up(std::uint64_t id, FailureClass failure_class, const char* message) {
        const std::lock_guard lock{mutex_};
        const auto found = waiting_.find(id);
        if (found == waiting_.end()) return false;
        end_later(std::move(found->second.done), failure_class, message);
        waiting_.erase(found);
        return true;
    }

    // Begins what may begin now, and comes back when the next one may. True: nothing is left.
    bool begin_some() {
        while (true) {
            std::uint64_t id = 0;
            Waiting next;
            {
                const std::lock_guard lock{mutex_};
                if (waiting_.empty()) return true;
                if (limits_.at_once != 0 && open_.size() >= limits_.at_once) return false;
                if (!may_begin_now()) return false;
                auto first = waiting_.begin();
                id = first->first;
                next = std::move(first->second);
                waiting_.erase(first);
                open_.emplace(id, Open{});
            }
            begin(id, std::move(next));
        }
    }

    // The mutex is held. The first one after a pause begins at once.
    bool may_begin_now() {
        if (limits_.per_second == 0) return true;
        const core::nanoseconds now = clock_.monotonic();
        if (now >= next_at_) {
            next_at_ = now + kSecond / limits_.per_second;
            return true;
        }
        if (!has_timer_) {
            has_timer_ = deadlines_
                             ->call_after(next_at_ - now,
                                          [weak = weak_from_this()] {
                                              if (const auto self = weak.lock()) self->on_timer();
                                          })
                             .has_value();
        }
        return false;
    }

    void on_timer() {
        {
            const std::lock_guard lock{mutex_};
            has_timer_ = false;
        }
        begin_some();
    }

    void begin(std::uint64_t id, Waiting next) {
        const std::uint64_t inner = inner_->send(
            std::move(next.request),
            [self = shared_from_this(), id, done = std::move(next.done)](HttpReply reply) {
                {
                    const std::lock_guard lock{self->mutex_};
                    self->open_.erase(id);
                }
                done(std::move(reply));
                self->begin_some();
            });
        bool is_cancelled = false;
        {
            const std::lock_guard lock{mutex_};
            const auto found = open_.find(id);
            if (found == open_.end()) return;  // it has ended already
            found->second.inner = inner;
            is_cancelled = found->second.is_cancelled;
        }
        if (is_cancelled) inner_->cancel(inner);
    }

    const std::shared_ptr<HttpTransport> inner_;
    const RequestLimits limits_;
    const core::Clock& clock_;
    const std::shared_ptr<Deadlines> deadlines_;

    std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Waiting> waiting_;  // in the order of the calls
    std::map<std::uint64_t, Open> open_;
    core::nanoseconds next_at_{0};
    bool has_timer_ = false;
};

}  // namespace

std::shared_ptr<HttpTransport> make_paced(std::shared_ptr<HttpTransport> inner,
                                          RequestLimits limits, const core::Clock& clock,
                                          std::shared_ptr<Deadlines> deadlines) {
    if (inner == nullptr || !limits.is_any()) return inner;
    return std::make_shared<PacedTransport>(std::move(inner), limits, clock, std::move(deadlines));
}

}  // namespace syncline::plugin
