#include "expr/value_ops.hpp"

#include <algorithm>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "record/canonical.hpp"
#include "record/json.hpp"

namespace syncline::expr {
namespace {

__extension__ using Int128 = __int128;

constexpr std::size_t kExcerptBytes = 32;

// Wide enough that sums, differences and products of two operands are exact; nothing for a double.
std::optional<Int128> as_integer(const json::value& number) {
    if (const auto* value = number.if_int64()) return *value;
    if (const auto* value = number.if_uint64()) return *value;
    return std::nullopt;
}

json::value from_double(double number) {
    return std::clamp(number, -DBL_MAX, DBL_MAX);  // infinity has no JSON
}

json::value from_integer(Int128 number) {
    using Signed = std::numeric_limits<std::int64_t>;
    using Unsigned = std::numeric_limits<std::uint64_t>;
    if (number >= Signed::min() && number <= Signed::max()) {
        return static_cast<std::int64_t>(number);
    }
    if (number > 0 && number <= Unsigned::max()) return static_cast<std::uint64_t>(number);
    return static_cast<double>(number);
}

// Toward zero, held within 64 bits: what a remainder is taken of.
Int128 integral_part(const json::value& number) {
    if (auto integer = as_integer(number)) return *integer;
    constexpr double kTwo63 = 9223372036854775808.0;
    double value = number.get_double();
    if (value >= kTwo63) return std::numeric_limits<std::int64_t>::max();
    if (value < -kTwo63) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(value);
}

int sign_of(bool less, bool greater) { return less ? -1 : greater ? 1 : 0; }

int compare_integer_with_double(Int128 integer, double number) {
    constexpr double kTwo64 = 18446744073709551616.0;
    if (number >= kTwo64) return -1;
    if (number <= -kTwo64) return 1;
    double whole = std::trunc(number);
    auto whole_integer = static_cast<Int128>(whole);
    if (integer != whole_integer) return integer < whole_integer ? -1 : 1;
    return sign_of(whole < number, whole > number);
}

int compare_numbers(const json::value& a, const json::value& b) {
    auto left = as_integer(a);
    auto right = as_integer(b);
    if (left && right) return sign_of(*left < *right, *left > *right);
    if (left) return compare_integer_with_double(*left, b.get_double());
    if (right) return -compare_integer_with_double(*right, a.get_double());
    return sign_of(a.get_double() < b.get_double(), a.get_double() > b.get_double());
}

int compare_texts(std::string_view a, std::string_view b) {
    int order = a.compare(b);
    return sign_of(order < 0, order > 0);
}

int compare_arrays(const json::array& a, const json::array& b) {
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        if (int order = compare(a[i], b[i])) return order;
    }
    return sign_of(a.size() < b.size(), a.size() > b.size());
}

// First by the sorted lists of names, then by the values in that order.
int compare_objects(const json::object& a, const json::object& b) {
    auto left = record::sorted_members(a);
    auto right = record::sorted_members(b);
    auto key = [](const json::key_value_pair* member) {
        return std::string_view{member->key().data(), member->key().size()};
    };
    std::size_t common = std::min(left.size(), right.size());
    for (std::size_t i = 0; i < common; ++i) {
        if (int order = compare_texts(key(left[i]), key(right[i]))) return order;
    }
    if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
    for (std::size_t i = 0; i < common; ++i) {
        if (int order = compare(left[i]->value(), right[i]->value())) return order;
    }
    return 0;
}

int rank(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null: return 0;
        case json::kind::bool_: return value.get_bool() ? 2 : 1;
        case json::kind::int64:
        case json::kind::uint64:
        case json::kind::double_: return 3;
        case json::kind::string: return 4;
        case json::kind::array: return 5;
        case json::kind::object: return 6;
    }
    return 0;
}

bool is_decimal(std::string_view text) {
    std::size_t at = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
    auto digits = [&] {
        auto begin = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
        return at - begin;
    };
    auto mantissa = digits();
    if (at < text.size() && text[at] == '.') {
        ++at;
        mantissa += digits();
    }
    if (mantissa == 0) return false;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        if (digits() == 0) return false;
    }
    return at == text.size();
}

}  // namespace

bool is_true(const json::value& value) {
    return !value.is_null() && !(value.is_bool() && !value.get_bool());
}

std::string_view type_name(const json::value& value) {
    switch (rank(value)) {
        case 0: return "null";
        case 1:
        case 2: return "boolean";
        case 3: return "number";
        case 4: return "string";
        case 5: return "array";
        default: return "object";
    }
}

