// Coroutines of a connector: straight-line code that waits for the platform without blocking.
//
//     syncline::Task<std::string> token() {
//         const Response response = co_await http::get(url_ + "/token");
//         co_return std::string{response.body()};
//     }
//
// A task does nothing until it is awaited; then it runs on the instance's thread, like all code of
// the connector, so it needs no locks. It waits for other tasks, for requests (http.hpp), for
// appends to files (file.hpp) and for ids (ids.hpp), and for nothing else. What is thrown in it
// comes out of the `co_await` of whoever waits for it.
//
// A coroutine's parameters of reference type must live until it ends: take values, unless the
// caller awaits it in the same statement. Waiting in a loop needs no stack; a task that awaits a
// task that awaits a task ... needs some for each.
#ifndef SYNCLINE_TASK_HPP
#define SYNCLINE_TASK_HPP

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/runtime.hpp"

namespace syncline {

template <typename Value = void>
class Task;

namespace detail {

// Whom to resume when `pending` tasks have ended. Lives in the frame of the one that waits.
struct Continuation {
    std::coroutine_handle<> waiting;
    std::size_t pending = 0;
};

// What a coroutine of a connector can wait for; it has awaiter_in(Scope&).
class Awaitable {};

class PromiseBase {
  public:
    std::suspend_always initial_suspend() const noexcept { return {}; }

    // A coroutine of a connector may only wait for what resumes it on the instance's thread.
    template <typename Awaited>
    decltype(auto) await_transform(Awaited&& awaited) {
        constexpr bool is_ours = std::derived_from<std::remove_cvref_t<Awaited>, Awaitable>;
        static_assert(is_ours,
                      "a connector's coroutine waits for syncline::Task, syncline::all(), "
                      "syncline::http, syncline::file and syncline::Ids; nothing else would resume "
                      "it on the instance's thread");
        static_assert(!std::is_lvalue_reference_v<Awaited>,
                      "it can be awaited once: co_await std::move(task)");
        if constexpr (is_ours) return std::move(awaited).awaiter_in(*scope);
    }

    Scope* scope = nullptr;
    Continuation* next = nullptr;  // null while nobody waits
};

// The end of a task: it stays suspended, so that its owner can take the result, and the one that
// waits for it goes on.
struct TaskEnd {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
        Continuation* next = ended.promise().next;
        if (next == nullptr || --next->pending > 0) return std::noop_coroutine();
        return next->waiting;
    }
    void await_resume() const noexcept {}
};

template <typename Value>
class TaskPromise : public PromiseBase {
  public:
    Task<Value> get_return_object();
    TaskEnd final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
    template <typename From>
    void return_value(From&& value) {
        value_.emplace(std::forward<From>(value));
    }
    Value take() {
        if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
        return std::move(*value_);
    }

  private:
    std::optional<Value> value_;
    std::exception_ptr thrown_;
};

template <>
class TaskPromise<void> : public PromiseBase {
  public:
    Task<void> get_return_object();
    TaskEnd final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
    void return_void() const noexcept {}
    void take() {
        if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

  private:
    std::exception_ptr thrown_;
};

// Starts a task and waits for it. One that ends at once never suspends who awaits it, so a loop
// over such tasks does not grow the stack, whatever the compiler makes of tail calls.
template <typename Value>
class TaskAwaiter {
  public:
    explicit TaskAwaiter(std::coroutine_handle<TaskPromise<Value>> task) : task_(task) {}

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        task_.resume();
        if (task_.done()) return false;
        continuation_ = Continuation{waiting, 1};
        task_.promise().next = &continuation_;
        return true;
    }
    Value await_resume() { return task_.promise().take(); }

  private:
    std::coroutine_handle<TaskPromise<Value>> task_;
    Continuation continuation_;
};

class AllAwaiter;
class Within;

}  // namespace detail

// A coroutine that has not been started, or that is being awaited. Destroying it ends it where it
// waits.
template <typename Value>
class [[nodiscard]] Task final : public detail::Awaitable {
    static_assert(!std::is_reference_v<Value>, "a task yields a value");

  public:
    using promise_type = detail::TaskPromise<Value>;

    Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    ~Task() {
        if (coroutine_) coroutine_.destroy();
    }

  private:
    friend promise_type;
    friend class detail::PromiseBase;
    friend class detail::AllAwaiter;
    friend class detail::Within;
    explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}

    detail::TaskAwaiter<Value> awaiter_in(detail::Scope& scope) && {
        return detail::TaskAwaiter<Value>{coroutine_for(scope)};
    }
    std::coroutine_handle<promise_type> coroutine_for(detail::Scope& scope) const {
        if (!coroutine_ || coroutine_.promise().scope != nullptr) {
            throw std::logic_error("a task was awaited a second time");
        }
        coroutine_.promise().scope = &scope;
        return coroutine_;
    }

    std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <typename Value>
Task<Value> TaskPromise<Value>::get_return_object() {
    return Task<Value>{std::coroutine_handle<TaskPromise>::from_promise(*this)};
}
inline Task<void> TaskPromise<void>::get_return_object() {
    return Task<void>{std::coroutine_handle<TaskPromise>::from_promise(*this)};
}

