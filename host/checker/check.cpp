#include "checker/check.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "checker/errc.hpp"
#include "checker/processes.hpp"
#include "plugin/settings_schema.hpp"
#include "record/json.hpp"

namespace syncline::checker {
namespace {

namespace json = boost::json;

// A folder of our own, for as long as it lives.
class Folder {
  public:
    static Result<Folder> make() {
        std::error_code failed;
        std::string path = std::filesystem::temp_directory_path(failed) / "syncline-check.XXXXXX";
        if (failed || ::mkdtemp(path.data()) == nullptr)
            return Error{kChildFailed, "no temporary folder can be made"};
        return Folder{std::move(path)};
    }
    Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Folder& operator=(Folder&&) = delete;
    ~Folder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }

    Result<std::filesystem::path> put(const std::string& name, std::string_view content) const {
        const std::filesystem::path file = path_ / name;
        std::ofstream stream{file, std::ios::binary};
        stream.write(content.data(), static_cast<std::streamsize>(content.size()));
        stream.close();
        if (!stream) return Error{kChildFailed, "the temporary folder can't be written to"};
        return file;
    }

  private:
    explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

Result<std::vector<const Test*>> chosen_tests(const CheckOptions& options) {
    std::vector<const Test*> chosen;
    for (const std::string& name : {options.only, options.without}) {
        if (!name.empty() && find_test(name) == nullptr)
            return Error{kUnknownTest, "there is no test `" + name + "`"};
    }
    for (const Test& test : all_tests()) {
        if (options.only.empty() ? test.level > options.level : test.name != options.only) continue;
        if (test.name != options.without) chosen.push_back(&test);
    }
    return chosen;
}

Result<std::string> settings_for(const Subject& subject, const CheckOptions& options) {
    if (!subject.manifest) return std::string{"{}"};
    if (!options.settings) return make_settings(*subject.manifest);
    SYNCLINE_TRY(const json::value given, record::parse_json(*options.settings));
    if (!given.is_object()) return Error{kSettingsInvalid, "the settings are no JSON object"};
    SYNCLINE_CHECK(plugin::check_settings(*subject.manifest, given.as_object()));
    return record::write_json(given);
}

int level_passed(const CheckResult& result) {
    int passed = result.level;
    for (const TestResult& each : result.tests) {
        if (each.verdict.status == Status::kFailed || each.verdict.status == Status::kCrashed)
            passed = std::min(passed, each.test->level - 1);
    }
    return passed;
}

}  // namespace

Result<CheckResult> check(const CheckOptions& options) {
    SYNCLINE_TRY(const auto tests, chosen_tests(options));
    SYNCLINE_TRY(const Subject subject, read_subject(options.file));
    SYNCLINE_TRY(const std::string settings, settings_for(subject, options));
    SYNCLINE_TRY(const Folder folder, Folder::make());
    SYNCLINE_TRY(const auto library, folder.put("connector.so", subject.bytes));
    SYNCLINE_TRY(const auto input, folder.put("settings.json", settings));

    CheckResult result;
    if (subject.manifest) {
        result.id = subject.manifest->id;
        result.version = subject.manifest->version;
    }
    result.seed = options.seed;
    result.level = options.level;
    std::vector<Command> commands;
    for (const Test* test : tests) {
        commands.push_back(
            {{options.executable.string(), "connectors", "check-one", "--test",
              std::string{test->name}, "--seed", std::to_string(options.seed), library.string()},
             input,
             kTestLimit});
    }
    std::size_t at = 0;
    for (Ended& ended : run_all(commands, options.jobs)) {
        TestResult each{tests[at++], {}, ended.took};
        if (auto verdict = read_verdict(ended.output); verdict && ended.is_whole()) {
            each.verdict = std::move(*verdict);
        } else {
            each.verdict = {ended.is_late ? Status::kFailed : Status::kCrashed,
                            describe_end(ended)};
        }
        result.tests.push_back(std::move(each));
    }
    result.level_passed = level_passed(result);
    return result;
}

std::string write_verdict(const Verdict& verdict) {
    return record::write_json(
        json::object{{"status", to_string(verdict.status)}, {"what", verdict.what}});
}

std::optional<Verdict> read_verdict(std::string_view text) {
    const auto value = record::parse_json(text);
    if (!value || !value->is_object()) return std::nullopt;
    const json::value* status = value->as_object().if_contains("status");
    const json::value* what = value->as_object().if_contains("what");
    if (status == nullptr || !status->is_string() || what == nullptr || !what->is_string())
        return std::nullopt;
    for (const Status each :
         {Status::kPassed, Status::kWarning, Status::kSkipped, Status::kFailed, Status::kCrashed}) {
        if (status->as_string() == to_string(each))
            return Verdict{each, std::string{what->as_string()}};
    }
    return std::nullopt;
}

}  // namespace syncline::checker
