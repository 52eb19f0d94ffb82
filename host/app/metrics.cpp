#include "app/metrics.hpp"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "app/version.hpp"

namespace syncline::app {
namespace {

using admin::Labels;
using admin::MetricsPage;

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

std::string status_class(std::size_t index) {
    return std::to_string(index + 1) + "xx";
}

// Requests that belong to no route have the route "": no webhook is called so.
void add(MetricsPage& page, const std::string& route, const http_server::Tally& tally) {
    for (std::size_t i = 0; i < tally.answers.size(); ++i) {
        page.counter("webhook_requests_total", "Requests that were answered.",
                     {{"route", route}, {"status_class", status_class(i)}}, tally.answers[i]);
    }
    for (std::size_t i = 1; i < http_server::kRefusals; ++i) {
        const auto why = static_cast<http_server::Refusal>(i);
        page.counter("webhook_refusals_total", "Requests that were answered with 4xx or 5xx.",
                     {{"route", route}, {"reason", std::string{to_string(why)}}},
                     tally.refusals[i]);
    }
}

// Keys by their names or places: whether the old one of a rotation is still in use.
void add_key_uses(MetricsPage& page, const std::string& route,
                  const std::vector<intake::Verifier>& verifiers) {
    for (std::size_t i = 0; i < verifiers.size(); ++i) {
        for (const auto& uses : verifiers[i].key_uses()) {
            page.counter("webhook_key_uses_total", "Proofs of a sender that a key verified.",
                         {{"route", route}, {"rule", std::to_string(i + 1)}, {"key", uses->name}},
                         uses->count);
        }
    }
}

void add_inbound(MetricsPage& page, const MetricSources& sources) {
    const http_server::Counters server = sources.server.counters();
    page.gauge("http_connections", "Connections of clients that are open.", {},
               number(server.connections));
    page.counter("http_connections_total", "Connections of clients that were accepted.", {},
                 number(server.accepted));
    add(page, "", sources.server.unclaimed());
    const auto routes = sources.intake.routes();
    for (const auto& [name, route] : *routes) {
        add(page, name, *route->tally);
        add_key_uses(page, name, *route->verifiers);
        page.histogram("acknowledgement_duration_seconds",
                       "From the whole request read to its 2xx handed over.", {{"route", name}},
                       route->tally->acknowledged);
    }
}

void add_key_sets(MetricsPage& page, const MetricSources& sources) {
    for (const auto& [url, metrics] : sources.key_sets) {
        const char* about = "Times that an issuer's keys were asked for.";
        page.counter("key_set_fetches_total", about, {{"url", url}, {"result", "fetched"}},
                     metrics->fetched);
        page.counter("key_set_fetches_total", about, {{"url", url}, {"result", "failed"}},
                     metrics->failed);
        page.gauge("key_set_keys", "Keys of the set that was fetched last.", {{"url", url}},
                   number(metrics->keys));
    }
}

void add_deliveries(MetricsPage& page, const MetricSources& sources) {
    for (const auto& delivery : sources.pipeline.deliveries()) {
        const std::string& name = delivery->plan().name;
        const pipeline::DeliveryMetrics& metrics = delivery->metrics();
        page.histogram("delivery_latency_seconds", "From event received to record delivered.",
                       {{"connection", name}}, metrics.latency);
        page.histogram("batch_size_records", "Records in a batch.", {{"connection", name}},
                       metrics.batch_records);
        for (std::size_t i = 0; i < pipeline::kAttemptClasses.size(); ++i) {
            page.counter(
                "failed_attempts_total", "Attempts with a record that failed.",
                {{"connection", name}, {"class", std::string{pipeline::kAttemptClasses[i]}}},
                metrics.failures[i]);
        }
    }
}

void add_accounts(MetricsPage& page, const MetricSources& sources) {
    for (const auto& [name, account] : sources.accounts) {
        const Labels labels{{"account", name}, {"connector", account.connector}};
        page.counter("connector_misbehaviours_total", "Rules of the interface that were broken.",
                     labels, number(account.instance->misbehaviours()));
        if (account.outbound == nullptr) continue;
        const OutboundMetrics& outbound = *account.outbound;
        for (std::size_t i = 0; i <= outbound.answers.size(); ++i) {
            const bool is_answer = i < outbound.answers.size();
            Labels with_class = labels;
            with_class.emplace_back("status_class", is_answer ? status_class(i) : "none");
            page.counter("outbound_requests_total", "Requests to the platform that ended.",
                         std::move(with_class),
                         is_answer ? outbound.answers[i] : outbound.failures);
        }
        page.histogram("outbound_request_duration_seconds", "Requests to the platform.", labels,
                       outbound.duration);
    }
}

void add_swaps(MetricsPage& page, const MetricSources& sources) {
    const plugin::SwapCounters& swaps = sources.catalog.swaps();
    for (const auto& [result, counter] : {std::pair{"taken", &swaps.taken},
                                          {"refused", &swaps.refused},
                                          {"taken_back", &swaps.taken_back}}) {
        page.counter("connector_swaps_total", "New versions of connectors while the hub ran.",
                     {{"result", result}}, *counter);
    }
    for (const auto& [why, counter] :
         {std::pair{"pinned", &swaps.pinned}, {"stuck", &swaps.stuck}}) {
        page.gauge("connector_left_generations", "Replaced versions that stay in memory.",
                   {{"why", why}}, number(counter->value()));
    }
    const plugin::VersionNotes::All notes = sources.versions.all();
    for (const plugin::ConnectorStatus& status : sources.catalog.status()) {
        const auto note = notes.find(status.id);
        page.gauge("connector_on_trial", "1 while a new version has its trial.",
                   {{"connector", status.id}}, status.trial ? 1 : 0);
        page.gauge("connector_quarantined_versions", "Versions that do not come back.",
                   {{"connector", status.id}},
                   note == notes.end() ? 0 : number(note->second.quarantined.size()));
    }
}

void add_reloads(MetricsPage& page, const ReloadCounters& reloads) {
    for (const auto& [result, counter] :
         {std::pair{"taken", &reloads.taken}, {"refused", &reloads.refused}}) {
        page.counter("config_reloads_total", "Configurations that were read while the hub ran.",
                     {{"result", result}}, *counter);
    }
}

void add_tokens(MetricsPage& page, const MetricSources& sources) {
    for (const auto& [account, running] : sources.accounts) {
        const std::shared_ptr<AccountTokens>& tokens = running.tokens;
        if (tokens == nullptr) continue;
        page.gauge("account_needs_authorisation", "1 when a person has to authorise it anew.",
                   {{"account", account}}, tokens->is_waiting() ? 1 : 0);
        const auth::TokenMetrics& metrics = tokens->metrics();
        const std::pair<const char*, const core::Counter*> results[] = {
            {"renewed", &metrics.renewed},
            {"failed", &metrics.failed},
            {"refused", &metrics.refused}};
        for (const auto& [result, counter] : results)
            page.counter("token_requests_total", "Requests for an access token, by their result.",
                         {{"account", account}, {"result", result}}, *counter);
    }
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void add_process(MetricsPage& page, std::int64_t started_ns) {
    page.gauge("build_info", "1, with the version.", {{"version", kVersion}}, 1);
    page.gauge("process_start_time_seconds", "When the hub started, since 1970.", {},
               static_cast<double>(started_ns / 1'000'000) / 1e3);
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    page.counter("process_cpu_seconds_total", "Time on processors, user and system.", {},
                 seconds(usage.ru_utime) + seconds(usage.ru_stime));
    std::uint64_t pages = 0;
    std::uint64_t resident_pages = 0;
    std::ifstream{"/proc/self/statm"} >> pages >> resident_pages;
    page.gauge("process_resident_memory_bytes", "Memory in use.", {},
               number(resident_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    std::error_code error;
    std::uint64_t open = 0;
    for (std::filesystem::directory_iterator at{"/proc/self/fd", error}, end; !error && at != end;
         at.increment(error))
        ++open;
    page.gauge("process_open_fds", "File descriptors that are open.", {}, number(open));
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    page.gauge("process_max_fds", "File descriptors that may be open.", {}, number(files.rlim_cur));
}

}  // namespace

void add_metrics(MetricsPage& page, const MetricSources& sources) {
    add_inbound(page, sources);
    add_key_sets(page, sources);
    add_deliveries(page, sources);
    add_accounts(page, sources);
    add_swaps(page, sources);
    add_reloads(page, sources.reloads);
    add_tokens(page, sources);
    add_process(page, sources.started_ns);
}

}  // namespace syncline::app
