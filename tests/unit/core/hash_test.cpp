#include "core/hash.hpp"

#include "support/catch.hpp"

using namespace syncline::core;

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

// RFC 2202 and RFC 4231, test case 2 of each.
TEST_CASE("hmac: gives the digests of the standards", "[core][hash]") {
    constexpr std::string_view kData = "what do ya want for nothing?";
    CHECK(to_hex(hmac(HmacDigest::kSha1, "Jefe", kData)) ==
          "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    CHECK(to_hex(hmac(HmacDigest::kSha256, "Jefe", kData)) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(to_hex(hmac(HmacDigest::kSha512, "Jefe", kData)) ==
          "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
          "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}
