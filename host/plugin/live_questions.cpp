// What an account is asked that is no record: are its credentials good, which streams has it, and
// turns of its own work.
#include <utility>

#include "plugin/live_operation.hpp"

namespace syncline::plugin {

// What came of a question.
struct LiveInstance::QuestionAnswer {
    Failure failure{};
    std::string text{};                         // of a discovery
    std::optional<std::int64_t> next_due_ns{};  // of a turn
};

// An operation with one outcome.
struct LiveInstance::Question : LiveInstance::Operation {
    Question(std::chrono::milliseconds limit, std::function<void(QuestionAnswer)> then)
        : Operation("", limit), done(std::move(then)) {}

    void refuse(const Failure& failure) override { end({failure}); }

    std::function<void()> take_result(LiveInstance&, const Failure& unanswered) override {
        if (!has_ended) end({unanswered});
        return [then = std::move(done), told = std::move(outcome)]() mutable {
            then(std::move(told));
        };
    }

    void end(QuestionAnswer told) {
        has_ended = true;
        outcome = std::move(told);
    }

    QuestionAnswer outcome;
    bool has_ended = false;
    std::function<void(QuestionAnswer)> done;
};

struct LiveInstance::Check final : LiveInstance::Question {
    using Question::Question;

    Failure check(const Manifest& manifest) const override {
        if (manifest.can_check) return {};
        return {FailureClass::kUnsupported, "the connector checks no credentials", "", -1};
    }
    const char* begin_name() const override { return "check()"; }
    syncline_status begin(const Tables& tables, syncline_instance* instance, std::uint64_t handle,
                          syncline_error* error) override {
        return tables.check->check(instance, handle, timeout.count(), error);
    }
    void cancel(const Tables& tables, syncline_instance* instance, std::uint64_t handle) override {
        tables.check->cancel(instance, handle);
    }
};

struct LiveInstance::Discovery final : LiveInstance::Question {
    using Question::Question;

    Failure check(const Manifest& manifest) const override {
        if (manifest.can_discover) return {};
        return {FailureClass::kUnsupported, "the connector discovers no streams", "", -1};
    }
    const char* begin_name() const override { return "discover()"; }
    syncline_status begin(const Tables& tables, syncline_instance* instance, std::uint64_t handle,
                          syncline_error* error) override {
        return tables.discover->discover(instance, handle, timeout.count(), error);
    }
    void cancel(const Tables& tables, syncline_instance* instance, std::uint64_t handle) override {
        tables.discover->cancel(instance, handle);
    }
};

struct LiveInstance::Turn final : LiveInstance::Question {
    Turn(std::optional<std::int64_t> due, std::chrono::milliseconds limit,
         std::function<void(QuestionAnswer)> then)
        : Question(limit, std::move(then)), due_ns(due.value_or(SYNCLINE_NO_TIME)) {}

    Failure check(const Manifest& manifest) const override {
        if (manifest.can_work) return {};
        return {FailureClass::kUnsupported, "the connector has no work of its own", "", -1};
    }
    const char* begin_name() const override { return "work()"; }
    syncline_status begin(const Tables& tables, syncline_instance* instance, std::uint64_t handle,
                          syncline_error* error) override {
        return tables.periodic->work(instance, handle, due_ns, timeout.count(), error);
    }
    void cancel(const Tables& tables, syncline_instance* instance, std::uint64_t handle) override {
        tables.periodic->cancel(instance, handle);
    }

    const std::int64_t due_ns;
};

void LiveInstance::check(std::chrono::milliseconds timeout, std::function<void(Failure)> done) {
    open(std::make_shared<Check>(timeout, [then = std::move(done)](QuestionAnswer answer) {
        then(std::move(answer.failure));
    }));
}

void LiveInstance::discover(std::chrono::milliseconds timeout,
                            std::function<void(Failure, std::string)> done) {
    open(std::make_shared<Discovery>(timeout, [then = std::move(done)](QuestionAnswer answer) {
        then(std::move(answer.failure), std::move(answer.text));
    }));
}

void LiveInstance::work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds timeout,
                        std::function<void(WorkResult)> done) {
    open(std::make_shared<Turn>(due_ns, timeout, [then = std::move(done)](QuestionAnswer answer) {
        then({std::move(answer.failure), answer.next_due_ns});
    }));
}

template <class Kind>
syncline_status LiveInstance::answer_question(std::uint64_t handle, Problem problem,
                                              QuestionAnswer answer) {
    {
        const std::lock_guard lock{mutex_};
        auto* question = find_operation<Kind>(handle);
        if (question == nullptr || question->is_reported) return SYNCLINE_E_STALE;
        if (problem.empty() && question->has_ended) problem = "an operation has a second outcome";
        if (problem.empty()) {
            question->end(std::move(answer));
            return SYNCLINE_OK;
        }
        question->end({{FailureClass::kPluginBug, problem, "", -1}});
    }
    misbehaved(problem);
    return SYNCLINE_E_PLUGIN_BUG;
}

syncline_status LiveInstance::checked(syncline_check_handle operation,
                                      const syncline_error* error) {
    QuestionAnswer answer;
    Problem problem;
    if (error != nullptr) problem = copy_error(error, "an outcome's error", answer.failure);
    return answer_question<Check>(operation, std::move(problem), std::move(answer));
}

syncline_status LiveInstance::discovered(syncline_discover_handle operation,
                                         const syncline_str& streams, const syncline_error* error) {
    QuestionAnswer answer;
    Problem problem = error != nullptr ? copy_error(error, "an outcome's error", answer.failure)
                                       : copy_streams(streams, answer.text);
    return answer_question<Discovery>(operation, std::move(problem), std::move(answer));
}

syncline_status LiveInstance::worked(syncline_periodic_handle operation, std::int64_t next_due_ns,
                                     const syncline_error* error) {
    QuestionAnswer answer;
    Problem problem;
    if (error != nullptr) problem = copy_error(error, "an outcome's error", answer.failure);
    if (error == nullptr && next_due_ns != SYNCLINE_NO_TIME) answer.next_due_ns = next_due_ns;
    return answer_question<Turn>(operation, std::move(problem), std::move(answer));
}

}  // namespace syncline::plugin
