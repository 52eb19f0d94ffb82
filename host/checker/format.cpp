#include "checker/format.hpp"

#include <boost/json/array.hpp>
#include <cstdio>

namespace syncline::checker {
namespace {

namespace json = boost::json;

std::size_t count(const CheckResult& result, Status status) {
    std::size_t number = 0;
    for (const TestResult& each : result.tests) number += each.verdict.status == status ? 1 : 0;
    return number;
}

bool is_bad(Status status) {
    return status == Status::kFailed || status == Status::kCrashed;
}

std::string text_of(const TestResult& each, const CheckResult& result, const std::string& file) {
    const Test& test = *each.test;
    std::string head{to_string(each.verdict.status)};
    if (is_bad(each.verdict.status)) {
        for (char& letter : head) letter = static_cast<char>(letter - 'a' + 'A');
    }
    return head + " " + std::string{test.name} + " (level " + std::to_string(test.level) + ")\n" +
           "  should be  " + std::string{test.rule} + "\n  seen       " + each.verdict.what +
           "\n  otherwise  " + std::string{test.why} + "\n  to do      " +
           std::string{test.remedy} + "\n  again      syncline connectors check " + file +
           " --reproduce " + std::string{test.name} + ":" + std::to_string(result.seed) + "\n";
}

std::string xml(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '&':
                escaped += "&amp;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            default:
                // XML has no other control characters, escaped or not.
                escaped += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return escaped;
}

std::string seconds(std::chrono::milliseconds time) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(time.count()) / 1000);
    return text;
}

}  // namespace

std::string to_summary(const CheckResult& result) {
    std::string text = std::to_string(result.tests.size()) +
                       " tests: " + std::to_string(count(result, Status::kPassed)) + " passed, " +
                       std::to_string(count(result, Status::kFailed)) + " failed, " +
                       std::to_string(count(result, Status::kCrashed)) + " crashed, " +
                       std::to_string(count(result, Status::kWarning)) + " with a warning, " +
                       std::to_string(count(result, Status::kSkipped)) + " skipped. ";
    if (result.is_passed()) return text + "Level " + std::to_string(result.level) + " is passed.";
    return text + "Level " + std::to_string(result.level) + " is not passed" +
           (result.level_passed > 0 ? ", level " + std::to_string(result.level_passed) + " is."
                                    : ", nor any below.");
}

std::string to_text(const CheckResult& result, const std::string& file) {
    std::string text =
        file + (result.id.empty() ? "" : ": " + result.id + " " + result.version) + "\n";
    for (const TestResult& each : result.tests) {
        if (each.verdict.status == Status::kSkipped)
            text += "skipped " + std::string{each.test->name} + ": " + each.verdict.what + "\n";
    }
    for (const TestResult& each : result.tests) {
        if (is_bad(each.verdict.status) || each.verdict.status == Status::kWarning)
            text += text_of(each, result, file);
    }
    return text;
}

json::object to_json(const CheckResult& result) {
    json::array tests;
    for (const TestResult& each : result.tests) {
        tests.push_back(json::object{{"name", each.test->name},
                                     {"level", each.test->level},
                                     {"status", to_string(each.verdict.status)},
                                     {"rule", each.test->rule},
                                     {"seen", each.verdict.what},
                                     {"why", each.test->why},
                                     {"remedy", each.test->remedy},
                                     {"took_ms", each.took.count()}});
    }
    return {{"id", result.id},
            {"version", result.version},
            {"seed", result.seed},
            {"level", result.level},
            {"level_passed", result.level_passed},
            {"passed", result.is_passed()},
            {"tests", std::move(tests)}};
}

std::string to_junit(const CheckResult& result, const std::string& file) {
    const auto attribute = [](const char* name, std::size_t value) {
        return std::string{" "} + name + "=\"" + std::to_string(value) + "\"";
    };
    std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" +
                       xml(result.id.empty() ? file : result.id) + "\"" +
                       attribute("tests", result.tests.size()) +
                       attribute("failures", count(result, Status::kFailed)) +
                       attribute("errors", count(result, Status::kCrashed)) +
                       attribute("skipped", count(result, Status::kSkipped)) + ">\n";
    for (const TestResult& each : result.tests) {
        const Verdict& verdict = each.verdict;
        text += "  <testcase classname=\"level" + std::to_string(each.test->level) + "\" name=\"" +
                std::string{each.test->name} + "\" time=\"" + seconds(each.took) + "\"";
        const char* element = verdict.status == Status::kFailed    ? "failure"
                              : verdict.status == Status::kCrashed ? "error"
                              : verdict.status == Status::kSkipped ? "skipped"
                                                                   : nullptr;
        if (element != nullptr) {
            text += std::string{"><"} + element + " message=\"" + xml(verdict.what) + "\">" +
                    (is_bad(verdict.status) ? xml(text_of(each, result, file)) : "") + "</" +
                    element + "></testcase>\n";
        } else if (verdict.status == Status::kWarning) {
            text +=
                "><system-out>" + xml(text_of(each, result, file)) + "</system-out></testcase>\n";
        } else {
            text += "/>\n";
        }
    }
    return text + "</testsuite>\n";
}

std::string list_tests() {
    std::string text;
    for (const Test& test : all_tests()) {
        text += "level " + std::to_string(test.level) + (test.level < 10 ? "   " : "  ") +
                std::string{test.name} + std::string(26 - test.name.size(), ' ') +
                std::string{test.rule} + "\n";
    }
    return text;
}

json::array tests_to_json() {
    json::array tests;
    for (const Test& test : all_tests()) {
        tests.push_back(json::object{{"name", test.name},
                                     {"level", test.level},
                                     {"rule", test.rule},
                                     {"why", test.why},
                                     {"remedy", test.remedy}});
    }
    return tests;
}

}  // namespace syncline::checker
