// The capabilities "check" and "discover": what an account is asked that is no record.
//
//     Task<Status> check() override {
//         const Response response = co_await http::get(url_ + "/me");
//         if (!response.is_success()) co_return response.refusal("Acme");
//         co_return Status{};
//     }
//
// What they throw is the outcome as well. In the blocking style they are BlockingChecker and
// BlockingDiscoverer, and return the same without waiting.
#ifndef SYNCLINE_ASK_HPP
#define SYNCLINE_ASK_HPP

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "syncline/check.h"
#include "syncline/discover.h"
#include "syncline/failure.hpp"
#include "syncline/json.hpp"
#include "syncline/runtime.hpp"
#include "syncline/task.hpp"

namespace syncline {

// Implement it next to Connector.
class CredentialChecker {
  public:
    // Asks the platform for something that changes nothing: are the account's credentials good?
    virtual Task<Status> check() = 0;

  protected:
    ~CredentialChecker() = default;
};

struct DiscoveredField {
    std::string name;
    std::string type = {};  // "string", "integer", "number", "boolean", "object", "array"
    std::string title = {};
    bool is_required = false;
    bool is_key = false;
};

struct DiscoveredStream {
    std::string name;
    std::string title = {};
    std::vector<DiscoveredField> fields = {};
};

class BlockingChecker {
  public:
    virtual Status check() = 0;

  protected:
    ~BlockingChecker() = default;
};

// Implement it next to Connector.
class StreamDiscoverer {
  public:
    // Which streams the account has, and which fields they have.
    virtual Task<std::vector<DiscoveredStream>> discover() = 0;

  protected:
    ~StreamDiscoverer() = default;
};

class BlockingDiscoverer {
  public:
    virtual std::vector<DiscoveredStream> discover() = 0;

  protected:
    ~BlockingDiscoverer() = default;
};

// ---- Implementation --------------------------------------------------------------------------

namespace detail {

inline void write_field(json::Writer& to, const DiscoveredField& field) {
    to.begin_object().member("name", field.name);
    if (!field.type.empty()) to.member("type", field.type);
    if (!field.title.empty()) to.member("title", field.title);
    to.member("required", field.is_required).member("key", field.is_key).end_object();
}

inline std::string write_streams(const std::vector<DiscoveredStream>& streams) {
    json::Writer to;
    to.begin_array();
    for (const DiscoveredStream& stream : streams) {
        to.begin_object().member("name", stream.name);
        if (!stream.title.empty()) to.member("title", stream.title);
        to.key("fields").begin_array();
        for (const DiscoveredField& field : stream.fields) write_field(to, field);
        to.end_array().end_object();
    }
    return to.end_array().take();
}

// A failure that is on its way out; "the connector threw something" when it is none.
inline Failure current_failure() {
    try {
        throw;
    } catch (const Failure& failure) {
        return failure;
    } catch (const std::exception& e) {
        return {SYNCLINE_E_PLUGIN_BUG, e.what()};
    } catch (...) {
        return {SYNCLINE_E_PLUGIN_BUG, "the connector threw something"};
    }
}

// Runs what may throw; returns its failure.
template <typename Run>
Status outcome_of(const Run& run) {
    try {
        return run();
    } catch (...) {
        return current_failure();
    }
}

// One operation each, from its beginning to its end.
inline Root run_check(TaskGroup&, Runtime& runtime, syncline_check_handle operation,
                      CredentialChecker& checker) {
    Status status;
    try {
        status = co_await checker.check();
    } catch (...) {
        status = current_failure();
    }
    runtime.check_outcome(operation, status);
    runtime.end_check(operation);
}

inline Root run_discover(TaskGroup&, Runtime& runtime, syncline_discover_handle operation,
                         StreamDiscoverer& discoverer) {
    Status status;
    std::string streams;
    try {
        const std::vector<DiscoveredStream> found = co_await discoverer.discover();
        streams = write_streams(found);
    } catch (...) {
        status = current_failure();
    }
    runtime.discover_outcome(operation, streams, status);
    runtime.end_discover(operation);
}

}  // namespace detail
}  // namespace syncline

#endif
