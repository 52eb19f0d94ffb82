// The refresh token that the hub keeps of an account (OAuth 2.0): where it lies in the vault, and
// with what.
//
// The value is the token with the digest of the configuration's initial token that it goes back to:
// `TOKEN DIGEST`. A token has no blank. Alone it is what an operator stored by hand, which counts
// whatever the configuration has.
// Concurrency: [any].
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/secret.hpp"

namespace syncline::secret {

// `refresh_token.NAME`: the name of the secret.
std::string refresh_token_name(std::string_view account);

struct KeptRefreshToken {
    core::Secret token;
    std::string initial;  // the digest of the initial one; empty: stored by hand

    // The text of the vault, and what it means.
    core::Secret text() const;
    static KeptRefreshToken parse(const core::Secret& text);
};

// Tells two initial tokens apart, or one from none, and gives neither away.
std::string digest_of_initial(const core::Secret& initial);

}  // namespace syncline::secret
