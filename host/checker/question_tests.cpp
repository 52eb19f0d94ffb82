// Tests of what an account is asked that is no record: check, discover, and turns of its own
// work.
#include "checker/errc.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"

namespace syncline::checker {
namespace {

Result<void> need(const Subject& subject, Question question) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    switch (question) {
        case Question::kCheck:
            if (manifest->can_check) return {};
            return Error{kNotApplicable, "the connector checks no credentials"};
        case Question::kDiscover:
            if (manifest->can_discover) return {};
            return Error{kNotApplicable, "the connector discovers no streams"};
        case Question::kWork:
            if (manifest->can_work) return {};
    }
    return Error{kNotApplicable, "the connector has no work of its own"};
}

template <Question kQuestion>
Result<Verdict> question_completes(const Subject& subject) {
    SYNCLINE_CHECK(need(subject, kQuestion));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    const bool is_blocking = subject.manifest->is_blocking;
    for (const Responder& respond : {accepts(), answers(401, "{}"), answers(500, "{}"),
                                     breaks(plugin::FailureClass::kTransient, false)}) {
        const QuestionRun run = host.ask({kQuestion, respond});
        if (run.begun.is_ok() && !run.is_complete && !is_blocking)
            return failed("it was begun and never completed");
        if (!run.outcome) return failed("it ended without an outcome");
    }
    return passed();
}

template <Question kQuestion>
Result<Verdict> question_cancelled(const Subject& subject) {
    SYNCLINE_CHECK(need(subject, kQuestion));
    if (subject.manifest->is_blocking)
        return Error{kNotApplicable, "the host ends the waits of a blocking connector"};
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    if (!host.ask({kQuestion, accepts()}).is_complete) return passed();
    const QuestionRun run = host.ask({kQuestion, accepts(), 0});
    return run.begun.is_ok() && !run.is_complete
               ? failed("one that was cancelled was never completed")
               : passed();
}

Result<Verdict> check_denied(const Subject& subject) {
    SYNCLINE_CHECK(need(subject, Question::kCheck));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    for (const int status : {401, 403}) {
        const QuestionRun run = host.ask({Question::kCheck, answers(status, "{}")});
        if (!run.was_sent) return Error{kNotApplicable, "it asks the platform nothing"};
        if (run.outcome && run.outcome->failure_class == plugin::FailureClass::kNone)
            return failed("the platform answered " + std::to_string(status) +
                          ", and the credentials are good, says the connector");
    }
    return passed();
}

constexpr const char* kCompleteIt = "call complete() when the last exchange has ended";
constexpr const char* kCancelIt =
    "in cancel(), cancel every open exchange of the operation; complete when they end";

constexpr Test kQuestionTests[] = {
    {"check-completes", 6, "a check that was begun gets an outcome and is completed",
     "the operator waits for nothing, and a new version waits to come into service", kCompleteIt,
     question_completes<Question::kCheck>},
    {"check-denied", 6, "credentials that the platform refuses are not good",
     "an account is called good that delivers nothing, and a version comes into service that "
     "can't work",
     "fail with SYNCLINE_E_AUTH_DENIED for 401 and 403", check_denied},
    {"check-cancelled", 7, "a cancelled check ends",
     "the hub waits until it gives up, and takes the connector out of service", kCancelIt,
     question_cancelled<Question::kCheck>},
    {"discover-completes", 6, "a discovery that was begun gets an outcome and is completed",
     "the operator waits for nothing", kCompleteIt, question_completes<Question::kDiscover>},
    {"discover-cancelled", 7, "a cancelled discovery ends",
     "the hub waits until it gives up, and takes the connector out of service", kCancelIt,
     question_cancelled<Question::kDiscover>},
    {"work-completes", 6, "a turn of periodic work gets an outcome and is completed",
     "the next turn never comes", kCompleteIt, question_completes<Question::kWork>},
    {"work-cancelled", 7, "a cancelled turn of periodic work ends",
     "the hub waits until it gives up, and takes the connector out of service", kCancelIt,
     question_cancelled<Question::kWork>},
};

}  // namespace

std::span<const Test> question_tests() {
    return kQuestionTests;
}

}  // namespace syncline::checker
