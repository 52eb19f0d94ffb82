// From `verify` of the configuration to what the intake verifies with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "core/error.hpp"
#include "intake/token_keys.hpp"
#include "intake/verify.hpp"

namespace syncline::app {

// Whether the rule can be used, without using it.
// Errors: `intake.verifier_invalid`, `http_client.url_invalid`. [any]
Result<void> check_verifier(const config::VerifyRule& rule);

// The set that an issuer publishes: KeySets::open(), on the thread where that may be called.
using OpenKeySet = std::function<Result<std::shared_ptr<intake::TokenKeys>>(const std::string&)>;

// Of all rules of the webhook, in their order, but those that are the connector's. Errors: the
// same. [any]
Result<std::vector<intake::Verifier>> make_verifiers(const config::Webhook& webhook,
                                                     const OpenKeySet& open);

// What verifiers are made of, for comparing: the configuration, and the files that it names. [any]
std::string proof_of(const config::Webhook& webhook);

}  // namespace syncline::app
