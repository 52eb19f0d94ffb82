// What went wrong, and the bridge between texts of C and C++.
#ifndef SYNCLINE_FAILURE_HPP
#define SYNCLINE_FAILURE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "syncline/json.hpp"
#include "syncline/types.h"

namespace syncline {

// A failure as the host sees it. The class decides what the host does next; the message is for
// people and must not be empty. Return it, give it to a record, or throw it.
struct Failure : std::exception {
    Failure() = default;
    Failure(syncline_status of_class, std::string words, std::string code = {},
            std::int64_t wait_ms = -1)
        : failure_class(of_class),
          message(std::move(words)),
          provider_code(std::move(code)),
          retry_after_ms(wait_ms) {}

    // The same, but what was asked for may have been done all the same.
    Failure with_possible_effect() const {
        Failure copy = *this;
        copy.may_have_had_effect = true;
        return copy;
    }
    const char* what() const noexcept override { return message.c_str(); }

    syncline_status failure_class = SYNCLINE_E_PERMANENT;
    std::string message;
    std::string provider_code;         // the platform's own code, if any
    std::int64_t retry_after_ms = -1;  // -1: not given
    bool may_have_had_effect = false;
};

// Success, or a failure: `return {};` or `return Failure{SYNCLINE_E_CONFIG, "why"};`.
class [[nodiscard]] Status {
  public:
    Status() = default;
    Status(Failure failure) : failure_(std::move(failure)) {}

    bool ok() const { return !failure_.has_value(); }
    // Only if not ok().
    const Failure& failure() const { return *failure_; }

  private:
    std::optional<Failure> failure_;
};

// The text is borrowed from its owner, both ways.
inline std::string_view view(syncline_str text) noexcept {
    return text.len == 0 ? std::string_view{} : std::string_view{text.ptr, text.len};
}
inline syncline_str borrow(std::string_view text) noexcept {
    return {text.data(), text.size()};
}

// Reads a whole text as JSON. Throws a Failure of class SYNCLINE_E_PERMANENT that begins with
// `what_is`: "the body is not JSON: ':' is expected at byte 7".
inline json::Value parse_json(std::string_view text, std::string_view what_is = "the body is ") {
    json::Parsed parsed = json::parse(text);
    if (parsed) return std::move(*parsed.value);
    throw Failure{SYNCLINE_E_PERMANENT, std::string{what_is} + "not JSON: " + parsed.problem +
                                            " at byte " + std::to_string(parsed.offset)};
}

namespace detail {

// Copies text with its NUL, cut between characters if it is too long. What is not UTF-8 ends it.
template <std::size_t capacity>
void copy_text(char (&to)[capacity], std::string_view from) noexcept {
    std::size_t used = 0;
    while (used < from.size() && from[used] != '\0') {
        const std::size_t length = json::utf8_length(from.substr(used));
        if (length == 0 || used + length >= capacity) break;
        used += length;
    }
    if (used > 0) std::memcpy(to, from.data(), used);
    to[used] = '\0';
}

template <std::size_t capacity>
std::string_view bounded_text(const char (&from)[capacity]) noexcept {
    return {from, static_cast<std::size_t>(std::find(from, from + capacity, '\0') - from)};
}

inline syncline_error empty_error() noexcept {
    syncline_error error{};
    error.struct_size = sizeof error;
    error.retry_after_ms = -1;
    return error;
}

inline void fill(syncline_error& error, syncline_status failure_class, std::string_view message,
                 std::string_view provider_code = {}, std::int64_t retry_after_ms = -1) noexcept {
    const bool is_class = failure_class >= SYNCLINE_E_CONFIG && failure_class <= SYNCLINE_E_STALE;
    error.failure_class = is_class ? failure_class : SYNCLINE_E_PLUGIN_BUG;
    error.retry_after_ms = retry_after_ms;
    copy_text(error.provider_code, provider_code);
    copy_text(error.message, message.empty() ? "the connector gave no reason" : message);
}

inline syncline_error to_c(const Failure& failure) noexcept {
    syncline_error error = empty_error();
    fill(error, failure.failure_class, failure.message, failure.provider_code,
         failure.retry_after_ms);
    return error;
}

inline Failure from_c(const syncline_error& error) {
    return Failure{error.failure_class, std::string{bounded_text(error.message)},
                   std::string{bounded_text(error.provider_code)}, error.retry_after_ms};
}

}  // namespace detail
}  // namespace syncline

#endif
