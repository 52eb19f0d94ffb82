// One open operation: begun by the hub, reported on item by item, completed by the connector or
// made up for.
// Concurrency: guarded by the instance's mutex, but for begin() and cancel(): [thread], unlocked.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "plugin/live_instance.hpp"

namespace syncline::plugin {

struct LiveInstance::Operation {
    Operation(std::string stream_name, std::chrono::milliseconds limit)
        : stream(std::move(stream_name)), timeout(limit) {}
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    virtual ~Operation() = default;

    // Why the connector can't be given it; kNone if it can.
    virtual Failure check(const Manifest& manifest) const = 0;
    virtual const char* begin_name() const = 0;  // for people: "write()"
    virtual syncline_status begin(const Tables& tables, syncline_instance* instance,
                                  std::uint64_t handle, syncline_error* error) = 0;
    virtual void cancel(const Tables& tables, syncline_instance* instance,
                        std::uint64_t handle) = 0;
    // The messages that it is about.
    virtual std::span<const Subject> subjects() const { return {}; }
    // begin() failed: that is the result of every item, whatever was said before.
    virtual void refuse(const Failure& failure) = 0;
    // What tells the hub: what the connector said of each item, and `failure` of the others. Once.
    virtual std::function<void()> take_result(LiveInstance& instance, const Failure& failure) = 0;

    const std::string stream;
    const std::chrono::milliseconds timeout;

    // The last response that arrived: looked into only if an item fails.
    std::string answered_request;
    std::shared_ptr<const HttpReply> answer;

    std::optional<Deadlines::Id> deadline;
    bool has_begun = false;     // the connector knows of it
    bool is_entering = false;   // begin() has not returned yet
    bool is_cancelled = false;  // nothing more is sent on its behalf; of a blocking connector
    bool is_reported = false;   // the hub was told, or that is on its way
};

// The operation of that handle; null when it is stale or of another kind.
template <class Kind>
Kind* LiveInstance::find_operation(std::uint64_t handle) {
    auto* found = operations_.find(handle);
    return found == nullptr ? nullptr : dynamic_cast<Kind*>(found->get());
}

}  // namespace syncline::plugin
