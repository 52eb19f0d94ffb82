// The life of an operation, whatever it does: begun, timed out, cancelled, abandoned, completed.
#include "plugin/live_operation.hpp"

#include <utility>

#include "core/log.hpp"

namespace syncline::plugin {
namespace {

const Failure kNoOutcome{FailureClass::kPluginBug, "the connector gave no outcome", "", -1};

}  // namespace

LiveInstance::OnBehalf::OnBehalf(LiveInstance& instance, std::uint64_t handle)
    : instance_(instance) {
    instance_.current_operation_ = handle;
    const std::lock_guard lock{instance_.mutex_};
    const auto* found = instance_.operations_.find(handle);
    const bool is_open = found != nullptr;
    note_subjects(instance_.options_.account,
                  is_open ? (*found)->subjects() : std::span<const Subject>{});
}

void LiveInstance::open(std::shared_ptr<Operation> operation) {
    std::function<void()> refused;
    {
        const std::lock_guard lock{mutex_};
        const auto failure = refusal();
        if (!failure) {
            const std::chrono::milliseconds timeout = operation->timeout;
            const std::uint64_t handle = operations_.insert(operation);
            operation->deadline = generation_->options().deadlines->call_after(
                timeout, [weak = weak_from_this(), handle] {
                    if (const auto self = weak.lock()) self->on_timeout(handle);
                });
            worker_->post([self = shared_from_this(), handle] { self->begin(handle); });
            return;
        }
        refused = operation->take_result(*this, *failure);
        if (state_ != State::kOver) {
            // In order with what is posted by others, so that nothing comes after `stopped`.
            worker_->complete(std::move(refused));
            return;
        }
    }
    worker_->complete(std::move(refused));
}

void LiveInstance::begin(std::uint64_t handle) {
    std::shared_ptr<Operation> operation;
    {
        const std::lock_guard lock{mutex_};
        const auto* found = operations_.find(handle);
        if (found == nullptr) return;  // timed out while it waited, or evicted
        operation = *found;
        const Failure refused = operation->check(manifest());
        if (refused.failure_class != FailureClass::kNone) {
            worker_->complete(report(*operation, refused));
            operations_.erase(handle);
            return;
        }
        operation->has_begun = true;
        operation->is_entering = true;
    }
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    bool has_returned = false;
    {
        const OnBehalf behalf{*this, handle};
        has_returned = call_connector(operation->begin_name(), [&] {
            status = operation->begin(generation_->tables(), instance_, handle, &error);
        });
    }
    const std::string escaped = "an exception escaped from " + std::string{operation->begin_name()};
    if (!has_returned) misbehaved(escaped);

    const std::lock_guard lock{mutex_};
    operation->is_entering = false;
    if (operations_.find(handle) == nullptr) return;
    const bool has_begun = has_returned && status == SYNCLINE_OK;
    if (has_begun && !manifest().is_blocking) return;
    // A blocking connector has done what it wanted to do when it returns.
    if (has_begun && !operation->is_reported) worker_->complete(report(*operation, kNoOutcome));
    if (has_returned && status != SYNCLINE_OK) operation->refuse(copy_failure(status, error));
    if (!operation->is_reported) {
        worker_->complete(report(*operation, {FailureClass::kPluginBug, escaped, "", -1}));
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
            worker_->complete(report(
                **found, {FailureClass::kDeadline, "the batch waited until its timeout", "", -1}));
            operations_.erase(handle);
            destroy_if_idle();
            return;
        }
        (*found)->deadline = generation_->options().deadlines->call_after(
            generation_->options().cancel_grace, [weak = weak_from_this(), handle] {
                const auto self = weak.lock();
                if (self == nullptr) return;
                self->worker_->insist([self, handle] { self->abandon(handle); });
            });
    }
    if (manifest().is_blocking) return interrupt(handle);
    worker_->post([self = shared_from_this(), handle] { self->cancel(handle); });
}

// The thread of a blocking connector waits in fetch(): that ends, and so does every later one of
// the operation, or of all.
void LiveInstance::interrupt(std::optional<std::uint64_t> operation) {
    {
        const std::lock_guard lock{mutex_};
        if (!operation) is_all_interrupted_ = true;
        for (auto& [handle, open] : operations_) {
            if (!operation || handle == *operation) open->is_cancelled = true;
        }
    }
    cancel_exchanges(operation);
}

bool LiveInstance::is_interrupted() {
    const auto* found = operations_.find(current_operation_);
    return is_all_interrupted_ || (found != nullptr && (*found)->is_cancelled);
}

bool LiveInstance::works_for_nobody() {
    const auto* found = operations_.find(current_operation_);
    return found != nullptr && (*found)->is_reported;
}

void LiveInstance::cancel(std::uint64_t handle) {
    std::shared_ptr<Operation> operation;
    {
        const std::lock_guard lock{mutex_};
        const auto* found = operations_.find(handle);
        if (found == nullptr || !(*found)->has_begun) return;
        operation = *found;
    }
    const OnBehalf behalf{*this, handle};
    if (!call_connector("cancel()",
                        [&] { operation->cancel(generation_->tables(), instance_, handle); }))
        misbehaved("an exception escaped from cancel()");
}

// The connector has had its time: what it sent in this operation's name is called off. The
// operation stays in the table, because the batch is borrowed until it completes.
void LiveInstance::abandon(std::uint64_t handle) {
    cancel_exchanges(handle);
    const std::lock_guard lock{mutex_};
    const auto* found = operations_.find(handle);
    if (found == nullptr || (*found)->is_reported) return;
    ++overdue_;
    core::log_error(channel_,
                    "an operation was not completed though cancelled; its outcome is unknown",
                    {{"account", options_.account}, {"stream", (*found)->stream}});
    worker_->complete(report(
        **found,
        {FailureClass::kDeadline, "the connector did not complete the batch in time", "", -1}));
}

// Marks the operation as reported and returns what tells the hub.
std::function<void()> LiveInstance::report(Operation& operation, const Failure& failure) {
    operation.is_reported = true;
    if (operation.deadline) generation_->options().deadlines->cancel(*operation.deadline);
    return operation.take_result(*this, failure);
}

syncline_status LiveInstance::complete(std::uint64_t handle) {
    std::string_view rule;
    {
        const std::lock_guard lock{mutex_};
        auto* found = operations_.find(handle);
        if (found == nullptr) {
            rule = "an operation was completed that is over";
        } else if ((*found)->is_entering) {
            rule = "an operation was completed from inside the call that began it";
        } else {
            const bool is_late = (*found)->is_reported;
            if (!is_late) {
                worker_->complete(report(**found, kNoOutcome));
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
