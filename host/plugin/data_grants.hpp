// What a connector gets of a record's identities: those that its manifest asks for, in the form
// that it asks for. Everything else never reaches it.
// Concurrency: pure functions. [any]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/data_contract.hpp"

namespace syncline::plugin {

// The value as the profile wants it, before it is hashed; nullopt for one that can't be brought
// into that form.
//   email   without white space at its ends, ASCII letters in lower case; has to have an '@'
//   phone   the digits of E.164, without '+' or "00" before them: 7 to 15. "+49 (30) 123456" and
//           "0049-30-123456" are "4930123456". The first digits are taken for the country's: a
//           number that begins with a single 0 has none and is refused, any other can't be told
std::optional<std::string> normalised(Normalisation profile, std::string_view value);

// The body of a record of a model as the connector gets it: every list `identities` in it, also
// those of what it holds, has the granted ones alone, with the members of the model `identity`. A
// digest passes for a grant of the same
// encoding; a raw value is normalised and hashed for one. Text that is no JSON becomes empty.
std::string granted_body(std::string_view body, const std::vector<IdentityGrant>& grants);

}  // namespace syncline::plugin
