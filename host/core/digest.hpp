// Digests that platforms know persons by; none of them keeps anything secret.
#pragma once

#include <string>
#include <string_view>

namespace syncline::core {

enum class Digest { kMd5, kSha1, kSha256 };

// Raw: 16, 20 or 32 bytes. [any]
std::string digest(Digest which, std::string_view data);

}  // namespace syncline::core
