#include "core/log.hpp"

#include <string>

#include "core/redact.hpp"
#include "support/catch.hpp"

using namespace syncline::core;

namespace {

std::string without_time(const std::string& line, std::string_view from) {
    return line.substr(line.find(from));
}

}  // namespace

TEST_CASE("log: no part of a line shows a secret", "[core][log][G5]") {
    const Watch watch{"correct-horse"};
    const LogStyle style = GENERATE(LogStyle::kText, LogStyle::kJson);
    const std::string line = format_log(style, LogLevel::kInfo, "core", "said correct-horse",
                                        {{"hex", "636f72726563742d686f727365"}, {"n", 3}});
    INFO(line);
    CHECK(line.find("correct-horse") == std::string::npos);
    CHECK(line.find("636f72726563742d686f727365") == std::string::npos);
    CHECK(line.find("said [redacted]") != std::string::npos);
}

TEST_CASE("log: nobody makes lines or colours of his own", "[core][log]") {
    const std::string evil =
        "a\nb\x1b[31m\x7f\xC2\x9B"
        "c\"\\";
    CHECK(without_time(format_log(LogStyle::kText, LogLevel::kError, "core", evil), "core") ==
          "core: a\\u000ab\\u001b[31m\\u007f\\u009bc\\\"\\\\");
    const std::string shown = R"("a\u000ab\u001b[31m\u007f\u009bc\"\\")";
    CHECK(without_time(format_log(LogStyle::kJson, LogLevel::kError, "core", evil, {{"x", evil}}),
                       "\"message\"") == "\"message\":" + shown + ",\"x\":" + shown + "}");
    CHECK(without_time(format_log(LogStyle::kText, LogLevel::kInfo, "core", "m",
                                  {{"plain", "a-b"}, {"spaced", "a b"}, {"c1", "\xC2\x80"}}),
                       "m ") == R"(m plain=a-b spaced="a b" c1="\u0080")");
}

TEST_CASE("log: letters beyond ASCII stay as they are", "[core][log]") {
    CHECK(without_time(format_log(LogStyle::kText, LogLevel::kInfo, "core", "Grüße ¢"), "core") ==
          "core: Grüße ¢");
}

TEST_CASE("log: what is shown to people keeps its lines and loses what terminals obey",
          "[core][log]") {
    CHECK(escape_controls("a\n\tb\x1b[2J\r\"\\") == "a\n\tb\\u001b[2J\\u000d\"\\");
}
