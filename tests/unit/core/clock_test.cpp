#include "core/clock.hpp"

#include <string_view>

#include "support/catch.hpp"

using namespace syncline::core;

TEST_CASE("format_iso8601: milliseconds in UTC", "[core][clock]") {
    CHECK(std::string_view{format_iso8601(1'700'000'000'123'456'789).text} ==
          "2023-11-14T22:13:20.123Z");
    CHECK(std::string_view{format_iso8601(0).text} == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("parse_iso8601: moments with Z or an offset", "[core][clock]") {
    constexpr WallTime kSecond = 1'000'000'000;
    CHECK(parse_iso8601("1970-01-01T00:00:00Z") == 0);
    CHECK(parse_iso8601("2023-11-14T22:13:20Z") == 1'700'000'000 * kSecond);
    CHECK(parse_iso8601("2023-11-14T22:13:20.123Z") == 1'700'000'000'123'000'000);
    CHECK(parse_iso8601("2023-11-14T22:13:20.1234567899Z") == 1'700'000'000'123'456'789);
    CHECK(parse_iso8601("2023-11-14T23:43:20+01:30") == 1'700'000'000 * kSecond);
    CHECK(parse_iso8601("2023-11-14T20:13:20-02:00") == 1'700'000'000 * kSecond);
    CHECK(parse_iso8601("2024-02-29T00:00:00Z").has_value());
    for (const char* text :
         {"", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14 22:13:20Z", "2023-11-14T22:13Z",
          "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z",
          "2023-11-14T24:00:00Z", "2023-11-14T22:60:00Z", "2023-11-14T22:13:61Z",
          "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20+0100", "2023-11-14T22:13:20+24:00",
          "2023-11-14T22:13:20Z ", "1969-12-31T23:59:59Z", "2201-01-01T00:00:00Z",
          "-023-11-14T22:13:20Z", "2023-+1-14T22:13:20Z"}) {
        INFO(text);
        CHECK_FALSE(parse_iso8601(text));
    }
}
