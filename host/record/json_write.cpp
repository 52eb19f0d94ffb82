#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "record/canonical.hpp"
#include "record/json.hpp"

namespace syncline::record {
namespace {

enum class MemberOrder { kAsIs, kSorted };

constexpr std::size_t kUsualTextBytes = 1024;  // most records need no second allocation

// 0: as it is; 'u': \u00XX; otherwise the letter after the backslash.
constexpr std::array<char, 256> make_escapes() {
    std::array<char, 256> escapes{};
    for (std::size_t i = 0; i < 0x20; ++i) escapes[i] = 'u';
    escapes['\b'] = 'b';
    escapes['\f'] = 'f';
    escapes['\n'] = 'n';
    escapes['\r'] = 'r';
    escapes['\t'] = 't';
    escapes['"'] = '"';
    escapes['\\'] = '\\';
    return escapes;
}

void append_string(std::string& out, json::string_view text) {
    static constexpr auto kEscapes = make_escapes();
    static constexpr char kDigits[] = "0123456789abcdef";
    out += '"';
    std::size_t plain_begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        char escape = kEscapes[byte];
        if (escape == 0) continue;
        out.append(text.data() + plain_begin, i - plain_begin);
        plain_begin = i + 1;
        out += '\\';
        out += escape;
        if (escape == 'u') {
            out += "00";
            out += kDigits[byte >> 4];
            out += kDigits[byte & 15];
        }
    }
    out.append(text.data() + plain_begin, text.size() - plain_begin);
    out += '"';
}

template <class... Format>
void append_digits(std::string& out, Format... number_and_format) {
    std::array<char, 40> digits;
    auto* end =
        std::to_chars(digits.data(), digits.data() + digits.size(), number_and_format...).ptr;
    out.append(digits.data(), end);
}

// A double that is an integer of 64 bits is spelled like that integer, so that 1, 1.0 and 1e0 are
// the same text. Fractions have no exponent from 0.0001 up.
void append_number(std::string& out, double number) {
    constexpr double kTwo63 = 9223372036854775808.0;
    if (!std::isfinite(number)) {
        out += "null";  // JSON has no spelling for it; parse_json() and expressions never make one
    } else if (std::trunc(number) != number) {
        auto format =
            std::fabs(number) < 1e-4 ? std::chars_format::scientific : std::chars_format::fixed;
        append_digits(out, number, format);
    } else if (number >= -kTwo63 && number < kTwo63) {
        append_digits(out, static_cast<std::int64_t>(number));
    } else if (number >= kTwo63 && number < 2 * kTwo63) {
        append_digits(out, static_cast<std::uint64_t>(number));
    } else {
        append_digits(out, number, std::chars_format::scientific);
    }
}

template <MemberOrder order>
void append_value(std::string& out, const json::value& value);

template <MemberOrder order>
void append_object(std::string& out, const json::object& object) {
    char separator = '{';
    auto append_member = [&](const json::key_value_pair& member) {
        out += separator;
        separator = ',';
        append_string(out, member.key());
        out += ':';
        append_value<order>(out, member.value());
    };
    if constexpr (order == MemberOrder::kSorted) {
        for (const auto* member : sorted_members(object)) append_member(*member);
    } else {
        for (const auto& member : object) append_member(member);
    }
    if (object.empty()) out += '{';
    out += '}';
}

template <MemberOrder order>
void append_value(std::string& out, const json::value& value) {
    switch (value.kind()) {
        case json::kind::null: out += "null"; return;
        case json::kind::bool_: out += value.get_bool() ? "true" : "false"; return;
        case json::kind::int64: append_digits(out, value.get_int64()); return;
        case json::kind::uint64: append_digits(out, value.get_uint64()); return;
        case json::kind::double_: append_number(out, value.get_double()); return;
        case json::kind::string: append_string(out, value.get_string()); return;
        case json::kind::array: {
            char separator = '[';
            for (const auto& element : value.get_array()) {
                out += separator;
                separator = ',';
                append_value<order>(out, element);
            }
            if (value.get_array().empty()) out += '[';
            out += ']';
            return;
        }
        case json::kind::object: append_object<order>(out, value.get_object()); return;
    }
}

}  // namespace

Members sorted_members(const json::object& object) {
    Members members;
    members.reserve(object.size());
    for (const auto& member : object) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return a->key() < b->key(); });
    return members;
}

void append_canonical_string(std::string& out, json::string_view text) { append_string(out, text); }

void append_canonical(std::string& out, const json::value& value) {
    append_value<MemberOrder::kSorted>(out, value);
}

std::string write_json(const json::value& value) {
    std::string out;
    if (value.is_structured()) out.reserve(kUsualTextBytes);
    append_value<MemberOrder::kAsIs>(out, value);
    return out;
}

std::string canonical_json(const json::value& value) {
    std::string out;
    if (value.is_structured()) out.reserve(kUsualTextBytes);
    append_canonical(out, value);
    return out;
}

}  // namespace syncline::record
