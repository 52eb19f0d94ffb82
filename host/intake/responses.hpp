// What senders are told in the host's own words: JSON, and for errors one sentence as well.
// Concurrency: pure functions. [any]
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "core/error.hpp"
#include "http_server/server.hpp"
#include "plugin/calls.hpp"
#include "store/outcome_waiters.hpp"

namespace syncline::intake {

http_server::Response json_response(int status, const boost::json::object& body);
// {"error":"<sentence>","code":"<code>"}
http_server::Response refusal(int status, const Error& error);
// 503 with Retry-After.
http_server::Response busy(const Error& error);
// The event is durable: {"status":"accepted","event":"<id>"}
http_server::Response accepted(int status, store::Position event);
// The event is durable and its sender waits no longer: an error with the event's id.
http_server::Response unanswered(int status, const Error& error, store::Position event);

// What became of the event (`kComplete`): 200, or by the class of what failed first: 409 for a
// conflict, 422 for what will never work, 502 for the rest.
http_server::Response outcome_response(const store::OutcomeTold& outcome);
// The same for a connector that words it.
plugin::Answer to_answer(const store::OutcomeTold& outcome);

// What a destination holds: 200, 404, or as above and 504 for a deadline.
http_server::Response query_response(plugin::FetchResult result);

}  // namespace syncline::intake
