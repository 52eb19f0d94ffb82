#include "core/hash.hpp"

#include "core/sha256.hpp"
#include "support/catch.hpp"

using namespace syncline::core;

namespace {

struct HmacCase {
    HmacDigest digest;
    std::string key, data;
    std::string_view mac;  // hexadecimal
};

std::string counting(int size) {
    std::string bytes;
    for (int i = 1; i <= size; ++i) bytes += static_cast<char>(i);
    return bytes;
}

}  // namespace

TEST_CASE("crc32c: agrees with the check value of RFC 3720", "[core][hash]") {
    CHECK(crc32c("123456789") == 0xE3069283u);
    CHECK(crc32c("6789", crc32c("12345")) == 0xE3069283u);
    CHECK(crc32c("") == 0u);
}

TEST_CASE("hash128: depends on the seed", "[core][hash]") {
    CHECK(hash128("a", 1) == hash128("a", 1));
    CHECK(hash128("a", 1) != hash128("a", 2));
    CHECK(hash128("a", 1) != hash128("b", 1));
}

TEST_CASE("sha256: agrees with FIPS 180-2", "[core][hash]") {
    CHECK(to_hex(sha256("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("sha256: parts give what the whole gives", "[core][hash]") {
    Sha256 parts;
    parts.add("a");
    parts.add("");
    parts.add("bc");
    CHECK(parts.finish() == sha256("abc"));
    CHECK(Sha256{}.finish() == sha256(""));
}

// All of RFC 2202 section 3, and of RFC 4231 section 4 but the one whose output is cut short.
TEST_CASE("hmac: gives the digests of the standards", "[core][hash]") {
    const HmacCase cases[] = {
        {HmacDigest::kSha1, std::string(20, '\x0b'), "Hi There",
         "b617318655057264e28bc0b6fb378c8ef146be00"},
        {HmacDigest::kSha1, "Jefe", "what do ya want for nothing?",
         "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {HmacDigest::kSha1, std::string(20, '\xaa'), std::string(50, '\xdd'),
         "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
        {HmacDigest::kSha1, counting(25), std::string(50, '\xcd'),
         "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
        {HmacDigest::kSha1, std::string(20, '\x0c'), "Test With Truncation",
         "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
        {HmacDigest::kSha1, std::string(80, '\xaa'),
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {HmacDigest::kSha1, std::string(80, '\xaa'),
         "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
         "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
        {HmacDigest::kSha256, std::string(20, '\x0b'), "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {HmacDigest::kSha512, std::string(20, '\x0b'), "Hi There",
         "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274ea"
         "ea3f4e4be9d914eeb61f1702e696c203a126854"},
        {HmacDigest::kSha256, "Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {HmacDigest::kSha512, "Jefe", "what do ya want for nothing?",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f"
         "8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {HmacDigest::kSha256, std::string(20, '\xaa'), std::string(50, '\xdd'),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {HmacDigest::kSha512, std::string(20, '\xaa'), std::string(50, '\xdd'),
         "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47"
         "e67c807b946a337bee8942674278859e13292fb"},
        {HmacDigest::kSha256, counting(25), std::string(50, '\xcd'),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {HmacDigest::kSha512, counting(25), std::string(50, '\xcd'),
         "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc"
         "5788063a5f19741120c4f2de2adebeb10a298dd"},
        {HmacDigest::kSha256, std::string(131, '\xaa'),
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {HmacDigest::kSha512, std::string(131, '\xaa'),
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215"
         "d6a1e5295e64f73f63f0aec8b915a985d786598"},
        {HmacDigest::kSha256, std::string(131, '\xaa'),
         "This is a test using a larger than block-size key and a larger than block-size data. The "
         "key needs to be hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
        {HmacDigest::kSha512, std::string(131, '\xaa'),
         "This is a test using a larger than block-size key and a larger than block-size data. The "
         "key needs to be hashed before being used by the HMAC algorithm.",
         "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c"
         "3e4de15134676fb6de0446065c97440fa8c6a58"}};
    for (const HmacCase& row : cases) {
        INFO(row.mac);
        CHECK(to_hex(hmac(row.digest, row.key, row.data)) == row.mac);
    }
}
