#include "config/variables.hpp"

#include <algorithm>
#include <utility>

#include "core/utf8.hpp"
#include "core/assert.hpp"

namespace syncline::config {
namespace {

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Where a character of the scalar's text stands; the beginning of the scalar when escapes or line
// breaks blur that.
Position place_of(const Node& scalar, std::size_t offset) {
    if (!scalar.is_verbatim) return scalar.at;
    Position at = scalar.at;
    at.column += scalar.is_plain ? 0 : 1;
    for (std::size_t i = 0; i < offset; ++i)
        if ((static_cast<unsigned char>(scalar.text[i]) & 0xC0) != 0x80) ++at.column;
    return at;
}

}  // namespace

bool Variables::has_reference(const Node& scalar) {
    for (std::size_t i = scalar.text.find("${"); i != std::string::npos;
         i = scalar.text.find("${", i + 2))
        if (i == 0 || scalar.text[i - 1] != '$') return true;
    return false;
}

std::optional<std::string> Variables::expand(const Node& scalar, SecretUse use) {
    if (!has_reference(scalar)) return replace(scalar, use);
    const bool was_sealed = take_sealed();
    auto value = replace(scalar, use);
    if (value) digests_.note(scalar, *value, has_sealed_);
    has_sealed_ |= was_sealed;
    return value;
}

std::optional<std::string> Variables::replace(const Node& scalar, SecretUse use) {
    const std::string_view text = scalar.text;
    std::string out;
    bool is_complete = true;
    std::size_t i = 0;
    while (i < text.size()) {
        const std::size_t dollar = std::min(text.find('$', i), text.size());
        out += text.substr(i, dollar - i);
        i = dollar;
        if (text.substr(i).starts_with("$${")) {
            out += "${";
            i += 3;
        } else if (!text.substr(i).starts_with("${")) {
            out += text.substr(i, 1);
            ++i;
        } else {
            const Position at = place_of(scalar, i);
            const std::size_t end = text.find('}', i);
            if (end == std::string_view::npos) {
                problems_.add(kVariableSyntax, at, "`${` without its `}`");
                return std::nullopt;
            }
            auto value = resolve(text.substr(i + 2, end - i - 2), at, use);
            is_complete = is_complete && value.has_value();
            if (value.has_value()) {
                out += *value;
                core::cleanse(*value);
            }
            i = end + 1;
        }
    }
    if (!is_complete) return std::nullopt;
    if (use == SecretUse::kRefused && !core::is_utf8(out)) {
        problems_.add(kValue, scalar.at, "a variable in this value is not valid UTF-8");
        return std::nullopt;
    }
    return out;
}

std::optional<std::string> Variables::resolve(std::string_view reference, Position at,
                                              SecretUse use) {
    const std::size_t colon = reference.find(':');
    const std::string_view kind = reference.substr(0, colon);
    const bool is_secret = colon != std::string_view::npos && (kind == "file" || kind == "secret");
    auto value = is_secret ? resolve_secret(kind, reference.substr(colon + 1), at, use)
                           : resolve_environment(reference, at);
    if (!value.has_value()) return std::nullopt;
    if (value->size() > kReplacedBytesMax - replaced_bytes_) {
        problems_.add(kValue, at, "the values of all variables together are larger than 16 MiB",
                      "use fewer or smaller ones");
        return std::nullopt;
    }
    replaced_bytes_ += value->size();
    return value;
}

std::optional<std::string> Variables::resolve_environment(std::string_view reference, Position at) {
    std::size_t length = 0;
    while (length < reference.size() && is_name_character(reference[length])) ++length;
    const std::string name{reference.substr(0, length)};
    const std::string_view rest = reference.substr(length);
    const bool has_default = rest.starts_with(":-");
    const bool has_message = rest.starts_with(":?");
    const bool is_name = length > 0 && (name.front() < '0' || name.front() > '9');
    if (!is_name || (!rest.empty() && !has_default && !has_message)) {
        problems_.add(kVariableSyntax, at,
                      in_quotes("${" + std::string{reference} + "}") + " is not a variable");
        return std::nullopt;
    }
    auto value = source_.environment(name);
    // As in a shell: an empty value counts as unset once a default or a message is given.
    const bool is_set = value.has_value() && (rest.empty() || !value->empty());
    if (is_set) return value;
    if (has_default) return std::string{rest.substr(2)};
    if (has_message && rest.size() > 2) {
        problems_.add(kVariableUnset, at, "the variable " + in_quotes(name) + " is not set",
                      std::string{rest.substr(2)});
    } else {
        problems_.add(kVariableUnset, at, "the variable " + in_quotes(name) + " is not set");
    }
    return std::nullopt;
}

std::optional<std::string> Variables::resolve_secret(std::string_view kind, std::string_view name,
                                                     Position at, SecretUse use) {
    if (name.empty()) {
        problems_.add(kVariableSyntax, at, "`${" + std::string{kind} + ":}` names nothing");
        return std::nullopt;
    }
    if (use == SecretUse::kRefused) {
        problems_.add(
            kVariableSyntax, at,
            "`${" + std::string{kind} + ":...}` can't be used here: this value is not kept secret",
            "use it in `settings`, `key`, `username` or `password`");
        return std::nullopt;
    }
    auto value = kind == "file" ? source_.file(folder_ / std::filesystem::path{name})
                                : from_vault(std::string{name});
    if (value.has_error()) {
        problems_.add(std::move(value).error(), at);
        return std::nullopt;
    }
    watch(*value);
    return std::move(*value);
}

Result<std::string> Variables::from_vault(const std::string& name) {
    SYNCLINE_ASSERT(hub_ != nullptr);  // secrets are refused in the section `hub`
    SYNCLINE_TRY(SecretSource::VaultValue found, source_.vault(*hub_, name));
    has_sealed_ |= found.is_sealed;
    return std::move(found.value);
}

}  // namespace syncline::config
