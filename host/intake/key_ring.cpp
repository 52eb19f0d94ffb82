#include "intake/key_ring.hpp"

#include <algorithm>

#include "intake/errc.hpp"

namespace syncline::intake {

Result<KeyRing> KeyRing::make(const std::vector<VerifyKey>& keys) {
    if (keys.empty()) return Error(kVerifierInvalid, "there is no key");
    if (keys.size() > kKeysMax)
        return Error(kVerifierInvalid, "there are more than " + std::to_string(kKeysMax) + " keys");
    KeyRing ring;
    for (const VerifyKey& key : keys) {
        if (key.value.empty()) return Error(kVerifierInvalid, "a key is empty");
        const std::string name =
            key.name.empty() ? std::to_string(ring.uses_.size() + 1) : key.name;
        const auto is_same = [&](const auto& other) { return other->name == name; };
        if (std::any_of(ring.uses_.begin(), ring.uses_.end(), is_same))
            return Error(kVerifierInvalid, "two keys have the name `" + name + "`");
        ring.add(name, key.until);
    }
    return ring;
}

KeyRing KeyRing::of_one(std::string name) {
    KeyRing ring;
    ring.add(std::move(name), std::nullopt);
    return ring;
}

void KeyRing::add(std::string name, std::optional<core::WallTime> until) {
    uses_.push_back(std::make_unique<KeyUses>());
    uses_.back()->name = std::move(name);
    until_.push_back(until);
}

}  // namespace syncline::intake
