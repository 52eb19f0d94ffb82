#include "core/encoding.hpp"

#include <random>

#include "core/hash.hpp"
#include "support/catch.hpp"

using namespace syncline::core;

// RFC 4648, section 10.
TEST_CASE("base64: agrees with the vectors of RFC 4648", "[core][encoding]") {
    const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : vectors) {
        CHECK(to_base64(bytes) == text);
        CHECK(from_base64(text) == bytes);
    }
    CHECK(to_base64("\xfb\xff") == "+/8=");
    CHECK(to_base64url("\xfb\xff") == "-_8");
}

TEST_CASE("base64: a text that is not the one spelling of its bytes is refused",
          "[core][encoding]") {
    for (std::string_view text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zg===", "====", "=",
                                  "Z g=", "Zm9v\n", "Zm9v====", "-_8=", "A=B=", "Zg==Zg=="}) {
        INFO(text);
        CHECK_FALSE(from_base64(text));
    }
    for (std::string_view text : {"Zg==", "Zh", "Z", "Zm9", "+/8", "Zm 9", "Zm9vY"}) {
        INFO(text);
        CHECK_FALSE(from_base64url(text));
    }
}

TEST_CASE("hexadecimal: is read in either case, whole bytes only", "[core][encoding]") {
    CHECK(from_hex("00ffAb") == std::string("\0\xff\xab", 3));
    CHECK(from_hex("") == "");
    CHECK_FALSE(from_hex("0"));
    CHECK_FALSE(from_hex("0g"));
    CHECK_FALSE(from_hex(" 0"));
}

TEST_CASE("encodings: what was written reads back", "[core][encoding]") {
    std::mt19937 random{7};
    for (std::size_t size = 0; size < 70; ++size) {
        std::string bytes(size, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        CHECK(from_base64(to_base64(bytes)) == bytes);
        CHECK(from_base64url(to_base64url(bytes)) == bytes);
        CHECK(from_hex(to_hex(bytes)) == bytes);
    }
}
