// The pieces of the canonical text: for canonical_json() and fingerprint(), and for the order of
// objects in expressions.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/json/object.hpp>
#include <string>

namespace syncline::record {

using Members = boost::container::small_vector<const boost::json::key_value_pair*, 32>;

// The members of `object`, sorted by the bytes of their names. The pointers live as long as the
// object. [any]
Members sorted_members(const boost::json::object& object);

void append_canonical_string(std::string& out, boost::json::string_view text);
void append_canonical(std::string& out, const boost::json::value& value);

}  // namespace syncline::record
