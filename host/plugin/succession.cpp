#include "plugin/succession.hpp"

#include <algorithm>
#include <string>

#include "plugin/errc.hpp"
#include "plugin/settings_schema.hpp"

namespace syncline::plugin {
namespace {

Error restart(std::string what) {
    return Error{kNeedsRestart, std::move(what)};
}

Error changes(const char* what) {
    return restart(std::string{"it changes what the hub reads at its start: "} + what);
}

// What is asked for each request, or was made into pools, policies and plans.
Result<void> check_manifest(const Manifest& now, const Manifest& next) {
    if (now.can_webhook && !next.can_webhook) return restart("it takes no webhooks any more");
    if (now.can_write && !next.can_write) return restart("it writes no records any more");
    if (now.can_fetch && !next.can_fetch) return restart("it reads no records any more");
    if (now.can_work != next.can_work) return changes("whether it works at times of its own");
    if (now.verifies_webhooks != next.verifies_webhooks)
        return changes("whether it verifies webhooks");
    if (now.proof_headers != next.proof_headers || now.proof_parameters != next.proof_parameters)
        return changes("what carries the proof of its webhooks");
    if (now.webhook_success_status != next.webhook_success_status)
        return changes("the status for success");
    if (now.handshakes != next.handshakes) return changes("its handshakes");
    if (now.answered != next.answered) return changes("which requests it answers");
    if (now.allowed_hosts != next.allowed_hosts) return changes("the hosts that it reaches");
    if (now.allowed_files != next.allowed_files) return changes("the files that it writes to");
    return {};
}

Result<void> check_streams(const Manifest& now, const Manifest& next,
                           const InstanceOptions& account) {
    for (const std::string& name : account.streams) {
        const StreamSpec* before = now.stream(name);
        const StreamSpec* after = next.stream(name);
        if (after == nullptr)
            return restart("it has no stream `" + name + "`, which a connection uses");
        if (before == nullptr || !(*before == *after))
            return restart("it changes the stream `" + name + "`, which a connection uses");
    }
    return {};
}

Result<void> prepare_account(const Manifest& next, InstanceOptions& account) {
    // One that migrates says itself what it makes of them, when its code is there.
    if (!next.can_migrate) {
        add_defaults(next.settings_schema, account.settings);
        SYNCLINE_CHECK(check_settings(next, account.settings));
    }
    const auto is_read = [&](const std::string& name) {
        return std::any_of(next.secrets.begin(), next.secrets.end(),
                           [&](const SecretNeed& need) { return need.name == name; });
    };
    std::erase_if(account.secrets, [&](const auto& given) { return !is_read(given.first); });
    for (const SecretNeed& need : next.secrets) {
        if (!account.secrets.contains(need.name))
            return restart("it reads the secret `" + need.name + "`, which is not given to it");
    }
    return {};
}

}  // namespace

Result<void> prepare_succession(const Manifest& now, const Manifest& next,
                                std::vector<InstanceOptions>& accounts) {
    SYNCLINE_CHECK(check_manifest(now, next));
    for (InstanceOptions& account : accounts) {
        Result<void> checked = check_streams(now, next, account);
        if (checked) checked = prepare_account(next, account);
        if (!checked) return std::move(checked).error().at("account " + account.account);
    }
    return {};
}

}  // namespace syncline::plugin
