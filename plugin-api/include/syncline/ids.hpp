// Ids that a connector maps itself: an audience's name to the number of its list at the platform.
//
//     const syncline::Ids lists_{"lists"};
//     ...
//     std::optional<std::string> list = co_await lists_.find(name);
//     if (!list) {
//         list = co_await make_list(name);
//         co_await lists_.put(name, *list);
//     }
//
// They belong to the account, survive restarts and new versions, and are no secrets. What was put
// is seen at once; it becomes durable together with the results of the write operation, and is
// undone when no record of that is DONE. Few need it: see idmap.h.
//
// A namespace has 1 to 64 bytes, a key 1 to 240, a value at most 1,024. Every `co_await` throws a
// Failure when it fails: of class SYNCLINE_E_PLUGIN_BUG for what is too long, SYNCLINE_E_CANCELLED
// for a lookup after a cancel or a stop, SYNCLINE_E_UNSUPPORTED when the host has no ids.
//
// In the blocking style there are none: what was found comes in a call of its own, which has to
// wait for the end of write().
#ifndef SYNCLINE_IDS_HPP
#define SYNCLINE_IDS_HPP

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/idmap.h"
#include "syncline/runtime.hpp"
#include "syncline/task.hpp"

namespace syncline {
namespace detail {

using FoundIds = std::vector<std::optional<std::string>>;

// A lookup on its way.
class WaitingLookup : public OpenLookup {
  public:
    WaitingLookup(Scope& of, std::string name_space, std::vector<std::string> keys)
        : OpenLookup(of), name_space_(std::move(name_space)), keys_(std::move(keys)) {}

    bool await_ready() const noexcept { return keys_.empty(); }
    bool await_suspend(std::coroutine_handle<> waiting) {
        std::vector<syncline_str> keys;
        keys.reserve(keys_.size());
        for (const std::string& key : keys_) keys.push_back(borrow(key));
        syncline_error error = empty_error();
        if (scope.runtime->look_up(*this, name_space_, keys, waiting, error)) return true;
        thrown_ = std::make_exception_ptr(from_c(error));
        return false;
    }
    FoundIds await_resume() {
        if (thrown_) std::rethrow_exception(thrown_);
        return std::move(found_);
    }

  private:
    void take(const Found& found) noexcept override {
        try {
            if (found.error != nullptr) throw from_c(*found.error);
            if (found.count != keys_.size())
                throw Failure{SYNCLINE_E_HOST_BUG, "the host found more or fewer ids than asked"};
            for (std::size_t i = 0; i < keys_.size(); ++i) {
                const std::string_view value = view(found.values[i]);
                found_.push_back(value.empty() ? std::nullopt : std::optional<std::string>{value});
            }
        } catch (...) {
            thrown_ = std::current_exception();
        }
    }

    std::string name_space_;
    std::vector<std::string> keys_;
    FoundIds found_;
    std::exception_ptr thrown_;
};

// The same for one key.
class WaitingForOne final : public WaitingLookup {
  public:
    using WaitingLookup::WaitingLookup;
    std::optional<std::string> await_resume() {
        return std::move(WaitingLookup::await_resume().front());
    }
};

// A lookup that begins when it is awaited.
template <typename Waiting>
class [[nodiscard]] Lookup final : public Awaitable {
  public:
    Lookup(std::string name_space, std::vector<std::string> keys)
        : name_space_(std::move(name_space)), keys_(std::move(keys)) {}

  private:
    friend class PromiseBase;
    Waiting awaiter_in(Scope& scope) && {
        return Waiting{scope, std::move(name_space_), std::move(keys_)};
    }

    std::string name_space_;
    std::vector<std::string> keys_;
};

// It only has to be awaited to learn which operation it belongs to; nothing is waited for.
class [[nodiscard]] PuttingId final : public Awaitable {
  public:
    PuttingId(std::string name_space, std::string key, std::string value)
        : name_space_(std::move(name_space)), key_(std::move(key)), value_(std::move(value)) {}

  private:
    friend class PromiseBase;
    struct Awaiter {
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        void await_resume() const noexcept {}
    };
    Awaiter awaiter_in(Scope& scope) && {
        scope.runtime->put_id(scope.operation, name_space_, key_, value_);
        return {};
    }

    std::string name_space_, key_, value_;
};

}  // namespace detail

// The ids of one namespace, as a member of the connector. The texts are copied.
class Ids {
  public:
    explicit Ids(std::string_view name_space) : name_space_(name_space) {}

    // Yields the value as a std::optional<std::string>: null if the key is not mapped.
    detail::Lookup<detail::WaitingForOne> find(std::string_view key) const {
        std::vector<std::string> one;
        one.emplace_back(key);
        return {name_space_, std::move(one)};
    }
    // The same for at most 1,000 keys at once, in their order.
    detail::Lookup<detail::WaitingLookup> find_all(std::vector<std::string> keys) const {
        return {name_space_, std::move(keys)};
    }

    // Only in a task that works for a write operation; else a Failure of class SYNCLINE_E_STALE.
    detail::PuttingId put(std::string_view key, std::string_view value) const {
        return {name_space_, std::string{key}, std::string{value}};
    }
    detail::PuttingId erase(std::string_view key) const { return put(key, ""); }

  private:
    std::string name_space_;
};

}  // namespace syncline

#endif
