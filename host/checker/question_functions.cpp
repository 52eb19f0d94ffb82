// The strict host's half of the tables whose operations have one outcome.
#include <utility>

#include "checker/host_functions.hpp"
#include "plugin/copy_in.hpp"

namespace syncline::checker {

using plugin::Problem;

syncline_status StrictHost::Functions::take_answer(StrictHost& host, std::uint64_t operation,
                                                   const Caller& caller,
                                                   const syncline_error* error) {
    Operation* open = find_operation(host, operation, caller);
    if (open == nullptr) return SYNCLINE_E_STALE;
    if (error != nullptr && error->struct_size >= SYNCLINE_ERROR_SIZE_1_0 &&
        !host.check_error(error, "an outcome"))
        return SYNCLINE_E_PLUGIN_BUG;
    plugin::Failure failure;
    Problem problem;
    if (error != nullptr) problem = plugin::copy_error(error, "an outcome's error", failure);
    if (!problem.empty()) {
        host.note(Rule::kWellFormed, std::move(problem));
        return SYNCLINE_E_PLUGIN_BUG;
    }
    if (open->outcome || open->run.is_complete) {
        host.note(Rule::kOutcomeOnce, "an operation got a second outcome, or one after its end");
        return SYNCLINE_E_PLUGIN_BUG;
    }
    open->outcome = std::move(failure);
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::complete_question(syncline_host_handle handle,
                                                         std::uint64_t operation, const char* id,
                                                         bool plugin::Manifest::*promise) {
    StrictHost* host = enter(handle, "complete");
    if (host == nullptr) return SYNCLINE_E_STALE;
    return complete_operation(*host, operation, {id, host->manifest_.*promise, "complete"});
}

syncline_status StrictHost::Functions::checked(syncline_host_handle handle,
                                               syncline_check_handle operation,
                                               const syncline_error* error) {
    StrictHost* host = enter(handle, "outcome");
    if (host == nullptr) return SYNCLINE_E_STALE;
    const Caller caller{SYNCLINE_CHECK_ID, host->manifest_.can_check, "outcome"};
    return take_answer(*host, operation, caller, error);
}

syncline_status StrictHost::Functions::check_complete(syncline_host_handle handle,
                                                      syncline_check_handle operation) {
    return complete_question(handle, operation, SYNCLINE_CHECK_ID, &plugin::Manifest::can_check);
}

syncline_status StrictHost::Functions::discovered(syncline_host_handle handle,
                                                  syncline_discover_handle operation,
                                                  syncline_str streams_json,
                                                  const syncline_error* error) {
    StrictHost* host = enter(handle, "outcome");
    if (host == nullptr) return SYNCLINE_E_STALE;
    std::string streams;
    if (error == nullptr) {
        if (Problem problem = plugin::copy_streams(streams_json, streams); !problem.empty()) {
            host->note(Rule::kWellFormed, std::move(problem));
            return SYNCLINE_E_PLUGIN_BUG;
        }
        host->check_words(streams, "what was discovered");
    }
    const Caller caller{SYNCLINE_DISCOVER_ID, host->manifest_.can_discover, "outcome"};
    return take_answer(*host, operation, caller, error);
}

syncline_status StrictHost::Functions::discover_complete(syncline_host_handle handle,
                                                         syncline_discover_handle operation) {
    return complete_question(handle, operation, SYNCLINE_DISCOVER_ID,
                             &plugin::Manifest::can_discover);
}

syncline_status StrictHost::Functions::worked(syncline_host_handle handle,
                                              syncline_periodic_handle operation, std::int64_t,
                                              const syncline_error* error) {
    StrictHost* host = enter(handle, "outcome");
    if (host == nullptr) return SYNCLINE_E_STALE;
    const Caller caller{SYNCLINE_PERIODIC_ID, host->manifest_.can_work, "outcome"};
    return take_answer(*host, operation, caller, error);
}

syncline_status StrictHost::Functions::work_complete(syncline_host_handle handle,
                                                     syncline_periodic_handle operation) {
    return complete_question(handle, operation, SYNCLINE_PERIODIC_ID, &plugin::Manifest::can_work);
}

}  // namespace syncline::checker
