// core::redact() for JSON: what comes out is still JSON. Concurrency: pure functions. [any]
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace syncline::record {

// In every text of it, names of members included.
void redact(boost::json::value& value);

// Of a JSON text; the text itself when nothing of it is a secret.
std::string redact_json(std::string text);

}  // namespace syncline::record
