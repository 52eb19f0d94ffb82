#include "app/reloads.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "app/errc.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

constexpr std::size_t kResultsMax = 32;
constexpr std::size_t kProblemsLoggedMax = 20;

json::object view_of(const Error& error) {
    return {{"code", error.code()},
            {"what", error.what()},
            {"where", error.where()},
            {"remedy", error.remedy()},
            {"class", static_cast<int>(error.error_class())}};
}

json::object view_of(const Reloaded& reloaded) {
    json::array lines;
    for (const std::string& line : reloaded.changes.lines()) lines.emplace_back(line);
    json::array remarks;
    for (const Error& remark : reloaded.remarks) remarks.emplace_back(remark.to_string());
    json::object view{{"stage", reloaded.has_failed() ? "failed" : "done"},
                      {"summary", reloaded.changes.summary()},
                      {"lines", std::move(lines)},
                      {"changes", reloaded.changes.json()},
                      {"remarks", std::move(remarks)}};
    json::array problems;
    for (const config::Problem& problem : reloaded.problems) {
        json::object at = view_of(problem.error);
        at.emplace("line", problem.at.line);
        at.emplace("column", problem.at.column);
        problems.push_back(std::move(at));
    }
    if (!problems.empty()) view.emplace("problems", std::move(problems));
    if (reloaded.error) view.emplace("error", view_of(*reloaded.error));
    return view;
}

void log(const char* by, const Reloaded& reloaded) {
    for (const Error& remark : reloaded.remarks) core::log_error("secret", remark);
    if (reloaded.has_failed()) {
        core::log_error("app", "the configuration is refused; the one in service stays",
                        {{"asked_by", by}});
        if (reloaded.error) core::log_error("app", *reloaded.error);
        std::size_t count = 0;
        for (const config::Problem& problem : reloaded.problems)
            if (count++ < kProblemsLoggedMax) core::log_error("app", problem.error);
        return;
    }
    std::string changes;
    for (const std::string& line : reloaded.changes.lines())
        changes += (changes.empty() ? "" : ", ") + line;
    core::log_info("app", "the configuration was reloaded",
                   {{"asked_by", by}, {"changes", changes.empty() ? "none" : changes}});
}

}  // namespace

Reloads::Reloads(Work work)
    : work_(std::move(work)), thread_([this](const std::stop_token& stop) {
          core::name_this_thread("reload");
          run(stop);
          is_over_ = true;
      }) {}

Reloads::~Reloads() {
    thread_.request_stop();
    thread_.join();
}

std::uint64_t Reloads::ask(const char* by, bool is_check) {
    const std::lock_guard lock{mutex_};
    const auto [wanted, is_new] = wanted_.try_emplace(is_check, Wanted{last_ + 1, by});
    if (is_new) {
        ++last_;
        results_[last_] = json::object{{"stage", "waiting"}};
        asked_.notify_one();
    }
    return wanted->second.number;
}

Result<json::value> Reloads::look(std::uint64_t number) const {
    const std::lock_guard lock{mutex_};
    const auto found = results_.find(number);
    if (found == results_.end())
        return Error{kReloadUnknown, "there is no reload " + std::to_string(number) + " any more"};
    return json::value(found->second);
}

void Reloads::run(const std::stop_token& stop) {
    for (;;) {
        std::unique_lock lock{mutex_};
        if (!asked_.wait(lock, stop, [this] { return !wanted_.empty(); })) return;
        const auto next = wanted_.extract(wanted_.begin());
        const bool is_check = next.key();
        const Wanted wanted = next.mapped();
        results_[wanted.number] = json::object{{"stage", "running"}};
        lock.unlock();
        work_(is_check, stop, [&](const Reloaded& reloaded) {
            finish(wanted.number, wanted.by, is_check, reloaded);
        });
    }
}

void Reloads::finish(std::uint64_t number, const char* by, bool is_check,
                     const Reloaded& reloaded) {
    if (!is_check) {
        log(by, reloaded);
        (reloaded.has_failed() ? counters_.refused : counters_.taken).add();
    }
    json::object view = view_of(reloaded);
    const std::lock_guard lock{mutex_};
    results_[number] = std::move(view);
    while (results_.size() > kResultsMax) results_.erase(results_.begin());
}

}  // namespace syncline::app
