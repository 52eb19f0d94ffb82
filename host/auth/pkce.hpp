// Proof key for code exchange (RFC 7636), with S256 alone.
#pragma once

#include "core/error.hpp"
#include "core/secret.hpp"

namespace syncline::auth {

struct Pkce {
    core::Secret verifier;  // kept until the code is exchanged
    std::string challenge;  // sent with the browser
};

// From 32 bytes of chance. Errors: kCredentialInvalid for fewer. [any]
Result<Pkce> make_pkce(const core::Secret& chance);

// `code_challenge` of a verifier. [any]
std::string pkce_challenge(std::string_view verifier);

}  // namespace syncline::auth
