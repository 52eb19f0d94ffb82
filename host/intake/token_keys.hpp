// Public keys that somebody else keeps and changes: what tokens of an issuer are verified with.
// Concurrency: [io].
#pragma once

#include <memory>
#include <vector>

#include "auth/jws.hpp"

namespace syncline::intake {

class TokenKeys {
  public:
    using Set = std::vector<auth::JwsKey>;

    virtual ~TokenKeys() = default;

    // The keys that are good now; null while there are none.
    virtual std::shared_ptr<const Set> current() const = 0;

    // A token names a key that is not among them, so that there may be newer ones. Returns whether
    // they are being looked for; not each time, or anyone could make the hub ask without end.
    virtual bool ask_again() = 0;
};

}  // namespace syncline::intake
