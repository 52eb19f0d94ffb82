// Settings as a text, which may hold secrets.
#pragma once

#include <boost/json/object.hpp>

#include "core/secret.hpp"

namespace syncline::plugin {

// The settings as JSON, which never is in memory that stays behind. [any]
core::Secret settings_text(const boost::json::object& settings);

}  // namespace syncline::plugin