std::string describe(const json::value& value) {
    std::string text{type_name(value)};
    if (const auto* array = value.if_array()) {
        return text + " (of " + std::to_string(array->size()) + ")";
    }
    if (const auto* object = value.if_object()) {
        return text + " (with " + std::to_string(object->size()) + " members)";
    }
    const auto* string = value.if_string();
    if (string == nullptr || string->size() <= kExcerptBytes) {
        return text + " (" + record::write_json(value) + ")";
    }
    auto excerpt = view_of(*string).substr(0, kExcerptBytes);
    while ((static_cast<unsigned char>((*string)[excerpt.size()]) & 0xC0) == 0x80) {
        excerpt.remove_suffix(1);  // don't cut a character
    }
    return text + " (" + record::write_json(string_of(excerpt)) + "...)";
}

int compare(const json::value& a, const json::value& b) {
    int left = rank(a);
    int right = rank(b);
    if (left != right) return left < right ? -1 : 1;
    switch (left) {
        case 3: return compare_numbers(a, b);
        case 4: return compare_texts(view_of(a.get_string()), view_of(b.get_string()));
        case 5: return compare_arrays(a.get_array(), b.get_array());
        case 6: return compare_objects(a.get_object(), b.get_object());
        default: return 0;
    }
}

std::size_t weight(const json::value& value) {
    std::size_t bytes = sizeof(json::value);
    if (const auto* text = value.if_string()) {
        bytes += text->size();
    } else if (const auto* array = value.if_array()) {
        for (const auto& element : *array) bytes += weight(element);
    } else if (const auto* object = value.if_object()) {
        for (const auto& member : *object) {
            bytes += sizeof(json::value) + member.key().size() + weight(member.value());
        }
    }
    return bytes;
}

std::size_t nesting(const json::value& value, std::size_t enough) {
    std::size_t deepest = 0;
    if (!value.is_structured()) return 0;
    if (enough == 0) return 1;
    if (const auto* array = value.if_array()) {
        for (const auto& element : *array) {
            deepest = std::max(deepest, nesting(element, enough - 1));
        }
    } else {
        for (const auto& member : value.get_object()) {
            deepest = std::max(deepest, nesting(member.value(), enough - 1));
        }
    }
    return deepest + 1;
}

std::optional<json::value> parse_decimal(std::string_view text) {
    if (!is_decimal(text)) return std::nullopt;
    if (text[0] == '+') text.remove_prefix(1);
    const char* begin = text.data();
    const char* end = begin + text.size();
    std::int64_t integer = 0;
    auto parsed = std::from_chars(begin, end, integer);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return integer;
    std::uint64_t natural = 0;
    parsed = std::from_chars(begin, end, natural);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return natural;
    double number = 0;
    parsed = std::from_chars(begin, end, number);
    if (parsed.ec == std::errc::result_out_of_range) {
        number = std::strtod(std::string{text}.c_str(), nullptr);  // says on which side
    }
    return from_double(number);
}

json::value add_numbers(const json::value& a, const json::value& b) {
    auto left = as_integer(a);
    auto right = as_integer(b);
    if (left && right) return from_integer(*left + *right);
    return from_double(to_double(a) + to_double(b));
}

json::value subtract_numbers(const json::value& a, const json::value& b) {
    auto left = as_integer(a);
    auto right = as_integer(b);
    if (left && right) return from_integer(*left - *right);
    return from_double(to_double(a) - to_double(b));
}

json::value multiply_numbers(const json::value& a, const json::value& b) {
    auto left = as_integer(a);
    auto right = as_integer(b);
    Int128 product = 0;
    if (left && right && !__builtin_mul_overflow(*left, *right, &product)) {
        return from_integer(product);
    }
    return from_double(to_double(a) * to_double(b));
}

json::value negate_number(const json::value& a) {
    if (auto integer = as_integer(a)) return from_integer(-*integer);
    return -a.get_double();
}

bool is_zero(const json::value& number) { return to_double(number) == 0; }

json::value divide_numbers(const json::value& a, const json::value& b) {
    auto left = as_integer(a);
    auto right = as_integer(b);
    if (left && right && *left % *right == 0) return from_integer(*left / *right);
    return from_double(to_double(a) / to_double(b));
}

std::optional<json::value> remainder_of_numbers(const json::value& a, const json::value& b) {
    auto divisor = integral_part(b);
    if (divisor == 0) return std::nullopt;
    return from_integer(integral_part(a) % divisor);
}

double to_double(const json::value& number) {
    if (auto integer = as_integer(number)) return static_cast<double>(*integer);
    return number.get_double();
}

std::size_t count_codepoints(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::string_view slice_codepoints(std::string_view text, std::size_t begin, std::size_t end) {
    std::size_t codepoint = 0;
    std::size_t from = text.size();
    std::size_t to = text.size();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
        if (codepoint == begin) from = i;
        if (codepoint == end) {
            to = i;
            break;
        }
        ++codepoint;
    }
    return text.substr(from, std::max(from, to) - from);
}

}  // namespace syncline::expr
