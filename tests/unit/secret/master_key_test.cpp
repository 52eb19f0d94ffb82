#include "secret/master_key.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "config/errc.hpp"
#include "core/hash.hpp"
#include "secret/cipher.hpp"
#include "secret/errc.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::secret;
using core::Secret;

namespace {

std::string unhex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
    return bytes;
}

// Nobody's environment gets into a test, and none gets out.
struct CleanEnvironment {
    CleanEnvironment() { clear(); }
    ~CleanEnvironment() { clear(); }
    static void clear() {
        ::unsetenv("CREDENTIALS_DIRECTORY");
        ::unsetenv("SYNCLINE_MASTER_KEY");
    }
};

}  // namespace

TEST_CASE("master key: the credential comes before the file, and the file before the variable",
          "[secret]") {
    const CleanEnvironment environment;
    const test::TempDir folder;
    CHECK(find_master_key({}).error().is(kMasterKeyMissing));
    ::setenv("SYNCLINE_MASTER_KEY", "of the variable", 1);
    CHECK(find_master_key({})->text.reveal() == "of the variable");
    REQUIRE(write_key_file(folder / "key", Secret{"of the file"}).has_value());
    CHECK(find_master_key(folder / "key")->text.reveal() == "of the file");
    REQUIRE(write_key_file(folder / "syncline-master-key", Secret{"of systemd"}).has_value());
    ::setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
    const auto found = find_master_key(folder / "key");
    CHECK(found->text.reveal() == "of systemd");
    CHECK(found->source == "the file " + (folder / "syncline-master-key").string());
}

TEST_CASE("master key: a file that others can read is refused [G9]", "[secret][G9]") {
    const CleanEnvironment environment;
    const test::TempDir folder;
    REQUIRE(write_key_file(folder / "key", make_master_key()).has_value());
    struct stat status {};
    REQUIRE(::stat((folder / "key").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0400);
    for (const mode_t mode : {0440u, 0404u, 0644u, 0420u}) {
        REQUIRE(::chmod((folder / "key").c_str(), mode) == 0);
        CHECK(find_master_key(folder / "key").error().is(config::kFileMode));
    }
    std::filesystem::create_symlink(folder / "key", folder / "link");
    CHECK(find_master_key(folder / "link").error().is(config::kFileMode));
}

TEST_CASE("master key: a file is never written over", "[secret]") {
    const test::TempDir folder;
    REQUIRE(write_key_file(folder / "key", Secret{"first"}).has_value());
    CHECK(write_key_file(folder / "key", Secret{"second"}).error().is(kVaultFailed));
    CHECK(find_master_key(folder / "key")->text.reveal() == "first");
}

TEST_CASE("master key: each is another one, and 256 bits", "[secret]") {
    const Secret one = make_master_key();
    CHECK(one.reveal().size() == 64);
    CHECK_FALSE(one.equals(make_master_key().reveal()));
    CHECK(wrapping_key(one, MasterKind::kKey, "", {}).has_value());
    for (const char* text : {"", "00", "zz"})
        CHECK(wrapping_key(Secret{text}, MasterKind::kKey, "", {}).error().is(kMasterKeyInvalid));
}

TEST_CASE("cipher: HKDF and scrypt are those of their documents", "[secret][cipher]") {
    // RFC 5869, A.1, its first 32 bytes.
    CHECK(core::to_hex(derive(Secret{unhex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")},
                              unhex("000102030405060708090a0b0c"), unhex("f0f1f2f3f4f5f6f7f8f9"))
                           .reveal()) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    // RFC 7914, section 12, the third, its first 32 bytes.
    CHECK(core::to_hex(
              stretch(Secret{"pleaseletmein"}, "SodiumChloride", ScryptCost{14, 8, 1}).reveal()) ==
          "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
}

TEST_CASE("cipher: a text opens with its key, its place, and unchanged only", "[secret][cipher]") {
    const Secret key{random_bytes(kKeyBytes)};
    const std::string sealed = seal(key, "place", "text");
    CHECK(unseal(key, "place", sealed)->reveal() == "text");
    CHECK(seal(key, "place", "text") != sealed);
    CHECK_FALSE(unseal(key, "another", sealed).has_value());
    CHECK_FALSE(unseal(Secret{random_bytes(kKeyBytes)}, "place", sealed).has_value());
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK_FALSE(unseal(key, "place", changed).has_value());
        CHECK_FALSE(unseal(key, "place", sealed.substr(0, i)).has_value());
    }
    CHECK(unseal(key, "", seal(key, "", ""))->empty());
}

TEST_CASE("cipher: a passphrase has to cost something", "[secret][cipher]") {
    CHECK(ScryptCost{}.is_acceptable());
    CHECK_FALSE(ScryptCost{13, 8, 1}.is_acceptable());
    CHECK_FALSE(ScryptCost{24, 8, 1}.is_acceptable());
    CHECK_FALSE(ScryptCost{23, 32, 1}.is_acceptable());
    CHECK_FALSE(ScryptCost{17, 8, 0}.is_acceptable());
}
