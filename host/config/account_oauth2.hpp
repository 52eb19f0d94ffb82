// `accounts.NAME.auth` with `scheme: oauth2`.
#pragma once

#include "config/auth_reader.hpp"
#include "config/oauth2.hpp"

namespace syncline::config {

// The keys besides `scheme` and `hosts`.
Keys oauth2_keys();

// Errors: those of module auth, for what contradicts itself; what is missing or of another type has
// been reported. [any]
Result<OAuth2> read_oauth2(const AuthReader& reader);

}  // namespace syncline::config
