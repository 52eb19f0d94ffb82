// What the modules have counted, and what the system says of the process, as rows of a scrape.
// Every name is in host/admin/METRICS.md. Concurrency: [any], as long as the sources live.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "admin/metrics_page.hpp"
#include "app/key_sets.hpp"
#include "app/reloads.hpp"
#include "app/running.hpp"
#include "http_server/server.hpp"
#include "intake/intake.hpp"
#include "pipeline/pipeline.hpp"
#include "plugin/catalog.hpp"
#include "plugin/version_notes.hpp"

namespace syncline::app {

struct MetricSources {
    std::int64_t started_ns;  // wall clock
    const http_server::Server& server;
    const intake::Intake& intake;
    const pipeline::Pipeline& pipeline;
    const RunningAccounts& accounts;
    const std::map<std::string, std::shared_ptr<const KeySetMetrics>>& key_sets;  // by URL
    const plugin::Catalog& catalog;
    const plugin::VersionNotes& versions;
    const ReloadCounters& reloads;
};

void add_metrics(admin::MetricsPage& page, const MetricSources& sources);

}  // namespace syncline::app
