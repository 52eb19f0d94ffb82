#include "app/report.hpp"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "app/command_line.hpp"
#include "app/errc.hpp"
#include "core/redact.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

struct Printed {
    int code = 0;
    std::string out, err;
};

// What is printed, on either stream.
template <class Print>
Printed capture(Print print) {
    test::TempDir folder;
    std::fflush(nullptr);
    int out = ::dup(STDOUT_FILENO);
    int err = ::dup(STDERR_FILENO);
    std::FILE* to_out = std::fopen((folder / "out").c_str(), "w");
    std::FILE* to_err = std::fopen((folder / "err").c_str(), "w");
    ::dup2(::fileno(to_out), STDOUT_FILENO);
    ::dup2(::fileno(to_err), STDERR_FILENO);
    Printed printed;
    printed.code = print();
    std::fflush(nullptr);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    for (int descriptor : {out, err}) ::close(descriptor);
    std::fclose(to_out);
    std::fclose(to_err);
    printed.out = test::read_file(folder / "out");
    printed.err = test::read_file(folder / "err");
    return printed;
}

Printed run(std::vector<const char*> words) {
    words.insert(words.begin(), "syncline");
    return capture([&] { return run_command_line(static_cast<int>(words.size()), words.data()); });
}

Report report() {
    Report report;
    report.command = "dlq list";
    report.summary = "1 dead letter";
    report.text = "1.2  something\n";
    report.result = boost::json::object{{"letters", boost::json::array{}}};
    return report;
}

}  // namespace

TEST_CASE("report: text for people, summary last, no blank lines", "[app][report]") {
    Printed printed = capture([] { return print(report(), false); });
    CHECK(printed.code == 0);
    CHECK(printed.out == "1.2  something\n1 dead letter\n");
    CHECK(printed.err.empty());
}

TEST_CASE("report: one JSON object with --json", "[app][report]") {
    Printed printed = capture([] { return print(report(), true); });
    CHECK(printed.out == R"({"command":"dlq list","ok":true,"summary":"1 dead letter",)"
                         R"("result":{"letters":[]},"error":null})"
                         "\n");
    Report unbalanced = report();
    unbalanced.exit_code = core::ExitCode::kUnbalanced;
    printed = capture([&] { return print(unbalanced, true); });
    CHECK(printed.code == 5);
    CHECK(record::parse_json(printed.out)->at("ok") == false);
}

TEST_CASE("report: neither secrets nor what a terminal obeys come out", "[app][report][G5]") {
    const core::Watch watch{"correct-horse"};
    Report said = report();
    said.text = "a\x1b[2J correct-horse\n";
    said.result = boost::json::object{{"correct-horse", "x correct-horse"}};
    CHECK(capture([&] { return print(said, false); }).out ==
          "a\\u001b[2J [redacted]\n1 dead letter\n");
    CHECK_THAT(capture([&] { return print(said, true); }).out,
               Catch::Contains(R"("result":{"[redacted]":"x [redacted]"})"));
    const Error error{kConfigInvalid, "correct-horse is wrong", "mend it"};
    CHECK(capture([&] { return print_error("validate", error, false); }).err ==
          "syncline: app.config_invalid: [redacted] is wrong (mend it)\n");
}

TEST_CASE("report: errors go to standard error, with --json to standard output", "[app][report]") {
    Error error = Error{kConfigInvalid, "it is wrong", "mend it"}.at("a.yaml:3:4");
    Printed text = capture([&] { return print_error("validate", error, false); });
    CHECK(text.code == 2);
    CHECK(text.out.empty());
    CHECK(text.err == "syncline: a.yaml:3:4: app.config_invalid: it is wrong (mend it)\n");
    Printed json = capture([&] { return print_error("validate", error, true); });
    CHECK(json.code == 2);
    CHECK(json.err.empty());
    CHECK(json.out == R"({"command":"validate","ok":false,"summary":"it is wrong","result":null,)"
                      R"("error":{"code":"app.config_invalid","what":"it is wrong",)"
                      R"("where":"a.yaml:3:4","remedy":"mend it"}})"
                      "\n");
}

TEST_CASE("report: the exit code tells whose fault it is", "[app][report]") {
    const std::vector<std::pair<core::ErrorClass, int>> table{{core::ErrorClass::kConfig, 2},
                                                              {core::ErrorClass::kEnvironment, 3},
                                                              {core::ErrorClass::kTransient, 1},
                                                              {core::ErrorClass::kPermanent, 1},
                                                              {core::ErrorClass::kBug, 1}};
    for (const auto& [error_class, exit_code] : table) {
        core::ErrorCode code{"test.code", error_class, ""};
        CHECK(capture([&] { return print_error("x", Error{code, "w"}, false); }).code == exit_code);
    }
}

TEST_CASE("command line: what is not understood is named", "[app][command_line]") {
    CHECK_THAT(run({"frobnicate"}).err, Catch::Contains("`frobnicate`"));
    CHECK_THAT(run({"status", "--frob"}).err, Catch::Contains("`--frob`"));
    CHECK(run({"frobnicate"}).code == 2);
    CHECK(run({}).code == 2);
    CHECK(run({"dlq"}).code == 2);
    Printed json = run({"--json", "dlq", "show"});
    CHECK(json.code == 2);
    CHECK(record::parse_json(json.out)->at("error").at("code") == "app.bad_argument");
    CHECK(run({"dlq", "show", "six"}).code == 2);
    CHECK(run({"dlq", "replay", "1.2", "--all"}).code == 2);
    CHECK(run({"dlq", "discard", "1.2", "--connection", "c"}).code == 2);
}

TEST_CASE("command line: version and help need nothing", "[app][command_line]") {
    CHECK_THAT(run({"version"}).out, Catch::StartsWith("syncline "));
    CHECK(run({"--version"}).out == run({"version"}).out);
    CHECK(run({"dlq", "--help"}).code == 0);
    CHECK_THAT(run({"--help"}).out, Catch::Contains("Exit codes: 0 done"));
    CHECK(run({"validate", "-c", "/nowhere/at/all.yaml"}).code == 2);
}
