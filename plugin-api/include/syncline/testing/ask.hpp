// The fake host's open checks, discoveries and turns of periodic work.
#ifndef SYNCLINE_TESTING_ASK_HPP
#define SYNCLINE_TESTING_ASK_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"
#include "syncline/testing/instance.hpp"
#include "syncline/testing/values.hpp"

namespace syncline::testing::fake {

// Operations with one outcome, of one kind.
class Questions {
  public:
    Questions(const Instance& instance, Handles& handles, std::vector<std::string>& violations)
        : instance_(instance), handles_(handles), violations_(violations) {}

    std::size_t size() const { return open_.size(); }

    // What the connector calls.
    syncline_status complete(std::uint64_t handle) {
        const auto found = open_.find(handle);
        if (found == open_.end()) return broken("a completion of what is over", SYNCLINE_E_STALE);
        if (handle == beginning_) return broken("a completion from inside the call that began it");
        if (!found->second.has_ended) violations_.emplace_back("a completion without an outcome");
        found->second.asked->is_complete = true;
        open_.erase(found);
        return SYNCLINE_OK;
    }

  protected:
    static constexpr std::int64_t kTimeoutMs = 60'000;

    template <typename Call>
    std::shared_ptr<Asked> ask(const Call& call) {
        const std::uint64_t handle = beginning_ = handles_.next();
        const auto asked = std::make_shared<Asked>();
        open_[handle].asked = asked;
        syncline_error error = detail::empty_error();
        asked->status = call(handle, &error);
        beginning_ = 0;
        if (asked->status == SYNCLINE_OK) return asked;
        asked->failure = detail::from_c(error);
        open_.erase(handle);
        return asked;
    }
    template <typename Call>
    void cancel_all(const Call& call) {
        const auto open = open_;
        for (const auto& [handle, question] : open) call(handle);
    }
    syncline_status end(std::uint64_t handle, std::string_view answer, const syncline_error* error,
                        std::int64_t next_due_ns = SYNCLINE_NO_TIME) {
        const auto found = open_.find(handle);
        if (found == open_.end()) return broken("an outcome of what is over", SYNCLINE_E_STALE);
        if (found->second.has_ended) return broken("a second outcome");
        found->second.has_ended = true;
        found->second.asked->streams = answer;
        found->second.asked->next_due_ns = next_due_ns;
        if (error != nullptr) found->second.asked->failure = detail::from_c(*error);
        return SYNCLINE_OK;
    }

    const Instance& instance_;

  private:
    struct Open {
        std::shared_ptr<Asked> asked;
        bool has_ended = false;
    };
    syncline_status broken(const char* rule, syncline_status status = SYNCLINE_E_PLUGIN_BUG) {
        violations_.emplace_back(rule);
        return status;
    }

    Handles& handles_;
    std::vector<std::string>& violations_;
    std::map<std::uint64_t, Open> open_;
    std::uint64_t beginning_ = 0;
};

class Checks : public Questions {
  public:
    using Questions::Questions;

    std::shared_ptr<Asked> begin() {
        return ask([this](std::uint64_t handle, syncline_error* error) {
            return table().check(instance_.self, handle, kTimeoutMs, error);
        });
    }
    void cancel() {
        cancel_all([this](std::uint64_t handle) { table().cancel(instance_.self, handle); });
    }
    syncline_status outcome(syncline_check_handle handle, const syncline_error* error) {
        return end(handle, {}, error);
    }

  private:
    const syncline_plugin_check& table() const {
        return instance_.table<syncline_plugin_check>(SYNCLINE_CHECK_ID);
    }
};

class Discoveries : public Questions {
  public:
    using Questions::Questions;

    std::shared_ptr<Asked> begin() {
        return ask([this](std::uint64_t handle, syncline_error* error) {
            return table().discover(instance_.self, handle, kTimeoutMs, error);
        });
    }
    void cancel() {
        cancel_all([this](std::uint64_t handle) { table().cancel(instance_.self, handle); });
    }
    syncline_status outcome(syncline_discover_handle handle, syncline_str streams,
                            const syncline_error* error) {
        return end(handle, view(streams), error);
    }

  private:
    const syncline_plugin_discover& table() const {
        return instance_.table<syncline_plugin_discover>(SYNCLINE_DISCOVER_ID);
    }
};

class Turns : public Questions {
  public:
    using Questions::Questions;

    std::shared_ptr<Asked> begin(std::int64_t due_ns) {
        return ask([this, due_ns](std::uint64_t handle, syncline_error* error) {
            return table().work(instance_.self, handle, due_ns, kTimeoutMs, error);
        });
    }
    void cancel() {
        cancel_all([this](std::uint64_t handle) { table().cancel(instance_.self, handle); });
    }
    syncline_status outcome(syncline_periodic_handle handle, std::int64_t next_due_ns,
                            const syncline_error* error) {
        return end(handle, {}, error, next_due_ns);
    }

  private:
    const syncline_plugin_periodic& table() const {
        return instance_.table<syncline_plugin_periodic>(SYNCLINE_PERIODIC_ID);
    }
};

}  // namespace syncline::testing::fake

#endif
