#include "pipeline/settle.hpp"

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using plugin::FailureClass;
using plugin::OutcomeKind;
using store::Settlement;

namespace {

constexpr std::int64_t kNow = 1'000'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

store::LaneHead head_at(std::uint32_t attempt, store::ConnectionId answering = 0) {
    store::RecordRow row;
    row.answering = answering;
    store::LaneHead head;
    head.row = std::make_shared<const store::RecordRow>(std::move(row));
    head.connection = 3;
    head.lane = "k";
    head.record = {store::Position::of(1, 7), 2};
    head.attempt = attempt;
    return head;
}

store::Settled settle(const plugin::Outcome& outcome, std::uint32_t attempt = 1) {
    return pipeline::settle(head_at(attempt), outcome, {}, {kNow, 0});
}

}  // namespace

TEST_CASE("settle: what is done is delivered with the destination's key", "[pipeline][settle]") {
    store::Settled fact = settle(done("m-1"), 4);
    CHECK(fact.settlement == Settlement::kDelivered);
    CHECK(fact.destination_key == "m-1");
    CHECK(fact.connection == 3);
    CHECK(fact.lane == "k");
    CHECK(fact.record == store::RecordId{store::Position::of(1, 7), 2});
    CHECK(fact.attempt == 4);
    CHECK(fact.at_ns == kNow);
}

TEST_CASE("settle: hopeless failures are dead at once, the others wait", "[pipeline][settle]") {
    const std::vector<std::pair<FailureClass, Settlement>> table{
        {FailureClass::kConfig, Settlement::kRetry},
        {FailureClass::kAuthExpired, Settlement::kRetry},
        {FailureClass::kAuthDenied, Settlement::kRetry},
        {FailureClass::kRateLimited, Settlement::kRetry},
        {FailureClass::kTransient, Settlement::kRetry},
        {FailureClass::kPermanent, Settlement::kDead},
        {FailureClass::kNotFound, Settlement::kDead},
        {FailureClass::kConflict, Settlement::kDead},
        {FailureClass::kCursorInvalid, Settlement::kRetry},
        {FailureClass::kCancelled, Settlement::kRetry},
        {FailureClass::kDeadline, Settlement::kRetry},
        {FailureClass::kUnsupported, Settlement::kDead},
        {FailureClass::kPluginBug, Settlement::kRetry},
        {FailureClass::kHostBug, Settlement::kRetry},
        {FailureClass::kStale, Settlement::kRetry},
    };
    for (const auto& [failure_class, settlement] : table) {
        CAPTURE(plugin::to_string(failure_class));
        store::Settled fact = settle(failed(failure_class));
        CHECK(fact.settlement == settlement);
        CHECK_FALSE(fact.is_unknown);
        CHECK(fact.failure.failure_class == plugin::to_string(failure_class));
        CHECK(fact.failure.message == "the platform says no");
        CHECK(fact.failure.provider_code == "p1");
        CHECK((fact.due_ns > kNow) == (settlement == Settlement::kRetry));
    }
}

TEST_CASE("settle: what was not attempted or may have happened is tried again, named as such [C12]",
          "[pipeline][settle][C12]") {
    store::Settled unknown = settle(of_kind(OutcomeKind::kUnknown));
    CHECK(unknown.settlement == Settlement::kRetry);
    CHECK(unknown.is_unknown);
    CHECK(unknown.failure.failure_class == "unknown");
    store::Settled untouched = settle(of_kind(OutcomeKind::kNotAttempted));
    CHECK(untouched.settlement == Settlement::kRetry);
    CHECK_FALSE(untouched.is_unknown);
    CHECK(untouched.failure.failure_class == "not_attempted");
    // Only a failure that was reported can be hopeless.
    plugin::Outcome outcome = of_kind(OutcomeKind::kUnknown);
    outcome.failure.failure_class = FailureClass::kPermanent;
    CHECK(settle(outcome).settlement == Settlement::kRetry);
}

TEST_CASE("settle: the last attempt is the last, and a connector's bug gets three",
          "[pipeline][settle]") {
    CHECK(settle(failed(FailureClass::kTransient), 19).settlement == Settlement::kRetry);
    CHECK(settle(failed(FailureClass::kTransient), 20).settlement == Settlement::kDead);
    CHECK(settle(failed(FailureClass::kPluginBug), 2).settlement == Settlement::kRetry);
    CHECK(settle(failed(FailureClass::kPluginBug), 3).settlement == Settlement::kDead);
    store::Settled unknown = settle(of_kind(OutcomeKind::kUnknown), 20);
    CHECK(unknown.settlement == Settlement::kDead);
    CHECK(unknown.is_unknown);
}

TEST_CASE("settle: waits grow, and Retry-After is a lower bound", "[pipeline][settle]") {
    std::int64_t first = settle(failed(FailureClass::kTransient), 1).due_ns - kNow;
    std::int64_t fourth = settle(failed(FailureClass::kTransient), 4).due_ns - kNow;
    CHECK(first == 800 * kMs);  // one second, 20 % less by this chance
    CHECK(fourth == 6400 * kMs);
    std::int64_t asked = settle(failed(FailureClass::kRateLimited, 90'500)).due_ns - kNow;
    CHECK(asked == 91'000 * kMs);
    CHECK(settle(failed(FailureClass::kRateLimited, 0)).due_ns > kNow);
}

TEST_CASE("settle: a text from outside is cut at a character's border", "[pipeline][settle]") {
    CHECK(pipeline::bounded("short") == "short");
    std::string text(2047, 'a');
    text += "é and more";
    CHECK(pipeline::bounded(text) == std::string(2047, 'a') + "…");
    CHECK(pipeline::bounded(std::string(5000, '\x80')) == "…");
}

TEST_CASE("settle: a reply is kept for who waits, within its bound", "[pipeline][settle]") {
    plugin::Outcome outcome = done("m-1");
    outcome.reply = '"' + std::string(64 * 1024 - 2, 'x') + '"';
    const auto reply_for = [&](store::ConnectionId answering) {
        return pipeline::settle(head_at(1, answering), outcome, {}, {kNow, 0}).reply;
    };
    CHECK(reply_for(0).empty());
    CHECK(reply_for(4).empty());
    CHECK((reply_for(3) == outcome.reply));
    outcome.reply.push_back(' ');
    CHECK(reply_for(3) == R"({"error":"the reply of the destination has more than 64 KiB"})");
}
