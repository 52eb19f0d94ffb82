#include "pipeline/settle.hpp"

#include "core/redact.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "schedule/backoff.hpp"

namespace syncline::pipeline {
namespace {

constexpr std::size_t kFailureTextMax = 2048;
constexpr std::size_t kReplyBytesMax = 64 * 1024;
constexpr std::string_view kReplyTooLarge =
    R"({"error":"the reply of the destination has more than 64 KiB"})";
constexpr std::uint32_t kPluginBugAttemptsMax = 3;

bool is_hopeless(plugin::FailureClass failure) {
    switch (failure) {
        case plugin::FailureClass::kPermanent:
        case plugin::FailureClass::kNotFound:
        case plugin::FailureClass::kConflict:
        case plugin::FailureClass::kUnsupported:
            return true;
        default:
            return false;
    }
}

store::FailureNote note(const plugin::Outcome& outcome) {
    store::FailureNote note;
    switch (outcome.kind) {
        case plugin::OutcomeKind::kUnknown:
            note.failure_class = "unknown";
            break;
        case plugin::OutcomeKind::kNotAttempted:
            note.failure_class = "not_attempted";
            break;
        default:
            note.failure_class = plugin::to_string(outcome.failure.failure_class);
            break;
    }
    note.message = bounded(outcome.failure.message);
    note.provider_code = bounded(outcome.failure.provider_code);
    return note;
}

}  // namespace

std::string bounded(std::string_view whole) {
    std::string text = core::redact(std::string{whole});
    if (text.size() <= kFailureTextMax) return text;
    std::size_t end = kFailureTextMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "…";
}

std::shared_ptr<const store::PlatformAnswer> answer_of(const plugin::WriteResult& result) {
    if (!result.answer) return nullptr;
    const plugin::PlatformAnswer& from = *result.answer;
    store::PlatformAnswer answer{from.request, from.status, from.content_type, from.body,
                                 from.body_bytes};
    return std::make_shared<const store::PlatformAnswer>(std::move(answer));
}

bool may_be_repeated(const plugin::Outcome& outcome) {
    if (outcome.kind == plugin::OutcomeKind::kNotAttempted) return true;
    return outcome.kind == plugin::OutcomeKind::kFailed &&
           !is_hopeless(outcome.failure.failure_class);
}

bool is_awaited(const store::LaneHead& head) {
    return head.row->answering == head.connection;
}

store::Settled settled(const store::LaneHead& head, store::Settlement settlement,
                       std::int64_t now_ns) {
    store::Settled fact;
    fact.connection = head.connection;
    fact.lane = head.lane;
    fact.record = head.record;
    fact.attempt = head.attempt;
    fact.settlement = settlement;
    fact.as_of = head.as_of;
    fact.at_ns = now_ns;
    return fact;
}

store::Settled settle(const store::LaneHead& head, const plugin::Outcome& outcome,
                      const DeliveryPolicy& policy, Moment moment) {
    if (outcome.kind == plugin::OutcomeKind::kDone) {
        store::Settled fact = settled(head, store::Settlement::kDelivered, moment.now_ns);
        fact.destination_key = outcome.destination_key;
        if (is_awaited(head)) {
            bool is_small = outcome.reply.size() <= kReplyBytesMax;
            fact.reply = is_small ? outcome.reply : std::string{kReplyTooLarge};
        }
        return fact;
    }
    bool is_failed = outcome.kind == plugin::OutcomeKind::kFailed;
    std::uint32_t attempts_max = policy.attempts_max;
    if (is_failed && outcome.failure.failure_class == plugin::FailureClass::kPluginBug) {
        attempts_max = std::min(attempts_max, kPluginBugAttemptsMax);
    }
    bool is_dead =
        head.attempt >= attempts_max || (is_failed && is_hopeless(outcome.failure.failure_class));
    store::Settled fact = settled(
        head, is_dead ? store::Settlement::kDead : store::Settlement::kRetry, moment.now_ns);
    fact.is_unknown = outcome.kind == plugin::OutcomeKind::kUnknown;
    fact.failure = note(outcome);
    if (!is_dead) {
        schedule::Backoff backoff{policy.retry_base, policy.retry_max};
        std::optional<std::chrono::seconds> retry_after;
        if (outcome.failure.retry_after_ms >= 0) {
            retry_after = std::chrono::ceil<std::chrono::seconds>(
                std::chrono::milliseconds{outcome.failure.retry_after_ms});
        }
        fact.due_ns =
            schedule::due_after(moment.now_ns, backoff, head.attempt, moment.random, retry_after);
    }
    return fact;
}

}  // namespace syncline::pipeline
