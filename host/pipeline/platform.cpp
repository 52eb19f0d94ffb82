#include "pipeline/platform.hpp"

namespace syncline::pipeline {

// A platform that says no to a record, or asks for patience, is up.
bool Platform::is_failing(const plugin::WriteResult& result) {
    bool has_failed = false;
    for (const plugin::Outcome& outcome : result.outcomes) {
        switch (outcome.kind) {
            case plugin::OutcomeKind::kDone:
                return false;
            case plugin::OutcomeKind::kUnknown:
                has_failed = true;
                break;
            case plugin::OutcomeKind::kNotAttempted:
                break;
            case plugin::OutcomeKind::kFailed:
                if (outcome.failure.failure_class != plugin::FailureClass::kTransient) return false;
                has_failed = true;
                break;
        }
    }
    return has_failed;
}

}  // namespace syncline::pipeline
