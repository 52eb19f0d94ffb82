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
