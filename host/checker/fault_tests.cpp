// Tests of writing while the platform, the network or the hub's patience fails.
#include <algorithm>
#include <random>

#include "checker/errc.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"

namespace syncline::checker {
namespace {

using plugin::FailureClass;
using plugin::Outcome;
using plugin::OutcomeKind;

constexpr int kGarbageAnswers = 300;

bool is_judged(const WriteRun& run) {
    return std::ranges::all_of(run.outcomes, [](const auto& each) { return each.has_value(); });
}

std::size_t count(const WriteRun& run, OutcomeKind kind) {
    return static_cast<std::size_t>(std::ranges::count_if(
        run.outcomes, [&](const auto& each) { return each && each->kind == kind; }));
}

bool any_failure(const WriteRun& run, FailureClass failure_class) {
    return std::ranges::any_of(run.outcomes, [&](const auto& each) {
        return each && each->kind != OutcomeKind::kDone &&
               each->failure.failure_class == failure_class;
    });
}

// Writes to each stream that the connector serves by requests, as it does when all is well; `look`
// says what is wrong with the run, or nothing.
template <class Look>
Result<Verdict> with_fault(const Subject& subject, const Responder& respond, const Look& look) {
    SYNCLINE_TRY(const auto streams, destinations(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    bool is_tried = false;
    for (const plugin::StreamSpec& stream : streams) {
        StrictHost host{subject, loaded};
        SYNCLINE_CHECK(host.begin());
        const WriteRun well = host.write(sample_write(stream, accepts()));
        if (well.requests.empty() || !well.is_complete || !is_judged(well)) continue;
        is_tried = true;
        const WriteRun run = host.write(sample_write(stream, respond, "f"));
        const std::string of = "stream " + stream.name + ": ";
        if (!run.begun.is_ok()) continue;
        if (!run.is_complete) return failed(of + "the write was never completed");
        if (!is_judged(run)) return failed(of + "a record got no outcome");
        if (const std::string wrong = look(run); !wrong.empty()) return failed(of + wrong);
    }
    if (!is_tried)
        return Error{kNotApplicable, "the connector sends no request for the sample records"};
    return passed();
}

Result<Verdict> rate_limited(const Subject& subject) {
    return with_fault(subject, answers(429, "{}", {{"retry-after", "7"}}), [](const WriteRun& run) {
        if (count(run, OutcomeKind::kDone) > 0)
            return std::string{"a record is DONE although the platform answered 429"};
        return any_failure(run, FailureClass::kRateLimited)
                   ? std::string{}
                   : std::string{"429 was not reported as RATE_LIMITED"};
    });
}

Result<Verdict> retry_after(const Subject& subject) {
    return with_fault(subject, answers(429, "{}", {{"retry-after", "7"}}), [](const WriteRun& run) {
        for (const auto& outcome : run.outcomes) {
            if (outcome->failure.failure_class == FailureClass::kRateLimited &&
                outcome->kind != OutcomeKind::kDone && outcome->failure.retry_after_ms != 7000) {
                return "the platform said `Retry-After: 7`, the connector retry_after_ms " +
                       std::to_string(outcome->failure.retry_after_ms);
            }
        }
        return std::string{};
    });
}

Result<Verdict> server_error(const Subject& subject) {
    return with_fault(subject, answers(500, R"({"error":"sample"})"), [](const WriteRun& run) {
        if (count(run, OutcomeKind::kDone) > 0)
            return std::string{"a record is DONE although the platform answered 500"};
        for (const auto& outcome : run.outcomes) {
            const FailureClass failure_class = outcome->failure.failure_class;
            if (outcome->kind == OutcomeKind::kFailed &&
                failure_class != FailureClass::kTransient &&
                failure_class != FailureClass::kRateLimited) {
                return "500 was reported as " + std::string{plugin::to_string(failure_class)} +
                       ", not as TRANSIENT";
            }
        }
        return std::string{};
    });
}

std::string judge_lost(const WriteRun& run) {
    if (count(run, OutcomeKind::kDone) > 0) return "a record is DONE although no answer came";
    if (count(run, OutcomeKind::kFailed) > 0)
        return "a record is FAILED, surely without effect, although its request may have had one";
    return count(run, OutcomeKind::kUnknown) > 0
               ? ""
               : "no record is UNKNOWN although a request may have had its effect";
}

Result<Verdict> reset(const Subject& subject) {
    return with_fault(subject, breaks(FailureClass::kTransient, true), judge_lost);
}

Result<Verdict> deadline(const Subject& subject) {
    return with_fault(subject, breaks(FailureClass::kDeadline, true), judge_lost);
}

Result<Verdict> not_sent(const Subject& subject) {
    return with_fault(subject, breaks(FailureClass::kTransient, false),
                      [](const WriteRun& run) {
                          return count(run, OutcomeKind::kDone) > 0
                   ? std::string{"a record is DONE although its request was never sent"}
                   : std::string{};
                      });
}

Result<Verdict> truncated(const Subject& subject) {
    for (const char* body : {"{\"resul", "[", "{\"results\":[{\"index\":", "\"", ""}) {
        SYNCLINE_TRY(
            const Verdict verdict,
            with_fault(subject, answers(200, body), [](const WriteRun&) { return std::string{}; }));
        if (verdict.status != Status::kPassed) return verdict;
    }
    return passed();
}

std::string garbage(std::mt19937_64& random) {
    static constexpr std::string_view kPieces[] = {
        "{",      "}",         "[",         "]",       "\"",    ":",
        ",",      "null",      "true",      "-1",      "1e999", "\"results\"",
        "\"id\"", "\"index\"", "\"error\"", "\\u0000", "\xff",  "9999999999999999999999",
        " ",      "\n"};
    std::string text;
    const std::size_t length = random() % 40;
    for (std::size_t i = 0; i < length; ++i) {
        if (random() % 4 == 0) {
            text += static_cast<char>(random());
        } else {
            text += kPieces[random() % std::size(kPieces)];
        }
    }
    return text;
}

Result<Verdict> garbage_answers(const Subject& subject) {
    std::mt19937_64 random{subject.seed};
    const Responder respond = [&random](const plugin::HttpRequest&) {
        static constexpr int kStatuses[] = {200, 201, 204, 206, 301, 400, 404, 409, 418, 503, 599};
        plugin::HttpReply reply;
        reply.has_response = true;
        reply.status = kStatuses[random() % std::size(kStatuses)];
        reply.may_have_been_processed = true;
        reply.headers.emplace_back("retry-after", garbage(random).substr(0, 9));
        reply.body = garbage(random);
        return reply;
    };
    SYNCLINE_TRY(const auto streams, destinations(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    const WriteRun well = host.write(sample_write(streams.front(), accepts()));
    if (well.requests.empty() || !well.is_complete)
        return Error{kNotApplicable, "the connector sends no request for the sample records"};
    for (int i = 0; i < kGarbageAnswers; ++i) {
        const auto& stream = streams[static_cast<std::size_t>(i) % streams.size()];
        const WriteRun run = host.write(sample_write(stream, respond, "g"));
        if (run.begun.is_ok() && !run.is_complete)
            return failed("after garbage from the platform a write was never completed");
    }
    return passed();
}

Result<std::vector<plugin::StreamSpec>> cancellable(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    if (manifest->is_blocking)
        return Error{kNotApplicable, "the host ends the waits of a blocking connector"};
    return destinations(subject);
}

Result<Verdict> cancel_at_once(const Subject& subject) {
    SYNCLINE_TRY(const auto streams, cancellable(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    for (const plugin::StreamSpec& stream : streams) {
        StrictHost host{subject, loaded};
        SYNCLINE_CHECK(host.begin());
        if (!host.write(sample_write(stream, accepts())).is_complete) continue;
        WritePlan plan = sample_write(stream, accepts(), "c");
        plan.cancel_after = 0;
        const WriteRun run = host.write(plan);
        if (run.begun.is_ok() && !run.is_complete)
            return failed("stream " + stream.name + ": a cancelled write was never completed");
    }
    return passed();
}

Result<Verdict> cancel_everywhere(const Subject& subject) {
    SYNCLINE_TRY(const auto streams, cancellable(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    std::size_t places = 0;
    for (const plugin::StreamSpec& stream : streams) {
        StrictHost host{subject, loaded};
        SYNCLINE_CHECK(host.begin());
        const WriteRun well = host.write(sample_write(stream, accepts()));
        for (std::size_t after = 1; well.is_complete && after < well.steps && after < 50; ++after) {
            WritePlan plan = sample_write(stream, accepts(), "c");
            plan.cancel_after = after;
            const WriteRun run = host.write(plan);
            ++places;
            if (run.begun.is_ok() && !run.is_complete) {
                return failed("stream " + stream.name + ": a write that was cancelled after " +
                              std::to_string(after) + " completions was never completed");
            }
        }
    }
    if (places == 0) return Error{kNotApplicable, "no write waits more than once"};
    return passed();
}

constexpr Test kFaultTests[] = {
    {"fault-rate-limited", 7, "429 is RATE_LIMITED",
     "the hub does not slow down, and records "
     "become dead letters",
     "report FAILED with SYNCLINE_E_RATE_LIMITED", rate_limited},
    {"fault-retry-after", 7, "the platform's Retry-After reaches the hub",
     "the hub comes back too early, and the platform may shut it out",
     "set retry_after_ms of the error from the header, in seconds or as a date", retry_after},
    {"fault-server-error", 7, "500 may pass by itself",
     "records become dead letters although the "
     "platform only stumbled",
     "report SYNCLINE_E_TRANSIENT, or UNKNOWN if it may have had its "
     "effect",
     server_error},
    {"fault-reset", 7, "a lost answer leaves the record in doubt",
     "records are lost, or written twice without care",
     "report UNKNOWN when may_have_been_processed says so", reset},
    {"fault-deadline", 7, "an answer that did not come in time leaves the record in doubt",
     "records are lost, or written twice without care",
     "report UNKNOWN when may_have_been_processed says so", deadline},
    {"fault-not-sent", 7, "a request that never left does nothing",
     "records are lost: the hub takes them for delivered",
     "report NOT_ATTEMPTED, or FAILED with the error that the host gave", not_sent},
    {"fault-truncated-answer", 7, "an answer that breaks off is survived",
     "a platform's hiccup takes the hub down or leaves records in doubt",
     "check what a JSON reader says before using its result", truncated},
    {"cancel-completes", 7, "a cancelled write ends",
     "the hub waits until it gives up, and takes the connector out of service",
     "in cancel(), cancel every open exchange of the operation; complete when they end",
     cancel_at_once},
    {"cancel-everywhere", 7, "a write can be cancelled wherever it waits",
     "the hub waits until it gives up, and takes the connector out of service",
     "remember the exchange that is open now, not only the first", cancel_everywhere},
    {"fuzz-answers", 10, "whatever a platform answers is survived",
     "a platform that changes its answers takes the hub down",
     "run it again with --reproduce; read answers with a JSON reader and check each type",
     garbage_answers},
};

}  // namespace

std::span<const Test> fault_tests() {
    return kFaultTests;
}

}  // namespace syncline::checker
