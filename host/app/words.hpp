// What the verbs share to say things to people.
// Concurrency: [any]; plain values.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace syncline::app {

inline constexpr std::size_t kLineColumns = 100;  // of text for people

// A member as text: "" when it is not there or null, JSON when it is no string.
std::string text_of(const boost::json::object& object, std::string_view name);

bool is_true(const boost::json::object& object, std::string_view name);

// `1 account`, `2 accounts`.
std::string count_of(std::size_t count, const std::string& what);

// JSON for people to edit: one member or element a line; numbers as write_json() spells them.
std::string pretty_json(const boost::json::value& value);

// The line broken between words where it is too long; what follows stands `indent` columns in.
std::string wrapped(std::string_view line, std::size_t indent);

}  // namespace syncline::app
