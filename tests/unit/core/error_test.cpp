#include "core/error.hpp"

#include "support/catch.hpp"

using namespace syncline;

namespace {

constexpr core::ErrorCode kExample{"core.example", core::ErrorClass::kEnvironment, "free the port"};

Result<int> half(int n) {
    if (n % 2 != 0) return Error{kExample, "odd"};
    return n / 2;
}

Result<int> quarter(int n) {
    SYNCLINE_TRY(int h, half(n));
    return half(h);
}

}  // namespace

TEST_CASE("error: reads as one line with place, code and advice", "[core][error]") {
    Error error = Error{kExample, "port 80 is taken"}.at("syncline.yaml:3:5");

    CHECK(error.to_string() == "syncline.yaml:3:5: core.example: port 80 is taken (free the port)");
    CHECK(error.exit_code() == core::ExitCode::kEnvironment);
    CHECK(error.is(kExample));
}

TEST_CASE("SYNCLINE_TRY: hands the first error up", "[core][error]") {
    CHECK(quarter(8).value() == 2);
    CHECK(quarter(6).error().what() == "odd");
}
