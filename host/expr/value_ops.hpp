// Pure operations on JSON values with the meaning that jq gives them.
// Concurrency: [any]; pure functions.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::expr {

namespace json = boost::json;

inline std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }
inline json::string string_of(std::string_view text) {
    return json::string(text.data(), text.size());
}

bool is_true(const json::value& value);

// "null", "boolean", "number", "string", "array", "object".
std::string_view type_name(const json::value& value);

// Type and a bounded excerpt, for messages: `number (5)`, `string ("abc...")`, `array (of 3)`.
std::string describe(const json::value& value);

// jq's total order: null, false, true, numbers, strings, arrays, objects. Negative, zero or
// positive. Integers compare exactly, also with doubles.
int compare(const json::value& a, const json::value& b);

// About the memory that a copy takes, and the nesting (0 for a scalar, stops counting beyond
// `enough`).
std::size_t weight(const json::value& value);
std::size_t nesting(const json::value& value, std::size_t enough);

// A decimal number in jq's spelling ([+-] digits, digits., .digits, exponent) without white space.
// Integers of 64 bits are exact; what is too large for a double becomes the largest one.
std::optional<json::value> parse_decimal(std::string_view text);

// For numbers only. Exact while both and the result are integers of 64 bits, otherwise in doubles;
// never infinite.
json::value add_numbers(const json::value& a, const json::value& b);
json::value subtract_numbers(const json::value& a, const json::value& b);
json::value multiply_numbers(const json::value& a, const json::value& b);
json::value negate_number(const json::value& a);
bool is_zero(const json::value& number);
json::value divide_numbers(const json::value& a, const json::value& b);  // b is not zero
// Of the integral parts, with the sign of a; nothing if the integral part of b is zero.
std::optional<json::value> remainder_of_numbers(const json::value& a, const json::value& b);

double to_double(const json::value& number);

std::size_t count_codepoints(std::string_view text);
// The bytes of the codepoints [begin, end).
std::string_view slice_codepoints(std::string_view text, std::size_t begin, std::size_t end);

}  // namespace syncline::expr
