// What a signature is over, as the configuration describes it: `{timestamp}.{body}`.
//
// Between literal text there may be {body}, {timestamp}, {method}, {path} (as sent, without the
// query) and {header:NAME}; `{{` and `}}` are braces. Concurrency: immutable. [any]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "intake/verify.hpp"

namespace syncline::intake {

class SignedText {
  public:
    // Errors: kVerifierInvalid.
    static Result<SignedText> parse(std::string_view text);

    bool has_body() const { return has(Part::Kind::kBody); }
    bool has_timestamp() const { return has(Part::Kind::kTimestamp); }
    bool has_header(std::string_view name) const;  // in lower case

    // The pieces in their order, borrowed from the message: nothing is copied.
    // Errors: kNotAuthentic, when there is not exactly one of a header.
    Result<std::vector<std::string_view>> pieces(const Message& message,
                                                 std::string_view timestamp) const;

  private:
    struct Part {
        enum class Kind { kText, kBody, kTimestamp, kMethod, kPath, kHeader };
        Kind kind = Kind::kText;
        std::string text;  // kText: itself; kHeader: the name in lower case
    };
    bool has(Part::Kind kind) const;
    static Result<Part> parse_placeholder(std::string_view name);

    std::vector<Part> parts_;
};

}  // namespace syncline::intake
