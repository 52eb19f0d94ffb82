#include "pipeline/delivery_metrics.hpp"

#include <algorithm>
#include <iterator>

namespace syncline::pipeline {

void DeliveryMetrics::count_failure(std::string_view failure_class) {
    auto last = std::prev(kAttemptClasses.end());
    auto at = std::find(kAttemptClasses.begin(), last, failure_class);
    failures[static_cast<std::size_t>(at - kAttemptClasses.begin())].add();
}

}  // namespace syncline::pipeline
