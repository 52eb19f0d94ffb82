#include "record/redact.hpp"

#include <boost/json/parse.hpp>

#include "core/redact.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;

TEST_CASE("redact: every text of a JSON value, and every name", "[record][redact][G5]") {
    const core::Watch watch{"correct-horse"};
    record::json::value value = record::json::parse(
        R"({"a": ["x correct-horse", 1, null],
            "correct-horse": {"b": "636f72726563742d686f727365"}})");
    record::redact(value);
    CHECK(record::write_json(value) ==
          R"({"a":["x [redacted]",1,null],"[redacted]":{"b":"[redacted]"}})");
}

TEST_CASE("redact: JSON stays JSON where a value begins behind an escape", "[record][redact]") {
    const core::Watch watch{"n-correct-horse"};
    CHECK(record::redact_json(R"({"a":"\n-correct-horse n-correct-horse"})") ==
          R"({"a":"\n-correct-horse [redacted]"})");
    CHECK(record::redact_json("no JSON: n-correct-horse") == "no JSON: [redacted]");
    CHECK(record::redact_json(R"({ "kept": "as it is" })") == R"({ "kept": "as it is" })");
}
