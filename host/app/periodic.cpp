#include "app/periodic.hpp"

#include <algorithm>
#include <utility>

#include "core/log.hpp"

namespace syncline::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr nanoseconds kTurnsApartMin = std::chrono::seconds{1};
constexpr nanoseconds kTurnsApartMax = std::chrono::hours{24 * 366};
// The clock may be set meanwhile.
constexpr nanoseconds kLookAgain = std::chrono::minutes{1};

}  // namespace

void Periodic::start() {
    options_.due->get([self = shared_from_this()](Result<std::optional<std::int64_t>> kept) {
        self->options_.post([self, kept = std::move(kept)] {
            if (!kept) return core::log_error("app", kept.error());
            self->due_ns_ = *kept;
            self->wait_until(self->due_ns_.value_or(self->now_ns()));
        });
    });
}

void Periodic::wait_until(std::int64_t at_ns) {
    if (is_stopped_) return;
    const std::int64_t now = now_ns();
    if (at_ns <= now) return work();
    const nanoseconds wait = std::min(nanoseconds{at_ns - now}, kLookAgain);
    options_.after(std::chrono::ceil<milliseconds>(wait),
                   [self = shared_from_this(), at_ns] { self->wait_until(at_ns); });
}

void Periodic::work() {
    options_.instance->work(
        due_ns_, kTurnLimit, [self = shared_from_this()](plugin::WorkResult result) {
            self->options_.post([self, result = std::move(result)] { self->end(result); });
        });
}

void Periodic::end(const plugin::WorkResult& result) {
    if (is_stopped_) return;
    const plugin::Failure& failure = result.failure;
    if (failure.failure_class == plugin::FailureClass::kNone) {
        failures_ = 0;
        if (!result.next_due_ns) return;
        const std::int64_t now = now_ns();
        due_ns_ = std::clamp(*result.next_due_ns, now + kTurnsApartMin.count(),
                             now + kTurnsApartMax.count());
        const auto go_on = [self = shared_from_this()] {
            self->options_.post([self] { self->wait_until(*self->due_ns_); });
        };
        return options_.due->put(*due_ns_, go_on);
    }
    core::log_warning("app", "the work of a connector failed; it is tried again",
                      {{"account", options_.account},
                       {"failures", ++failures_},
                       {"class", plugin::to_string(failure.failure_class)},
                       {"why", failure.message}});
    std::optional<std::chrono::seconds> asked;
    if (failure.retry_after_ms >= 0)
        asked = std::chrono::ceil<std::chrono::seconds>(milliseconds{failure.retry_after_ms});
    wait_until(
        schedule::due_after(now_ns(), options_.backoff, failures_, options_.random(), asked));
}

}  // namespace syncline::app
