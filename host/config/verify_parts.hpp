// What the rules under `verify` are read with. Nothing throws and nothing stops: what is wrong is
// reported.
// Concurrency: pure functions, reporting into their context. [any]
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/section.hpp"

namespace syncline::config {

// The key whose value is a file.
inline constexpr std::string_view kPublicKey = "public_key";

bool has_key(const Node& map, std::string_view name);

// The name of an HTTP header in lower case; nothing after reporting what is wrong.
std::optional<std::string> read_header_name(Context& context, const Section& section,
                                            std::string_view key);

// 1 to 256 bytes.
std::string read_short_text(Context& context, const Section& section, std::string_view key);

// Either one key, or a list of up to 8 that are valid at the same time.
std::vector<VerifyKey> read_keys(Context& context, const Section& section, std::string_view one,
                                 std::string_view many);

// 1 to 256 texts, those that `fits` (which may change their spelling) likes. `what` is what each
// of them has to be.
std::vector<std::string> read_list(Context& context, const Section& section, std::string_view key,
                                   const char* what,
                                   const std::function<bool(std::string&)>& fits = {});

// `tolerance_s`, 1 s to a day.
void read_tolerance(const Section& section, VerifyRule& rule);

// The rules about who a client is, rather than what it has signed.
VerifyRule read_jwt(Context& context, const Node& node, const std::string& path);
VerifyRule read_client_certificate(Context& context, const Node& node, const std::string& path);

}  // namespace syncline::config
