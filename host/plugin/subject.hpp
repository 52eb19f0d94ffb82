// Which durable message a call into a connector is about.
#pragma once

#include <compare>
#include <cstdint>

namespace syncline::plugin {

// A record on its way to a connection, or, with connection 0, an event that becomes records. The
// numbers are the store's; event 0 is none.
struct Subject {
    std::uint64_t event = 0;
    std::uint32_t index = 0;
    std::uint32_t connection = 0;

    auto operator<=>(const Subject&) const = default;
};

}  // namespace syncline::plugin
