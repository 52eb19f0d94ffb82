// `connectors check`: the tests of the checker, and the hidden verb that runs one of them.
#include <fstream>
#include <iterator>
#include <thread>

#include "app/errc.hpp"
#include "app/expressions.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "checker/check.hpp"
#include "checker/format.hpp"

namespace syncline::app {
namespace {

constexpr const char* kCommand = "connectors check";

// "fuzz-webhooks:7" asks for one test with one seed.
Result<void> reproduce(const std::string& what, checker::CheckOptions& options) {
    const std::size_t colon = what.find(':');
    options.only = what.substr(0, colon);
    if (colon == std::string::npos) return {};
    const std::string digits = what.substr(colon + 1);
    if (digits.empty() || digits.size() > 18 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
        return Error{kBadArgument, "--reproduce takes NAME:SEED, such as fuzz-webhooks:1"};
    }
    options.seed = std::stoull(digits);
    return {};
}

Result<checker::CheckOptions> read_options(const CheckWish& wish) {
    checker::CheckOptions options;
    if (wish.file.empty())
        return Error{kBadArgument, "FILE is needed: the connector, such as acme.so"};
    options.file = wish.file;
    options.executable = "/proc/self/exe";
    options.level = wish.level;
    options.only = wish.only;
    options.without = wish.without;
    options.seed = wish.seed;
    options.jobs = std::max(2u, std::thread::hardware_concurrency());
    if (!wish.reproduced.empty()) SYNCLINE_CHECK(reproduce(wish.reproduced, options));
    if (wish.settings.empty()) return options;
    std::ifstream stream{wish.settings, std::ios::binary};
    options.settings.emplace(std::istreambuf_iterator<char>{stream},
                             std::istreambuf_iterator<char>{});
    if (!stream) return Error{kBadArgument, wish.settings.string() + " can't be read"};
    return options;
}

}  // namespace

int connectors_check(const Common& common, const CheckWish& wish) {
    const bool is_json = common.is_json || wish.format == "json";
    Report report;
    report.command = kCommand;
    if (wish.is_list) {
        report.text = checker::list_tests();
        report.result = checker::tests_to_json();
        return print(report, is_json);
    }
    auto options = read_options(wish);
    if (!options) return print_error(kCommand, options.error(), is_json);
    const auto checked = checker::check(*options);
    if (!checked) return print_error(kCommand, checked.error(), is_json);
    if (!checked->is_passed()) report.exit_code = core::ExitCode::kRuntime;
    if (wish.format == "junit") {
        report.text = checker::to_junit(*checked, wish.file.string());
        return print(report, false);
    }
    report.text = checker::to_text(*checked, wish.file.string());
    report.summary = checker::to_summary(*checked);
    report.result = checker::to_json(*checked);
    return print(report, is_json);
}

int connectors_check_one(const CheckWish& wish) {
    return checker::run_test(wish.only, wish.file, wish.seed, make_expressions());
}

}  // namespace syncline::app
