// `accounts.NAME.auth`: how the hub shows a platform who it is. And `accounts.NAME.secrets`.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "config/section.hpp"

namespace syncline::config {

// Nothing after reporting what is wrong. [any]
std::optional<AccountAuth> read_auth(Context& context, const Node& node, const std::string& path);

// `accounts.NAME.secrets`: what the connector may read itself. Those that are right, after
// reporting the others. [any]
std::map<std::string, GivenSecret, std::less<>> read_given_secrets(Context& context,
                                                                   const Node& map,
                                                                   const std::string& path);

}  // namespace syncline::config
