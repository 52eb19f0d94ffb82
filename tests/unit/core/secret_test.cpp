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
