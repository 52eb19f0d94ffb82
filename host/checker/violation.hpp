// The rules of the interface that the strict host watches. Each has a test of its own.
#pragma once

#include <string>

namespace syncline::checker {

enum class Rule {
    kQuietCreate,      // create() does not call the host
    kOwnHandles,       // handles are used while they are valid
    kIsolated,         // an instance uses its own handles and no other's
    kOwnThread,        // the host is called on the thread on which it calls
    kWellFormed,       // what is handed over has its size, its texts and its ranges
    kLastWord,         // stopped() comes with nothing open, and nothing after it
    kStopLater,        // stopped() does not come from inside stop()
    kStopOnce,         // stopped() comes once
    kCompleteLater,    // complete() does not come from inside the call that began the operation
    kCompleteOnce,     // complete() comes once
    kOutcomeOnce,      // one outcome for each record that there is
    kGoodErrors,       // a failure has a known class and a message
    kDeclaredHosts,    // only hosts that the manifest grants
    kDeclaredFiles,    // only files that the manifest grants
    kDeclaredSecrets,  // only secrets that the manifest declares
    kDeclaredTables,   // the services whose other half the connector has
    kSecretsStay,      // no secret in logs and errors
    kNoWaiting,        // an asynchronous connector does not wait
    kPureTranslation,  // a webhook is translated without doing anything
    kSigns,            // every request that is sent can be signed
    kPureSigning,      // a request is signed without sending another
    kNoRetries,        // a request that failed is not sent again
};

struct Violation {
    Rule rule;
    std::string what;  // a sentence: what the connector did
};

}  // namespace syncline::checker
