#include "core/clock.hpp"

#include <string_view>

#include "support/catch.hpp"

using namespace syncline::core;

TEST_CASE("format_iso8601: milliseconds in UTC", "[core][clock]") {
    CHECK(std::string_view{format_iso8601(1'700'000'000'123'456'789).text} ==
          "2023-11-14T22:13:20.123Z");
    CHECK(std::string_view{format_iso8601(0).text} == "1970-01-01T00:00:00.000Z");
}
