// One answer to a scrape: families of metrics with their rows, as Prometheus text (format 0.0.4).
//
// Names get the prefix `syncline_`. The first row of a name decides its type and its help.
// Concurrency: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/metrics.hpp"

namespace syncline::admin {

// Values come from the configuration, never from a request.
using Labels = std::vector<std::pair<std::string, std::string>>;

class MetricsPage {
  public:
    static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

    MetricsPage();
    ~MetricsPage();
    MetricsPage(const MetricsPage&) = delete;
    MetricsPage& operator=(const MetricsPage&) = delete;

    void counter(std::string_view name, std::string_view help, Labels labels, double value);
    void counter(std::string_view name, std::string_view help, Labels labels,
                 const core::Counter& counter);
    void gauge(std::string_view name, std::string_view help, Labels labels, double value);
    void histogram(std::string_view name, std::string_view help, Labels labels,
                   const core::Histogram& histogram);

    std::string text() const;

  private:
    class Families;
    std::unique_ptr<Families> families_;
};

}  // namespace syncline::admin
