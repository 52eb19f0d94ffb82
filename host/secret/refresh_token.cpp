#include "secret/refresh_token.hpp"

#include "core/hash.hpp"

namespace syncline::secret {

std::string refresh_token_name(std::string_view account) {
    return "refresh_token." + std::string{account};
}

core::Secret KeptRefreshToken::text() const {
    if (initial.empty()) return token;
    std::string joined{token.reveal()};
    joined += ' ';
    joined += initial;
    return core::Secret::take(joined);
}

KeptRefreshToken KeptRefreshToken::parse(const core::Secret& text) {
    const std::string_view whole = text.reveal();
    const std::size_t blank = whole.find(' ');
    if (blank == std::string_view::npos) return {text, ""};
    return {core::Secret{whole.substr(0, blank)}, std::string{whole.substr(blank + 1)}};
}

std::string digest_of_initial(const core::Secret& initial) {
    return core::to_hex(
        core::sha256("syncline initial refresh token " + std::string{initial.reveal()}));
}

}  // namespace syncline::secret
