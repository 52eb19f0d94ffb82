// The refresh token that the hub keeps of an account (OAuth 2.0): where it lies in the vault, and
// with what.
//
// The value is the token, alone when `auth login` stored it, or with the digest of the
// configuration's initial token that it goes back to: `TOKEN DIGEST`. A token has no blank.
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
    std::string initial;  // the digest of the initial one; empty: it goes back to none

    // The text of the vault, and what it means.
    core::Secret text() const;
    static KeptRefreshToken parse(const core::Secret& text);
};

// Tells two initial tokens apart and gives neither away; empty for none.
std::string digest_of_initial(const core::Secret& initial);

}  // namespace syncline::secret
