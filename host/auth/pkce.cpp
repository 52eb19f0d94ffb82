#include "auth/pkce.hpp"

#include "auth/errc.hpp"
#include "core/encoding.hpp"
#include "core/hash.hpp"

namespace syncline::auth {

Result<Pkce> make_pkce(const core::Secret& chance) {
    constexpr std::size_t kBytes = 32;  // 43 characters, the shortest that section 4.1 allows
    if (chance.reveal().size() != kBytes)
        return Error(kCredentialInvalid, "a verifier is made of 32 bytes of chance");
    Pkce pkce;
    pkce.verifier = core::Secret{core::to_base64url(chance.reveal())};
    pkce.challenge = pkce_challenge(pkce.verifier.reveal());
    return pkce;
}

std::string pkce_challenge(std::string_view verifier) {
    return core::to_base64url(core::sha256(verifier));
}

}  // namespace syncline::auth
