// Nonces that were used while their signatures are still good.
//
// Purpose: refuses the second request with one, and rather refuses a new one than forget an old
// one. Concurrency: one owner. [io] Limits: `nonces_max` of 16 bytes each; kept in memory, so that
// a restart forgets them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/hash.hpp"
#include "intake/verify.hpp"

namespace syncline::intake {

class ReplayCache {
  public:
    explicit ReplayCache(std::size_t nonces_max = kNoncesMax) : nonces_max_(nonces_max) {}

    // Keeps it until `until_ns`, that moment included.
    // Errors: kReplayed, kTooManyNonces.
    Result<void> take(std::string_view nonce, core::WallTime until_ns, core::WallTime now_ns);

    std::size_t size() const { return seen_.size(); }

  private:
    using Entry = std::pair<core::WallTime, core::Hash128>;  // until when

    const std::size_t nonces_max_;
    std::set<core::Hash128> seen_;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ends_;  // the next one on top
};

// Where a rule's nonces are, and which were used up. What takes the place of the rule goes on with
// the same.
struct Nonces {
    explicit Nonces(std::string name, std::size_t nonces_max = kNoncesMax)
        : header(std::move(name)), seen(std::make_shared<ReplayCache>(nonces_max)) {}

    const std::string header;  // lower case; "": it has none
    std::shared_ptr<ReplayCache> seen;
};

}  // namespace syncline::intake
