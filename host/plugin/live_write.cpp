// Write operations: a batch of records goes to the connector, an outcome for each comes back.
#include <utility>

#include "plugin/live_writing.hpp"

namespace syncline::plugin {

void LiveInstance::write(WriteBatch batch, std::function<void(WriteResult)> done) {
    if (batch.records.empty()) {
        worker_->complete([done = std::move(done)] { done({}); });
        return;
    }
    open(std::make_shared<Write>(std::move(batch), manifest(), std::move(done)));
}

syncline_status LiveInstance::outcome(syncline_write_handle handle, std::uint32_t index,
                                      const syncline_outcome* outcome) {
    Outcome copy;
    Problem problem = copy_outcome(outcome, copy);
    {
        const std::lock_guard lock{mutex_};
        auto* operation = find_operation<Write>(handle);
        if (operation == nullptr || operation->is_reported) return SYNCLINE_E_STALE;
        auto& outcomes = operation->outcomes;
        if (problem.empty() && index >= outcomes.size()) {
            problem = "an outcome is for record " + std::to_string(index) + " of a batch of " +
                      std::to_string(outcomes.size());
        } else if (problem.empty() && outcomes[index]) {
            problem = "a record got a second outcome";
        }
        if (problem.empty()) {
            outcomes[index] = std::move(copy);
            return SYNCLINE_OK;
        }
        // Whatever it meant to say, this record's fate is not known.
        if (index < outcomes.size() && !outcomes[index]) {
            outcomes[index] =
                Outcome{OutcomeKind::kUnknown, {FailureClass::kPluginBug, problem, "", -1}, "", ""};
        }
    }
    misbehaved(problem);
    return SYNCLINE_E_PLUGIN_BUG;
}

}  // namespace syncline::plugin
