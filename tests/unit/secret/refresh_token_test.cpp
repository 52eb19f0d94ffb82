#include "secret/refresh_token.hpp"

#include "secret/vault.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::secret;
using core::Secret;

TEST_CASE("refresh token: every name of an account makes a name that the vault takes") {
    const test::TempDir folder;
    const Secret master{std::string(64, 'a')};
    REQUIRE(Vault::create(folder / "vault", master, MasterKind::kKey, 0).has_value());
    auto vault = Vault::open(folder / "vault", master, Vault::Access::kChange);
    REQUIRE(vault.has_value());
    for (const std::string& account :
         {std::string{"crm"}, std::string{"0-b_c"}, std::string(63, 'z')}) {  // the longest name
        CHECK(vault->set(refresh_token_name(account), Secret{"t"}, 0).has_value());
    }
    CHECK(refresh_token_name("crm") == "refresh_token.crm");
}

TEST_CASE("refresh token: what was stored by hand goes back to no initial one") {
    const KeptRefreshToken kept = KeptRefreshToken::parse(Secret{"1//abc"});
    CHECK(kept.token.reveal() == "1//abc");
    CHECK(kept.initial.empty());
    CHECK(kept.text().reveal() == "1//abc");
}

TEST_CASE("refresh token: a rotated one remembers which initial one it goes back to") {
    const std::string digest = digest_of_initial(Secret{"first"});
    const KeptRefreshToken kept{Secret{"second"}, digest};
    const KeptRefreshToken read = KeptRefreshToken::parse(kept.text());
    CHECK(read.token.reveal() == "second");
    CHECK(read.initial == digest);
    CHECK(digest != digest_of_initial(Secret{"other"}));
    CHECK(digest.find("first") == std::string::npos);
    CHECK_FALSE(digest_of_initial(Secret{}).empty());  // none is another than any
    CHECK(digest != digest_of_initial(Secret{}));
}
