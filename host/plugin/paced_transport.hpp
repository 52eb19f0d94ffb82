// The requests of an account, as fast as its connector's manifest allows and no faster.
#pragma once

#include <memory>

#include "core/clock.hpp"
#include "plugin/data_contract.hpp"
#include "plugin/deadlines.hpp"
#include "plugin/services.hpp"

namespace syncline::plugin {

// What the requests of one account have in common, whichever versions of its connector send them.
class Pacer;
// `clock` outlives it.
std::shared_ptr<Pacer> make_pacer(const core::Clock& clock, std::shared_ptr<Deadlines> deadlines);

// A transport that begins at most `per_second` requests in a second, evenly spaced, with at most
// `at_once` of them open, those of the pacer's other transports counted; the others wait in their
// order, each as long as its own timeout at most (then it fails with kDeadline, and no byte has
// left).
// Concurrency: [any]. Limits: kWaitingRequestsMax requests wait; more fail with kRateLimited.
std::shared_ptr<HttpTransport> make_paced(std::shared_ptr<HttpTransport> inner,
                                          RequestLimits limits, std::shared_ptr<Pacer> pacer);

inline constexpr std::size_t kWaitingRequestsMax = 10'000;

}  // namespace syncline::plugin
