// Write operations: begun by the hub, reported on record by record, completed by the connector or
// made up for.
#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "plugin/answer.hpp"
#include "plugin/live_instance.hpp"
#include "plugin/live_operation.hpp"

namespace syncline::plugin {
namespace {

// Why the batch can't be given to the connector; kNone if it can.
Failure check_batch(const Manifest& manifest, const WriteBatch& batch) {
    for (const StreamSpec& stream : manifest.streams) {
        if (!manifest.can_write || stream.name != batch.stream || !stream.is_destination) continue;
        if (stream.batch_records_max != 0 && batch.records.size() > stream.batch_records_max) {
            return {FailureClass::kHostBug, "the batch holds more records than the connector takes",
                    "", -1};
        }
        return {};
    }
    return {FailureClass::kUnsupported,
            "the connector has no destination stream \"" + batch.stream + '"', "", -1};
}

WriteResult all_of(std::size_t count, OutcomeKind kind, const Failure& failure) {
    return {std::vector<Outcome>(count, Outcome{kind, failure, "", ""}), nullptr, {}};
}

}  // namespace

void LiveInstance::write(WriteBatch batch, std::function<void(WriteResult)> done) {
    std::function<void()> refused;
    {
        const std::lock_guard lock{mutex_};
        auto failure = refusal();
        if (!failure && !batch.records.empty()) {
            auto operation = std::make_shared<Operation>();
            operation->outcomes.resize(batch.records.size());
            operation->batch = std::move(batch);
            operation->done = std::move(done);
            const std::chrono::milliseconds timeout = operation->batch.timeout;
            const std::uint64_t handle = operations_.insert(operation);
            operation->deadline = generation_->options().deadlines->call_after(
                timeout, [weak = weak_from_this(), handle] {
                    if (const auto self = weak.lock()) self->on_timeout(handle);
                });
            generation_->post([self = shared_from_this(), handle] { self->begin_write(handle); });
            return;
        }
        refused = [done = std::move(done), count = batch.records.size(),
                   failure = failure.value_or(Failure{})] {
            done(all_of(count, OutcomeKind::kNotAttempted, failure));
        };
        if (state_ != State::kOver) {
            generation_->complete(std::move(refused));
            return;
        }
    }
    generation_->complete(std::move(refused));
}

void LiveInstance::begin_write(std::uint64_t handle) {
    std::shared_ptr<Operation> operation;
    {
        const std::lock_guard lock{mutex_};
        const auto* found = operations_.find(handle);
        if (found == nullptr) return;  // timed out while it waited, or evicted
        operation = *found;
        const Failure refused = check_batch(manifest(), operation->batch);
        if (refused.failure_class != FailureClass::kNone) {
            generation_->complete(report(*operation, refused));
            operations_.erase(handle);
            return;
        }
        operation->has_begun = true;
        operation->is_entering = true;
    }
    WriteBatch& batch = operation->batch;
    const auto names = [&](const std::vector<std::string>& fields) -> const syncline_str* {
        if (fields.empty()) return nullptr;
        auto& views = operation->field_names.emplace_back();
        for (const std::string& field : fields) views.push_back(to_str(field));
        return views.data();
    };
    for (const WriteRecord& record : batch.records) {
        syncline_write_record& view = operation->records.emplace_back();
        view.struct_size = sizeof view;
        view.operation =
            record.operation == record::Operation::kDelete ? SYNCLINE_DELETE : SYNCLINE_UPSERT;
        view.key = to_str(record.key);
        view.body = to_str(record.body);
        view.destination_key = to_str(record.destination_key);
        view.body_format = SYNCLINE_BODY_JSON;
        view.was_delivered = record.was_delivered ? 1 : 0;
        view.is_complete = record.is_complete ? 1 : 0;
        view.is_unknown = record.is_unknown ? 1 : 0;
        view.changed_count = static_cast<std::uint32_t>(record.changed_fields.size());
        view.unset_count = static_cast<std::uint32_t>(record.unset_fields.size());
        view.changed_fields = names(record.changed_fields);
        view.unset_fields = names(record.unset_fields);
        view.parent_key = to_str(record.parent_key);
        view.idempotency_key = to_str(record.idempotency_key);
    }
    for (const auto& record : operation->records) operation->pointers.push_back(&record);
    operation->view = {sizeof(syncline_write_batch),
                       static_cast<std::uint32_t>(batch.records.size()), to_str(batch.stream),
                       operation->pointers.data(), batch.timeout.count()};

    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    current_operation_ = handle;
    const auto& table = *generation_->tables().write;
    const bool has_returned =
        call_connector([&] { status = table.write(instance_, handle, &operation->view, &error); });
    current_operation_ = 0;
    if (!has_returned) misbehaved("an exception escaped from write()");

    const std::lock_guard lock{mutex_};
    operation->is_entering = false;
    if ((has_returned && status == SYNCLINE_OK) || operations_.find(handle) == nullptr) return;
    if (has_returned) {
        // Refused: no record had an effect, whatever was said before.
        operation->outcomes.assign(
            batch.records.size(),
            Outcome{OutcomeKind::kFailed, copy_failure(status, error), "", ""});
    }
    if (!operation->is_reported) {
        generation_->complete(report(
            *operation, {FailureClass::kPluginBug, "an exception escaped from write()", "", -1}));
    }
    operations_.erase(handle);
    destroy_if_idle();
}

// On the thread of the deadlines.
void LiveInstance::on_timeout(std::uint64_t handle) {
    {
        const std::lock_guard lock{mutex_};
        const auto* found = operations_.find(handle);
        if (found == nullptr || state_ == State::kOver) return;
        if (!(*found)->has_begun) {
            generation_->complete(report(
                **found, {FailureClass::kDeadline, "the batch waited until its timeout", "", -1}));
            operations_.erase(handle);
            destroy_if_idle();
            return;
        }
        (*found)->deadline = generation_->options().deadlines->call_after(
            generation_->options().cancel_grace, [weak = weak_from_this(), handle] {
                const auto self = weak.lock();
                if (self == nullptr) return;
                self->generation_->insist([self, handle] { self->abandon_write(handle); });
            });
    }
    generation_->post([self = shared_from_this(), handle] { self->cancel_write(handle); });
}

void LiveInstance::cancel_write(std::uint64_t handle) {
    {
        const std::lock_guard lock{mutex_};
        const auto* found = operations_.find(handle);
        if (found == nullptr || !(*found)->has_begun) return;
    }
    current_operation_ = handle;
    const auto& table = *generation_->tables().write;
    if (!call_connector([&] { table.cancel(instance_, handle); })) {
        misbehaved("an exception escaped from cancel()");
    }
    current_operation_ = 0;
}

// The connector has had its time: what it sent in this operation's name is called off. The
// operation stays in the table, because the batch is borrowed until it completes.
void LiveInstance::abandon_write(std::uint64_t handle) {
    cancel_exchanges(handle);
    const std::lock_guard lock{mutex_};
    const auto* found = operations_.find(handle);
    if (found == nullptr || (*found)->is_reported) return;
    core::log_error(channel_, "a write was not completed though cancelled; its outcome is unknown",
                    {{"account", options_.account}, {"stream", (*found)->batch.stream}});
    generation_->complete(report(
        **found,
        {FailureClass::kDeadline, "the connector did not complete the batch in time", "", -1}));
}

// Marks the operation as reported and returns what tells the hub: the outcomes that the connector
// gave, `failure` for the others, and what the platform said if not all is well.
std::function<void()> LiveInstance::report(Operation& operation, const Failure& failure) {
    operation.is_reported = true;
    if (operation.deadline) generation_->options().deadlines->cancel(*operation.deadline);
    WriteResult result;
    const OutcomeKind rest =
        operation.has_begun ? OutcomeKind::kUnknown : OutcomeKind::kNotAttempted;
    for (auto& outcome : operation.outcomes) {
        result.outcomes.push_back(outcome ? std::move(*outcome) : Outcome{rest, failure, "", ""});
    }
    const std::shared_ptr<const HttpReply> answer = std::move(operation.answer);
    const bool is_all_done =
        std::all_of(result.outcomes.begin(), result.outcomes.end(),
                    [](const Outcome& outcome) { return outcome.kind == OutcomeKind::kDone; });
    if (answer && !is_all_done) {
        result.answer = std::make_shared<const PlatformAnswer>(
            make_answer(operation.answered_request, *answer, log_gate_));
    }
    return [done = std::move(operation.done), result = std::move(result)]() mutable {
        done(std::move(result));
    };
}

syncline_status LiveInstance::outcome(syncline_write_handle handle, std::uint32_t index,
                                      const syncline_outcome* outcome) {
    Outcome copy;
    Problem problem = copy_outcome(outcome, copy);
    {
        const std::lock_guard lock{mutex_};
        const auto* found = operations_.find(handle);
        if (found == nullptr || (*found)->is_reported) return SYNCLINE_E_STALE;
        auto& outcomes = (*found)->outcomes;
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

syncline_status LiveInstance::complete(syncline_write_handle handle) {
    std::string_view rule;
    {
        const std::lock_guard lock{mutex_};
        auto* found = operations_.find(handle);
        if (found == nullptr) {
            rule = "an operation was completed that is over";
        } else if ((*found)->is_entering) {
            rule = "an operation was completed from inside its write()";
        } else {
            const bool is_late = (*found)->is_reported;
            if (!is_late) {
                generation_->complete(report(
                    **found, {FailureClass::kPluginBug, "the connector gave no outcome", "", -1}));
            }
            operations_.erase(handle);
            destroy_if_idle();
            return is_late ? SYNCLINE_E_STALE : SYNCLINE_OK;
        }
    }
    misbehaved(rule);
    return rule.ends_with("over") ? SYNCLINE_E_STALE : SYNCLINE_E_PLUGIN_BUG;
}

}  // namespace syncline::plugin
