#include "admin/metrics_page.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <unordered_map>

#include "core/assert.hpp"

namespace syncline::admin {

class MetricsPage::Families {
  public:
    prometheus::ClientMetric& add(std::string_view name, std::string_view help,
                                  prometheus::MetricType type, Labels labels) {
        std::string full = "syncline_" + std::string{name};
        auto [at, is_new] = places_.try_emplace(full, all_.size());
        if (is_new) all_.push_back({std::move(full), std::string{help}, type, {}});
        prometheus::MetricFamily& family = all_[at->second];
        SYNCLINE_ASSERT(family.type == type);
        prometheus::ClientMetric& row = family.metric.emplace_back();
        for (auto& [label, value] : labels) row.label.push_back({label, std::move(value)});
        return row;
    }
    const std::vector<prometheus::MetricFamily>& all() const { return all_; }

  private:
    std::vector<prometheus::MetricFamily> all_;
    std::unordered_map<std::string, std::size_t> places_;
};

MetricsPage::MetricsPage() : families_(std::make_unique<Families>()) {}
MetricsPage::~MetricsPage() = default;

void MetricsPage::counter(std::string_view name, std::string_view help, Labels labels,
                          double value) {
    families_->add(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value =
        value;
}

void MetricsPage::counter(std::string_view name, std::string_view help, Labels labels,
                          const core::Counter& counted) {
    counter(name, help, std::move(labels), static_cast<double>(counted.value()));
}

void MetricsPage::gauge(std::string_view name, std::string_view help, Labels labels, double value) {
    families_->add(name, help, prometheus::MetricType::Gauge, std::move(labels)).gauge.value =
        value;
}

void MetricsPage::histogram(std::string_view name, std::string_view help, Labels labels,
                            const core::Histogram& observed) {
    prometheus::ClientMetric::Histogram& row =
        families_->add(name, help, prometheus::MetricType::Histogram, std::move(labels)).histogram;
    const core::Histogram::Snapshot snapshot = observed.read();
    row.sample_count = snapshot.count;
    row.sample_sum = snapshot.sum;
    for (const auto& bucket : snapshot.buckets)
        row.bucket.push_back({bucket.cumulative, bucket.upper_bound});
}

std::string MetricsPage::text() const {
    return prometheus::TextSerializer{}.Serialize(families_->all());
}

}  // namespace syncline::admin
