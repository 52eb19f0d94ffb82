// `syncline test`: maps the records of the configuration's tests as delivery would, and says what
// came out otherwise than expected.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <utility>

#include "app/configuration.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "pipeline/mapping.hpp"
#include "record/json.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;
using Outcome = config::MappingTest::Outcome;

constexpr std::size_t kShownBytesMax = 2000;  // of one value, for people
constexpr const char* kNothing = "nothing";

// A field in which two records differ; null where it is absent.
struct Difference {
    std::string field;
    const json::value* expected;
    const json::value* got;
};

// Objects are compared field by field, everything else as a whole. As deep as JSON may be.
void compare(const json::object& expected, const json::object& got, const std::string& path,
             std::vector<Difference>& out) {
    for (const auto& [name, value] : expected) {
        const std::string field = path + std::string{name};
        const json::value* other = got.if_contains(name);
        if (other != nullptr && value.is_object() && other->is_object())
            compare(value.get_object(), other->get_object(), field + ".", out);
        else if (other == nullptr ||
                 record::canonical_json(value) != record::canonical_json(*other))
            out.push_back({field, &value, other});
    }
    for (const auto& [name, value] : got)
        if (!expected.contains(name)) out.push_back({path + std::string{name}, nullptr, &value});
}

// For people: on one line, not endless, cut between two characters.
std::string shown(std::string text) {
    if (text.size() <= kShownBytesMax) return text;
    std::size_t end = kShownBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

std::string printed(const json::value* value) {
    return value == nullptr ? kNothing : shown(record::write_json(*value));
}

struct Verdict {
    bool has_passed = false;
    std::string expected, got;  // for people
    std::vector<Difference> differences;
};

std::string error_text(const Error& error) {
    return std::string{error.code()} + ": " + error.what();
}

std::string expectation(const config::MappingTest& test) {
    switch (test.outcome) {
        case Outcome::kFiltered:
            return "filtered";
        case Outcome::kError:
            return "an error with " + record::write_json(json::string{test.error_part});
        case Outcome::kMapped:
            break;
    }
    return shown(record::write_json(test.expected));
}

// The differences point into `test` and `mapping`.
Verdict judge(const config::MappingTest& test, const pipeline::Mapping& mapping) {
    Verdict verdict;
    verdict.expected = expectation(test);
    if (const auto* mapped = std::get_if<pipeline::Mapped>(&mapping)) {
        verdict.got = shown(record::write_json(mapped->body));
        if (test.outcome != Outcome::kMapped) return verdict;
        compare(test.expected, mapped->body, "", verdict.differences);
        verdict.has_passed = verdict.differences.empty();
    } else if (const auto* failed = std::get_if<pipeline::Unmappable>(&mapping)) {
        const std::string text = error_text(failed->error);
        verdict.got = "the error " + shown(text);
        verdict.has_passed =
            test.outcome == Outcome::kError && text.find(test.error_part) != std::string::npos;
    } else {
        verdict.got = "filtered";
        verdict.has_passed = test.outcome == Outcome::kFiltered;
    }
    return verdict;
}

json::value value_or_null(const json::value* value) {
    return value == nullptr ? json::value{nullptr} : *value;
}

// Runs tests one after the other and keeps what is to be said of them.
class Runner {
  public:
    explicit Runner(const Configuration& configuration) : configuration_(configuration) {}

    Report run() {
        for (const CompiledConnection& connection : configuration_.connections) {
            std::size_t number = 0;
            for (const config::MappingTest& test : connection.source->tests)
                run(connection, test, ++number);
        }
        report_.command = "test";
        report_.summary = tests_.empty() ? "no tests"
                                         : std::to_string(passed_) + " passed, " +
                                               std::to_string(tests_.size() - passed_) + " failed";
        if (passed_ < tests_.size()) report_.exit_code = core::ExitCode::kRuntime;
        report_.result = json::object{
            {"passed", passed_}, {"failed", tests_.size() - passed_}, {"tests", std::move(tests_)}};
        return std::move(report_);
    }

  private:
    void run(const CompiledConnection& connection, const config::MappingTest& test,
             std::size_t number) {
        const std::string body = record::write_json(test.given);
        const pipeline::Mapping mapping = pipeline::apply_mapping(
            connection.when ? &*connection.when : nullptr, connection.map, body);
        const Verdict verdict = judge(test, mapping);
        const std::string where = configuration_.config.file.string() + ":" +
                                  std::to_string(test.at.line) + ":" +
                                  std::to_string(test.at.column);
        const std::string name = test.name.empty() ? "test " + std::to_string(number) : test.name;
        json::array differences;
        for (const Difference& difference : verdict.differences)
            differences.push_back(json::object{{"field", difference.field},
                                               {"is_expected", difference.expected != nullptr},
                                               {"expected", value_or_null(difference.expected)},
                                               {"has_come", difference.got != nullptr},
                                               {"got", value_or_null(difference.got)}});
        tests_.push_back(json::object{{"connection", connection.source->name},
                                      {"name", name},
                                      {"where", where},
                                      {"line", test.at.line},
                                      {"column", test.at.column},
                                      {"passed", verdict.has_passed},
                                      {"expected", verdict.expected},
                                      {"got", verdict.got},
                                      {"differences", std::move(differences)}});
        if (verdict.has_passed) {
            ++passed_;
            return;
        }
        report_.text += where + ": " + connection.source->name + ", " + name + ": failed\n";
        report_.text += "  expected " + verdict.expected + "\n  got      " + verdict.got + "\n";
        for (const Difference& difference : verdict.differences)
            report_.text += "  " + difference.field + ": expected " + printed(difference.expected) +
                            ", got " + printed(difference.got) + "\n";
    }

    const Configuration& configuration_;
    Report report_;
    json::array tests_;
    std::size_t passed_ = 0;
};

}  // namespace

int test(const Common& common) {
    const Checked checked = load_configuration(common.config, core::system_clock());
    if (!checked.configuration) return print_problems("test", common, checked.problems);
    return print(Runner{*checked.configuration}.run(), common.is_json);
}

}  // namespace syncline::app
