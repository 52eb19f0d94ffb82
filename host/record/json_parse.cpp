// Boost's parser with a handler of our own: its conversion of decimal fractions (1.81) may be off
// by one unit in the last place, so that a record would change by being read and written.
// std::from_chars rounds correctly.
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <string>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include "record/errc.hpp"
#include "record/json.hpp"

namespace syncline::record {
namespace {

constexpr std::size_t kStackBufferBytes = 4096;  // a usual record needs no temporary allocation

// Gives the events of the parser to a value_stack. Member names are those that basic_parser asks
// for.
class TreeBuilder {
  public:
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

    TreeBuilder() : stack_(json::storage_ptr{}, buffer_, sizeof buffer_) { stack_.reset(); }

    json::value release() { return stack_.release(); }
    // Of all objects together, also those that a later one of the same name replaced.
    std::size_t members() const { return members_; }

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_array_begin(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return true; }
    bool on_array_end(std::size_t count, json::error_code&) {
        stack_.push_array(count);
        return true;
    }
    bool on_object_end(std::size_t count, json::error_code&) {
        members_ += count;
        stack_.push_object(count);
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
        stack_.push_chars(part);
        return true;
    }
    bool on_string(json::string_view rest, std::size_t, json::error_code&) {
        stack_.push_string(rest);
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        stack_.push_chars(part);
        return true;
    }
    bool on_key(json::string_view rest, std::size_t, json::error_code&) {
        stack_.push_key(rest);
        return true;
    }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
        stack_.push_int64(number);
        return true;
    }
    bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
        stack_.push_uint64(number);
        return true;
    }
    // The whole text is in one buffer, so `text` is the whole number.
    bool on_double(double approximate, json::string_view text, json::error_code& error) {
        double number = 0;
        auto outcome = std::from_chars(text.data(), text.data() + text.size(), number);
        if (outcome.ec == std::errc::result_out_of_range) {
            if (std::fabs(approximate) > 1) {
                error = json::error::exponent_overflow;
                return false;
            }
            number = 0;  // too small for a double: the nearest is zero
        }
        stack_.push_double(number);
        return true;
    }
    bool on_bool(bool value, json::error_code&) {
        stack_.push_bool(value);
        return true;
    }
    bool on_null(json::error_code&) {
        stack_.push_null();
        return true;
    }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

  private:
    unsigned char buffer_[kStackBufferBytes];
    json::value_stack stack_;
    std::size_t members_ = 0;
};

std::size_t members_in(const json::value& value) {
    std::size_t count = 0;
    if (const json::array* items = value.if_array()) {
        for (const json::value& item : *items) count += members_in(item);
    } else if (const json::object* members = value.if_object()) {
        count = members->size();
        for (const auto& member : *members) count += members_in(member.value());
    }
    return count;
}

// Stops at the first member whose object has one of that name already. Only asked when there is
// one.
class DuplicateFinder {
  public:
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_array_begin(json::error_code&) { return true; }
    bool on_array_end(std::size_t, json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) {
        names_.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t, json::error_code&) {
        names_.pop_back();
        return true;
    }
    bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
    bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        name_ += part;
        return true;
    }
    bool on_key(json::string_view rest, std::size_t, json::error_code& error) {
        name_ += rest;
        if (!names_.back().insert(std::exchange(name_, {})).second) {
            error = json::error::object_too_large;  // any: it only stops the parser
            return false;
        }
        return true;
    }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
    bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
    bool on_double(double, json::string_view, json::error_code&) { return true; }
    bool on_bool(bool, json::error_code&) { return true; }
    bool on_null(json::error_code&) { return true; }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

  private:
    std::vector<std::unordered_set<std::string>> names_;  // of the objects around, outermost first
    std::string name_;
};

std::string describe(const json::error_code& error, std::string_view text, std::size_t offset,
                     const JsonLimits& limits) {
    if (text.starts_with("\xEF\xBB\xBF")) return "the text begins with a byte order mark";
    if (error == json::error::incomplete) return "the text ends too early";
    if (error == json::error::extra_data) return "there is more text after the value";
    if (error == json::error::too_deep) {
        return "nested deeper than " + std::to_string(limits.depth_max) + " levels";
    }
    if (error == json::error::exponent_overflow) return "the number is too large for a double";
    if (error == json::error::syntax) {
        return offset < text.size() ? "this is not JSON" : "the text ends too early";
    }
    return error.message();
}

Error located_error(std::string_view text, std::size_t offset, const std::string& what) {
    auto before = text.substr(0, offset);
    std::size_t line = 1;
    std::size_t column = 1;
    for (char c : before) {
        if (c == '\n') {
            ++line;
            column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
            ++column;  // of characters, not bytes
        }
    }
    auto place = "line " + std::to_string(line) + ", column " + std::to_string(column);
    return Error{kJsonInvalid, place + ": " + what};
}

// Behind the name that is there twice.
Error duplicate_error(std::string_view text, const json::parse_options& options) {
    json::basic_parser<DuplicateFinder> finder{options};
    json::error_code error;
    const std::size_t offset = finder.write_some(false, text.data(), text.size(), error);
    return located_error(text, offset, "the object has a member of this name already");
}

}  // namespace

Result<json::value> parse_json(std::string_view text, JsonLimits limits) {
    json::parse_options options;
    options.max_depth = limits.depth_max;
    json::basic_parser<TreeBuilder> parser{options};
    json::error_code error;
    std::size_t consumed = parser.write_some(false, text.data(), text.size(), error);
    if (!error && consumed < text.size()) error = json::error::extra_data;
    if (error) return located_error(text, consumed, describe(error, text, consumed, limits));
    json::value value = parser.handler().release();
    // The tree keeps one member of each name.
    if (!limits.allows_duplicate_keys && members_in(value) != parser.handler().members())
        return duplicate_error(text, options);
    return value;
}

}  // namespace syncline::record
