#include "core/secret.hpp"

#include <utility>

#include "support/catch.hpp"

using namespace syncline::core;

TEST_CASE("secret: a moved-from secret is empty", "[core][secret]") {
    Secret first{"s3cr3t"};
    Secret second{std::move(first)};

    CHECK(first.empty());  // NOLINT: the point of the test
    CHECK(second.equals("s3cr3t"));
    CHECK_FALSE(second.equals("s3cr3"));
    CHECK_FALSE(second.equals("s3cr3T"));
}

TEST_CASE("secret: a text that is given up is cleansed, one that is not stays", "[core][secret]") {
    std::string text = "a value that is too long for a short string";
    const std::string copy = text;
    const char* const bytes = text.data();

    const Secret first{text};
    CHECK(text == copy);
    const Secret second{std::move(text)};

    CHECK(first.equals(copy));
    CHECK(second.equals(copy));
    CHECK(text.empty());  // NOLINT: the point of the test
    REQUIRE(text.data() == bytes);
    CHECK(std::string(bytes, copy.size()) == std::string(copy.size(), '\0'));
}

TEST_CASE("secret: parts are joined", "[core][secret]") {
    CHECK(Secret::join({"a", "", "bc"}).equals("abc"));
    CHECK(Secret::join({"", ""}).empty());
    CHECK(Secret::join({}).empty());
}
