// How the senders of a webhook prove who they are: `verify`.
// Concurrency: pure functions, reporting into their context. [any]
#pragma once

#include <vector>

#include "config/section.hpp"

namespace syncline::config {

// The rules under `verify` of this section, in their order; every problem is reported. No
// verification is only possible by writing `none`.
std::vector<VerifyRule> read_verify(Context& context, const Section& section);

// Where they stand in the file does not count.
bool same_verification(const VerifyRule& a, const VerifyRule& b);

}  // namespace syncline::config
