// Where a request may come from.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "intake/errc.hpp"
#include "intake/scheme.hpp"

namespace syncline::intake {
namespace {

constexpr unsigned kBits = 128;
constexpr unsigned kIPv4Offset = 96;  // IPv4 is a range of IPv6, ::ffff:0:0/96

using Bytes = std::array<std::uint8_t, 16>;

struct Address {
    Bytes bytes{};
    bool is_ipv4 = false;
};

std::optional<Address> parse_address(std::string_view text) {
    const std::string name{text.substr(0, text.find('%'))};  // without the scope of a link
    Address address;
    if (inet_pton(AF_INET6, name.c_str(), address.bytes.data()) == 1) return address;
    address.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
    address.is_ipv4 = true;
    if (inet_pton(AF_INET, name.c_str(), address.bytes.data() + 12) == 1) return address;
    return std::nullopt;
}

bool bit(const Bytes& bytes, unsigned index) {
    return ((bytes[index / 8] >> (7 - index % 8)) & 1) != 0;
}

struct Range {
    Bytes bytes{};
    unsigned prefix_bits = kBits;

    bool contains(const Bytes& address) const {
        for (unsigned i = 0; i < prefix_bits; ++i)
            if (bit(bytes, i) != bit(address, i)) return false;
        return true;
    }
};

Result<Range> parse_range(std::string_view text) {
    const Error invalid{kVerifierInvalid, "`" + std::string{text} + "` is no range of addresses",
                        "write an address, or a range such as 10.0.0.0/8 or 2001:db8::/32"};
    const std::size_t slash = text.find('/');
    const std::string_view name = text.substr(0, slash);
    const auto address = parse_address(name);
    if (!address || name.find('%') != std::string_view::npos) return invalid;
    Range range{address->bytes, kBits};
    if (slash == std::string_view::npos) return range;
    const std::string_view digits = text.substr(slash + 1);
    const unsigned offset = address->is_ipv4 ? kIPv4Offset : 0;
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || bits > kBits - offset)
        return invalid;
    range.prefix_bits = offset + bits;
    for (unsigned i = range.prefix_bits; i < kBits; ++i) {
        if (bit(range.bytes, i))
            return Error{kVerifierInvalid,
                         "the range `" + std::string{text} + "` does not begin at its address",
                         "write the first address of the range before the slash"};
    }
    return range;
}

class Addresses final : public Scheme {
  public:
    explicit Addresses(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}

    Result<void> verify(const Message& message) override {
        const auto peer = parse_address(message.peer);
        const auto is_in = [&](const Range& range) { return range.contains(peer->bytes); };
        if (peer && std::any_of(ranges_.begin(), ranges_.end(), is_in)) return {};
        return Error(kAddressRefused, "requests from this address are not taken");
    }

  private:
    const std::vector<Range> ranges_;
};

}  // namespace

Result<std::unique_ptr<Scheme>> make_addresses(const AddressOptions& options) {
    if (options.allow.empty()) return Error(kVerifierInvalid, "no address is allowed");
    if (options.allow.size() > kRangesMax)
        return Error(kVerifierInvalid,
                     "there are more than " + std::to_string(kRangesMax) + " ranges of addresses");
    std::vector<Range> ranges;
    for (const std::string& text : options.allow) {
        SYNCLINE_TRY(const Range range, parse_range(text));
        ranges.push_back(range);
    }
    return std::make_unique<Addresses>(std::move(ranges));
}

}  // namespace syncline::intake