class AllAwaiter {
  public:
    AllAwaiter(Scope& scope, std::vector<Task<>> tasks) : scope_(scope), tasks_(std::move(tasks)) {}
    AllAwaiter(const AllAwaiter&) = delete;
    AllAwaiter& operator=(const AllAwaiter&) = delete;

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        continuation_.waiting = waiting;
        for (Task<>& task : tasks_) {
            const auto coroutine = task.coroutine_for(scope_);
            coroutine.resume();
            if (coroutine.done()) continue;
            ++continuation_.pending;
            coroutine.promise().next = &continuation_;
        }
        return continuation_.pending > 0;
    }
    void await_resume() {
        // Side by side, the outcome that one gave says nothing of what another's requests did.
        const bool is_effect_open =
            std::exchange(scope_.is_effect_open, scope_.may_have_had_effect);
        for (Task<>& task : tasks_) task.coroutine_.promise().take();
        scope_.is_effect_open = is_effect_open;
    }

  private:
    Scope& scope_;
    std::vector<Task<>> tasks_;
    Continuation continuation_;
};

class [[nodiscard]] All final : public Awaitable {
  public:
    explicit All(std::vector<Task<>> tasks) : tasks_(std::move(tasks)) {}

  private:
    friend class PromiseBase;
    AllAwaiter awaiter_in(Scope& scope) && { return AllAwaiter{scope, std::move(tasks_)}; }

    std::vector<Task<>> tasks_;
};

// A task in a scope of its own.
class [[nodiscard]] Within final : public Awaitable {
  public:
    Within(Scope& own, Task<> task) : own_(own), task_(std::move(task)) {}

  private:
    friend class PromiseBase;
    TaskAwaiter<void> awaiter_in(Scope&) && { return std::move(task_).awaiter_in(own_); }

    Scope& own_;
    Task<> task_;
};

// The coroutines of an instance that no other one awaits. Each removes itself when it ends.
class TaskGroup {
  public:
    TaskGroup() = default;
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup() { destroy_all(); }

    bool empty() const { return first_ == nullptr; }
    // Ends each where it waits.
    void destroy_all();
    // The operation's exchanges end early, and no more are sent for it.
    void cancel(syncline_write_handle operation);

  private:
    friend class Root;
    struct Node {
        std::coroutine_handle<> coroutine;
        Scope scope;
        Node* previous = nullptr;
        Node* next = nullptr;
    };
    void insert(Node& node) {
        node.next = first_;
        if (first_ != nullptr) first_->previous = &node;
        first_ = &node;
    }
    void erase(Node& node) {
        (node.previous != nullptr ? node.previous->next : first_) = node.next;
        if (node.next != nullptr) node.next->previous = node.previous;
    }

    Node* first_ = nullptr;
};

// A coroutine of a group: it runs when it is called and frees itself when it ends. Its first
// parameters are the group, the runtime and the operation that it works for.
class Root {
  public:
    class promise_type : public PromiseBase {
      public:
        template <typename... Others>
        promise_type(TaskGroup& group, Runtime& runtime, syncline_write_handle operation,
                     Others&...)
            : group_(group) {
            node_.coroutine = std::coroutine_handle<promise_type>::from_promise(*this);
            node_.scope.runtime = &runtime;
            node_.scope.operation = operation;
            scope = &node_.scope;
            group_.insert(node_);
        }
        promise_type(const promise_type&) = delete;
        promise_type& operator=(const promise_type&) = delete;
        ~promise_type() { group_.erase(node_); }

        Root get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        // Its body catches everything; what is left is memory that ran out meanwhile.
        void unhandled_exception() const noexcept {
            node_.scope.runtime->log(SYNCLINE_LOG_PLUGIN_MISBEHAVING, "the connector threw");
        }

      private:
        TaskGroup& group_;
        TaskGroup::Node node_;
    };
};

inline void TaskGroup::destroy_all() {
    while (first_ != nullptr) first_->coroutine.destroy();
}

inline void TaskGroup::cancel(syncline_write_handle operation) {
    for (Node* node = first_; node != nullptr; node = node->next) {
        if (node->scope.operation != operation) continue;
        node->scope.is_cancelled = true;
        node->scope.runtime->cancel_exchanges_of(operation);
    }
}

// Yields the scope of the coroutine that awaits it, at once.
class OwnScope final : public Awaitable {
  private:
    friend class PromiseBase;
    struct Awaiter {
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        Scope& await_resume() const noexcept { return scope; }
        Scope& scope;
    };
    Awaiter awaiter_in(Scope& scope) && { return {scope}; }
};

// A task that nobody waits for.
inline Root run_alone(TaskGroup&, Runtime& runtime, syncline_write_handle, Task<> task) {
    try {
        co_await std::move(task);
    } catch (const Failure& failure) {
        if (failure.failure_class != SYNCLINE_E_CANCELLED) {
            runtime.log(SYNCLINE_LOG_WARN, "a task failed", {{"what", failure.message}});
        }
    } catch (const std::exception& e) {
        runtime.log(SYNCLINE_LOG_PLUGIN_MISBEHAVING, "the connector threw", {{"what", e.what()}});
    } catch (...) {
        runtime.log(SYNCLINE_LOG_PLUGIN_MISBEHAVING, "the connector threw");
    }
}

}  // namespace detail

// Runs tasks side by side and waits until all have ended, also when one of them throws; what the
// first of them threw is then thrown again.
inline detail::All all(std::vector<Task<>> tasks) {
    return detail::All{std::move(tasks)};
}

}  // namespace syncline

#endif
