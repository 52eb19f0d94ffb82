// Tests of the rules that the strict host watches: each looks for one of them on the tour.
#include "checker/errc.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"

namespace syncline::checker {
namespace {

template <Rule kRule>
Result<Verdict> holds(const Subject& subject) {
    SYNCLINE_TRY(const auto violations, tour(subject));
    for (const Violation& violation : violations) {
        if (violation.rule == kRule) return failed(violation.what);
    }
    return passed();
}

// It has to show before init() fails for it.
Result<Verdict> quiet_create(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    host.create();
    for (const Violation& violation : host.violations()) {
        if (violation.rule == Rule::kQuietCreate) return failed(violation.what);
    }
    return passed();
}

constexpr Test kProtocolTests[] = {
    {"life-quiet-create", 4, "create() does not call the host",
     "the account is not ready for calls: they fail", "wait for init()", quiet_create},
    {"stop-later", 5, "stopped() does not come from inside stop()",
     "the hub would free the instance while its code is running",
     "ask for a post() in stop(), and call stopped() from posted()", holds<Rule::kStopLater>},
    {"stop-once", 5, "stopped() comes once, and only after stop()",
     "the second one may hit an instance that is gone", "remember that it was said",
     holds<Rule::kStopOnce>},
    {"stop-last", 5, "stopped() is the last word, with nothing open",
     "records that are under way are left in doubt, and late calls hit freed memory",
     "count what is open, and call stopped() when the count is zero", holds<Rule::kLastWord>},
    {"calls-own-thread", 5, "the host is called on the thread on which it calls",
     "the hub refuses such calls, and what they were for does not happen",
     "make no threads; go on in posted()", holds<Rule::kOwnThread>},
    {"calls-own-handles", 5, "handles are used while they are valid, and are nobody else's",
     "the hub refuses such calls, and what they were for does not happen",
     "keep handles in the instance or the operation that they belong to, and forget them there",
     holds<Rule::kOwnHandles>},
    {"calls-well-formed", 5, "everything that is handed to the host is well-formed",
     "the hub refuses it: records are lost or become dead letters",
     "set struct_size of each struct, zero the rest, hand over UTF-8 with its length",
     holds<Rule::kWellFormed>},
    {"calls-do-not-wait", 5, "an asynchronous connector waits for nothing",
     "every other account of the connector stands still meanwhile",
     "use send() and done(); or declare \"style\": \"blocking\"", holds<Rule::kNoWaiting>},
    {"errors-say-why", 5, "every failure has a known class and a message",
     "an operator sees a dead letter and no reason for it",
     "fill class and message of syncline_error, with the class that the call returns",
     holds<Rule::kGoodErrors>},
    {"write-completes-later", 6, "complete() does not come from inside write()",
     "the hub refuses it: the operation hangs until its time is over",
     "ask for a post() in write(), and complete from posted()", holds<Rule::kCompleteLater>},
    {"write-completes-once", 6, "an operation is completed once",
     "the second one may end another operation", "forget the operation when it is completed",
     holds<Rule::kCompleteOnce>},
    {"write-one-outcome", 6, "a record gets one outcome, within its operation",
     "the hub refuses the second: it may have been the true one",
     "settle each record once; count with the index of the batch", holds<Rule::kOutcomeOnce>},
    {"webhook-pure", 6, "a webhook is handled without doing anything",
     "after a restart the hub translates again, and it is done twice",
     "translate() turns a request into records; what is to be done belongs to a destination",
     holds<Rule::kPureTranslation>},
    {"sign-succeeds", 6, "every request that is sent can be signed", "the request does not go out",
     "sign whatever send() is given, with and without a body", holds<Rule::kSigns>},
    {"sign-pure", 6, "a request is signed without sending another",
     "the hub refuses it: it is inside the send() that it would answer",
     "use clock, secrets and digests; fetch what the signature needs before",
     holds<Rule::kPureSigning>},
    {"fault-no-retries", 7, "a request that failed is not sent again by the connector",
     "a platform that is down is hit twice as hard, and limits are overrun",
     "report the outcome: the hub tries again, with backoff", holds<Rule::kNoRetries>},
    {"reach-hosts", 8, "requests go to hosts that the manifest grants",
     "the hub refuses them: the records can't be delivered",
     "declare the host in allowed_hosts, or the setting that names it",
     holds<Rule::kDeclaredHosts>},
    {"reach-files", 8, "files are those that the manifest grants",
     "the hub refuses them: the records can't be delivered",
     "declare the setting that names the file in allowed_files", holds<Rule::kDeclaredFiles>},
    {"reach-secrets", 8, "secrets are those that the manifest declares",
     "the hub refuses them: the account does not start",
     "declare each in `secrets`, with a reason for the operator", holds<Rule::kDeclaredSecrets>},
    {"reach-tables", 8, "the host's services are used by those who have their other half",
     "the hub refuses the call, for the result could not be handed back",
     "implement the table of that id, or declare the capability", holds<Rule::kDeclaredTables>},
    {"secrets-stay", 8, "no secret gets into logs and messages",
     "logs are read by many, and kept for long",
     "do not log settings or requests; say which secret is meant, not what it is",
     holds<Rule::kSecretsStay>},
};

}  // namespace

std::span<const Test> protocol_tests() {
    return kProtocolTests;
}

}  // namespace syncline::checker
