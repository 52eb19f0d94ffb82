// What is kept of a platform's response for a dead letter: bounded, readable, without secrets.
#pragma once

#include <string_view>

#include "plugin/log_gate.hpp"
#include "plugin/services.hpp"

namespace syncline::plugin {

// `request` is method and URL as they were sent. Of the URL the user and all behind the path are
// left out; `gate` knows the secrets of the settings, which a platform may repeat. [any]
PlatformAnswer make_answer(std::string_view request, const HttpReply& reply, const LogGate& gate);

}  // namespace syncline::plugin
