// What the instances of an old version hand to those of the new one.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <vector>

#include "plugin/instance.hpp"

namespace syncline::plugin {

// An instance that is at work that long hands nothing over.
inline constexpr std::chrono::milliseconds kSaveLimit{5'000};

// Asks the instances that serve for their states, all at once, and puts them into the options of
// their successors, by index. None is no failure: it is logged, and the successor starts without.
// Blocks up to the limit. Concurrency: [any] but a generation's thread.
void collect_states(const std::vector<std::shared_ptr<Instance>>& now,
                    std::vector<InstanceOptions>& next, std::chrono::milliseconds limit,
                    const std::stop_token& stop);

}  // namespace syncline::plugin
