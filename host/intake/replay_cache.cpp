#include "intake/replay_cache.hpp"

#include "intake/errc.hpp"

namespace syncline::intake {

Result<void> ReplayCache::take(std::string_view nonce, core::WallTime until_ns,
                               core::WallTime now_ns) {
    for (; !ends_.empty() && ends_.top().first < now_ns; ends_.pop())
        seen_.erase(ends_.top().second);
    // Only who can sign gets here, so that nobody gains by a collision.
    const core::Hash128 entry = core::hash128(nonce, 0);
    if (seen_.contains(entry)) return Error(kReplayed, "a request with this nonce was here before");
    if (seen_.size() >= nonces_max_)
        return Error(kTooManyNonces, "more nonces are in use than can be remembered");
    seen_.insert(entry);
    ends_.emplace(until_ns, entry);
    return {};
}

}  // namespace syncline::intake
