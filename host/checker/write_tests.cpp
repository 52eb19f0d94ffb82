// Tests of writing while the platform works.
#include <algorithm>

#include "checker/errc.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"
#include "record/json.hpp"

namespace syncline::checker {
namespace {

constexpr std::size_t kFullBatchMax = 1000;

std::size_t judged(const WriteRun& run) {
    return static_cast<std::size_t>(
        std::count_if(run.outcomes.begin(), run.outcomes.end(),
                      [](const auto& each) { return each.has_value(); }));
}

// One host for each stream; `look` says what is wrong, or nothing.
template <class Look>
Result<Verdict> for_each_stream(const Subject& subject, const Look& look) {
    SYNCLINE_TRY(const auto streams, destinations(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    for (const plugin::StreamSpec& stream : streams) {
        StrictHost host{subject, loaded};
        SYNCLINE_CHECK(host.begin());
        if (const std::string wrong = look(host, stream); !wrong.empty())
            return failed("stream " + stream.name + ": " + wrong);
    }
    return passed();
}

Result<Verdict> completes(const Subject& subject) {
    return for_each_stream(subject, [](StrictHost& host, const plugin::StreamSpec& stream) {
        const WriteRun run = host.write(sample_write(stream, accepts()));
        return run.begun.is_ok() && !run.is_complete
                   ? std::string{"a write was begun and never completed"}
                   : std::string{};
    });
}

Result<Verdict> outcomes(const Subject& subject) {
    return for_each_stream(subject, [](StrictHost& host, const plugin::StreamSpec& stream) {
        for (const Responder& respond : {answers(204, ""), accepts()}) {
            const WriteRun run = host.write(sample_write(stream, respond));
            if (run.is_complete && judged(run) < run.outcomes.size()) {
                return std::to_string(run.outcomes.size() - judged(run)) + " of " +
                       std::to_string(run.outcomes.size()) + " records got no outcome";
            }
        }
        return std::string{};
    });
}

Result<Verdict> full_batch(const Subject& subject) {
    return for_each_stream(subject, [](StrictHost& host, const plugin::StreamSpec& stream) {
        const std::size_t limit =
            stream.batch_records_max == 0
                ? 100
                : std::min<std::size_t>(stream.batch_records_max, kFullBatchMax);
        if (limit <= 3) return std::string{};  // the other tests' batches are full
        WritePlan plan = sample_write(stream, accepts());
        plan.records = sample_records(limit);
        const WriteRun run = host.write(plan);
        if (!run.begun.is_ok()) {
            return "a batch of " + std::to_string(limit) + " was refused: " + run.begun.message;
        }
        if (run.is_complete && judged(run) == limit) return std::string{};
        const WriteRun small = host.write(sample_write(stream, accepts()));
        if (!small.is_complete || judged(small) < small.outcomes.size()) return std::string{};
        return "of a batch of " + std::to_string(limit) + " records " +
               std::to_string(judged(run)) + " got an outcome";
    });
}

Result<Verdict> deletes(const Subject& subject) {
    return for_each_stream(subject, [](StrictHost& host, const plugin::StreamSpec& stream) {
        const WriteRun kept = host.write(sample_write(stream, accepts()));
        if (!kept.is_complete || judged(kept) < kept.outcomes.size()) return std::string{};
        for (const bool is_known : {false, true}) {
            WritePlan plan = sample_write(stream, accepts());
            for (plugin::WriteRecord& record : plan.records) {
                record.operation = record::Operation::kDelete;
                record.body.clear();
                if (is_known) record.destination_key = "d-" + record.key;
                record.was_delivered = is_known;
            }
            const WriteRun run = host.write(plan);
            if (!run.begun.is_ok()) continue;
            if (!run.is_complete || judged(run) < run.outcomes.size())
                return std::string{"deletions got no outcome"};
        }
        return std::string{};
    });
}

bool claims_json(const plugin::HttpRequest& request) {
    return std::ranges::any_of(request.headers, [](const auto& header) {
        std::string name = header.first;
        std::ranges::transform(name, name.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
        return name == "content-type" && header.second.starts_with("application/json");
    });
}

bool breaks_form(const StrictHost& host) {
    return std::ranges::any_of(host.violations(), [](const Violation& violation) {
        return violation.rule == Rule::kWellFormed;
    });
}

Result<Verdict> strange_keys(const Subject& subject) {
    return for_each_stream(subject, [](StrictHost& host, const plugin::StreamSpec& stream) {
        const WriteRun plain = host.write(sample_write(stream, accepts()));
        const bool is_sound =
            plain.is_complete && judged(plain) == plain.outcomes.size() && !breaks_form(host);
        if (!is_sound) return std::string{};
        for (const char* key : {"Zo\u00eb \u4e2d\u6587 \U0001f600", "\u0627\u0644\u0639", "a\"b\\c",
                                "a/b?c=d&e#f", "%2F%00", "line\nfeed\ttab", "{\"a\":1}", " "}) {
            WritePlan plan = sample_write(stream, accepts());
            plan.records.resize(1);
            plan.records[0].key = key;
            plan.records[0].body = record::write_json(boost::json::object{
                {"id", key}, {"user", key}, {"audience", key}, {"name", key}, {"email", key}});
            const WriteRun run = host.write(plan);
            const std::string of = "the key " + record::write_json(boost::json::value(key));
            if (breaks_form(host)) return of + ": " + host.violations().back().what;
            if (run.begun.is_ok() && (!run.is_complete || judged(run) < 1))
                return of + " got no outcome";
            for (const plugin::HttpRequest& request : run.requests) {
                if (claims_json(request) && !record::parse_json(request.body))
                    return of + " made a body that is no JSON: " + request.body.substr(0, 200);
            }
        }
        return std::string{};
    });
}

Result<Verdict> unknown_format(const Subject& subject) {
    return for_each_stream(subject, [](StrictHost& host, const plugin::StreamSpec& stream) {
        WritePlan plan = sample_write(stream, accepts());
        plan.body_format = 4711;
        const WriteRun run = host.write(plan);
        if (run.begun.status == SYNCLINE_E_UNSUPPORTED) return std::string{};
        const bool all_refused = std::ranges::all_of(run.outcomes, [](const auto& outcome) {
            return outcome && outcome->failure.failure_class == plugin::FailureClass::kUnsupported;
        });
        return run.begun.is_ok() && all_refused
                   ? std::string{}
                   : std::string{"a batch with the body_format 4711 was not refused"};
    });
}

Result<Verdict> unknown_stream(const Subject& subject) {
    SYNCLINE_TRY(const auto streams, destinations(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    WritePlan plan = sample_write(streams.front(), accepts());
    plan.stream = "no-stream-of-this-name";
    const WriteRun run = host.write(plan);
    const bool is_written = std::ranges::any_of(run.outcomes, [](const auto& outcome) {
        return outcome && outcome->kind == plugin::OutcomeKind::kDone;
    });
    return is_written ? warned("records of a stream that the manifest does not have were written")
                      : passed();
}

constexpr Test kWriteTests[] = {
    {"write-completes", 6, "a write that was begun is completed",
     "its records wait until the time is over, and are in doubt then",
     "call complete() when the last exchange has ended", completes},
    {"write-outcomes", 6, "every record has an outcome when its operation is complete",
     "the hub takes the others for unknown, and writes them again",
     "give each record of the batch an outcome before complete()", outcomes},
    {"write-full-batch", 6, "a batch as large as the manifest allows is written",
     "under load records fail that go through one by one",
     "do not count on small batches, or lower batch_records_max", full_batch},
    {"write-deletes", 6, "deletions, without a body, get an outcome",
     "deletions hang or take the hub down",
     "look at `operation` first; what can't be deleted is "
     "FAILED with SYNCLINE_E_UNSUPPORTED",
     deletes},
    {"write-strange-keys", 6, "keys may be any text",
     "one customer with an umlaut or a quote stops the records of all others",
     "escape keys for where they go: percent_encode() in URLs, a JSON writer in bodies",
     strange_keys},
    {"write-unknown-format", 6, "bodies in an unknown format are refused",
     "a later hub's bodies would be sent to the platform as they are",
     "return SYNCLINE_E_UNSUPPORTED unless body_format is SYNCLINE_BODY_JSON", unknown_format},
    {"write-unknown-stream", 6, "a stream that there is not is not written",
     "its records end up in another stream",
     "compare the whole name; fail with SYNCLINE_E_UNSUPPORTED", unknown_stream},
};

}  // namespace

std::span<const Test> write_tests() {
    return kWriteTests;
}

}  // namespace syncline::checker
