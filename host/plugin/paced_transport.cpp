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

}  // namespace

class Pacer final : public std::enable_shared_from_this<Pacer> {
  public:
    // Where a request goes, and how fast.
    struct Way {
        std::shared_ptr<HttpTransport> inner;
        RequestLimits limits;
    };

    Pacer(const core::Clock& clock, std::shared_ptr<Deadlines> deadlines)
        : clock_(clock), deadlines_(std::move(deadlines)) {}

    std::uint64_t send(const Way& way, HttpRequest request, std::function<void(HttpReply)> done) {
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
            waiting_.emplace(id, Waiting{way, std::move(request), std::move(done)});
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

    void cancel(std::uint64_t id) {
        if (give_up(id, FailureClass::kCancelled, "the request was cancelled")) return;
        Open open;
        {
            const std::lock_guard lock{mutex_};
            const auto found = open_.find(id);
            if (found == open_.end()) return;
            // Being handed over right now: whoever does it sees this.
            found->second.is_cancelled = true;
            open = found->second;
        }
        if (open.inner_id != 0) open.inner->cancel(open.inner_id);
    }

  private:
    struct Waiting {
        Way way;
        HttpRequest request;
        std::function<void(HttpReply)> done;
    };
    struct Open {
        std::shared_ptr<HttpTransport> inner;
        std::uint64_t inner_id = 0;
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
                auto first = waiting_.begin();
                const RequestLimits& limits = first->second.way.limits;
                if (limits.at_once != 0 && open_.size() >= limits.at_once) return false;
                if (!may_begin_now(limits)) return false;
                id = first->first;
                next = std::move(first->second);
                waiting_.erase(first);
                open_.emplace(id, Open{next.way.inner});
            }
            begin(id, std::move(next));
        }
    }

    // The mutex is held. The first one after a pause begins at once.
    bool may_begin_now(const RequestLimits& limits) {
        if (limits.per_second == 0) return true;
        const core::nanoseconds now = clock_.monotonic();
        if (now >= next_at_) {
            next_at_ = now + kSecond / limits.per_second;
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
        const std::uint64_t inner_id = next.way.inner->send(
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
            found->second.inner_id = inner_id;
            is_cancelled = found->second.is_cancelled;
        }
        if (is_cancelled) next.way.inner->cancel(inner_id);
    }

    const core::Clock& clock_;
    const std::shared_ptr<Deadlines> deadlines_;

    std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Waiting> waiting_;  // in the order of the calls
    std::map<std::uint64_t, Open> open_;
    core::nanoseconds next_at_{0};
    bool has_timer_ = false;
};

namespace {

class PacedTransport final : public HttpTransport {
  public:
    PacedTransport(Pacer::Way way, std::shared_ptr<Pacer> pacer)
        : way_(std::move(way)), pacer_(std::move(pacer)) {}

    std::uint64_t send(HttpRequest request, std::function<void(HttpReply)> done) override {
        return pacer_->send(way_, std::move(request), std::move(done));
    }
    void cancel(std::uint64_t id) override { pacer_->cancel(id); }

  private:
    const Pacer::Way way_;
    const std::shared_ptr<Pacer> pacer_;
};

}  // namespace

std::shared_ptr<Pacer> make_pacer(const core::Clock& clock, std::shared_ptr<Deadlines> deadlines) {
    return std::make_shared<Pacer>(clock, std::move(deadlines));
}

std::shared_ptr<HttpTransport> make_paced(std::shared_ptr<HttpTransport> inner,
                                          RequestLimits limits, std::shared_ptr<Pacer> pacer) {
    if (inner == nullptr || !limits.is_any()) return inner;
    return std::make_shared<PacedTransport>(Pacer::Way{std::move(inner), limits}, std::move(pacer));
}

}  // namespace syncline::plugin
