#include "plugin/credential_check.hpp"

#include <utility>

#include "core/log.hpp"
#include "plugin/errc.hpp"
#include "plugin/gather.hpp"

namespace syncline::plugin {
namespace {

// By index; kNone for one that is null, or can't check.
std::vector<Failure> ask_all(const std::vector<std::shared_ptr<Instance>>& instances,
                             std::chrono::milliseconds limit, const std::stop_token& stop) {
    Gather<Failure> answers{instances.size()};
    for (std::size_t i = 0; i < instances.size(); ++i) {
        if (instances[i] != nullptr && instances[i]->manifest().can_check)
            instances[i]->check(limit, answers.expect(i));
    }
    // Each ends by its own deadline, soon after the limit.
    std::vector<Failure> failures;
    for (auto& answer : answers.wait(2 * limit, stop))
        failures.push_back(answer.value_or(Failure{}));
    return failures;
}

}  // namespace

bool is_verdict(FailureClass failure_class) {
    switch (failure_class) {
        case FailureClass::kNone:
        case FailureClass::kRateLimited:
        case FailureClass::kTransient:
        case FailureClass::kCancelled:
        case FailureClass::kDeadline:
        case FailureClass::kHostBug:
        case FailureClass::kStale:
            return false;
        default:
            return true;
    }
}

Result<void> check_credentials(const std::vector<CheckedAccount>& accounts,
                               std::chrono::milliseconds limit, const std::stop_token& stop) {
    std::vector<std::shared_ptr<Instance>> asked;
    for (const CheckedAccount& account : accounts) asked.push_back(account.next);
    const std::vector<Failure> next = ask_all(asked, limit, stop);
    for (std::size_t i = 0; i < accounts.size(); ++i)
        asked[i] = is_verdict(next[i].failure_class) ? accounts[i].now : nullptr;
    const std::vector<Failure> now = ask_all(asked, limit, stop);
    if (stop.stop_requested()) return Error{kCheckFailed, "the hub is ending"};
    for (std::size_t i = 0; i < accounts.size(); ++i) {
        if (next[i].failure_class == FailureClass::kNone) continue;
        const std::string why =
            std::string{to_string(next[i].failure_class)} + ": " + next[i].message;
        if (asked[i] != nullptr && !is_verdict(now[i].failure_class))
            return Error{kCheckFailed, why}.at("account " + accounts[i].name);
        core::log_warning("plugin", "an account's credentials are not known to be good",
                          {{"account", accounts[i].name},
                           {"version", accounts[i].next->manifest().version},
                           {"why", why}});
    }
    return {};
}

}  // namespace syncline::plugin
