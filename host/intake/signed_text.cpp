#include "intake/signed_text.hpp"

#include <algorithm>

#include "auth/url.hpp"
#include "intake/errc.hpp"

namespace syncline::intake {

Result<SignedText::Part> SignedText::parse_placeholder(std::string_view name) {
    constexpr std::string_view kHeader = "header:";
    if (name == "body") return Part{Part::Kind::kBody, {}};
    if (name == "timestamp") return Part{Part::Kind::kTimestamp, {}};
    if (name == "method") return Part{Part::Kind::kMethod, {}};
    if (name == "path") return Part{Part::Kind::kPath, {}};
    if (!name.starts_with(kHeader) || name.size() == kHeader.size())
        return Error(kVerifierInvalid, "`{" + std::string{name} + "}` can't be signed",
                     "write {body}, {timestamp}, {method}, {path} or {header:NAME}");
    return Part{Part::Kind::kHeader, auth::lower_case(name.substr(kHeader.size()))};
}

Result<SignedText> SignedText::parse(std::string_view text) {
    SignedText signed_text;
    std::string literal;
    const auto end_literal = [&] {
        if (!literal.empty()) signed_text.parts_.push_back({Part::Kind::kText, literal});
        literal.clear();
    };
    while (!text.empty()) {
        const char c = text.front();
        if (text.starts_with("{{") || text.starts_with("}}") || (c != '{' && c != '}')) {
            literal += c;
            text.remove_prefix(c == '{' || c == '}' ? 2 : 1);
            continue;
        }
        const std::size_t end = text.find('}');
        if (c == '}' || end == std::string_view::npos)
            return Error(kVerifierInvalid, "a brace of what is signed has no partner",
                         "a brace itself is written twice");
        end_literal();
        SYNCLINE_TRY(Part part, parse_placeholder(text.substr(1, end - 1)));
        signed_text.parts_.push_back(std::move(part));
        text.remove_prefix(end + 1);
    }
    end_literal();
    return signed_text;
}

bool SignedText::has(Part::Kind kind) const {
    return std::any_of(parts_.begin(), parts_.end(),
                       [kind](const Part& part) { return part.kind == kind; });
}

bool SignedText::has_header(std::string_view name) const {
    return std::any_of(parts_.begin(), parts_.end(), [name](const Part& part) {
        return part.kind == Part::Kind::kHeader && part.text == name;
    });
}

Result<std::vector<std::string_view>> SignedText::pieces(const Message& message,
                                                         std::string_view timestamp) const {
    std::vector<std::string_view> pieces;
    for (const Part& part : parts_) {
        switch (part.kind) {
            case Part::Kind::kText:
                pieces.push_back(part.text);
                break;
            case Part::Kind::kBody:
                pieces.push_back(message.body);
                break;
            case Part::Kind::kTimestamp:
                pieces.push_back(timestamp);
                break;
            case Part::Kind::kMethod:
                pieces.push_back(message.method);
                break;
            case Part::Kind::kPath:
                pieces.push_back(message.target.substr(0, message.target.find('?')));
                break;
            case Part::Kind::kHeader: {
                const auto value = message.headers.only_value(part.text);
                if (!value)
                    return Error(kNotAuthentic, "there is not exactly one header " + part.text);
                pieces.push_back(*value);
                break;
            }
        }
    }
    return pieces;
}

}  // namespace syncline::intake
