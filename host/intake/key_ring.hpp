// The keys of one scheme: which of them are valid now, and how often each of them fitted.
// Concurrency: one owner; the counts are [any].
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "intake/verify.hpp"

namespace syncline::intake {

class KeyRing {
  public:
    // Errors: kVerifierInvalid for none, more than kKeysMax, an empty one, or two of one name.
    static Result<KeyRing> make(const std::vector<VerifyKey>& keys);

    // Of keys that somebody else keeps and names: they count as one, valid for good.
    static KeyRing of_one(std::string name);

    // The key that fits, of those that are valid at `now_ns`. `fits(i)` is asked of all of them,
    // so that the time does not tell which it was.
    template <class Fits>
    std::optional<std::size_t> find(core::WallTime now_ns, Fits fits) const {
        std::optional<std::size_t> found;
        for (std::size_t i = 0; i < uses_.size(); ++i) {
            if (until_[i] && now_ns >= *until_[i]) continue;
            if (fits(i)) found = i;
        }
        return found;
    }
    // The rule held with this key.
    void count(std::size_t key) { uses_[key]->count.add(); }

    std::span<const std::unique_ptr<KeyUses>> uses() const { return uses_; }

  private:
    void add(std::string name, std::optional<core::WallTime> until);

    std::vector<std::optional<core::WallTime>> until_;
    std::vector<std::unique_ptr<KeyUses>> uses_;
};

}  // namespace syncline::intake
