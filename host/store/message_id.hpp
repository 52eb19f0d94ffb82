// What Received::message_id holds of a request that names its message: who it is, and what it said.
//
// The first 16 bytes are the message's identity (rule 5). The 8 behind them are of the body that
// came under it: they decide nothing, and show when a sender uses an id twice. An id without them,
// as earlier versions wrote it, says nothing of its body.
// Concurrency: [any]; plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/hash.hpp"
#include "store/tables.hpp"

namespace syncline::store {

inline constexpr std::size_t kMessageIdentityBytes = 16;
inline constexpr std::size_t kMessageContentBytes = 8;

// The body as it came, still coded. The seed is Store::hash_seed().
inline std::string message_id(std::string_view id, std::string_view body, std::uint64_t seed) {
    std::string text{core::hash128(id, seed).view()};
    text += core::hash128(body, seed).view().substr(0, kMessageContentBytes);
    return text;
}

inline std::string_view identity_of(std::string_view message_id) {
    return message_id.substr(0, kMessageIdentityBytes);
}

// Empty when the message does not say.
inline std::string_view content_of(std::string_view message_id) {
    return message_id.size() <= kMessageIdentityBytes ? std::string_view{}
                                                      : message_id.substr(kMessageIdentityBytes);
}

// The key of its row; the row begins with the position of the event that came first.
inline constexpr std::size_t kPositionBytes = 8;
inline Key dedup_key(RouteId route, std::string_view message_id) {
    return Key{}.u32(route).raw(identity_of(message_id));
}

}  // namespace syncline::store
