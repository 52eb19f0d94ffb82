// What of a process others share: a connector leaves it as it found it.
// Concurrency: [any].
#pragma once

#include <array>
#include <csignal>
#include <set>
#include <string>

namespace syncline::checker {

struct ProcessFacts {
    std::size_t threads = 0;
    std::set<std::string> descriptors;  // "7 -> /etc/hosts"
    std::array<struct sigaction, NSIG> handlers{};
    std::string surroundings;  // working directory, umask, locale, environment

    static ProcessFacts now();
    // What has changed since, as the end of a sentence: "left 2 threads"; empty: nothing.
    std::string difference(const ProcessFacts& later) const;
    std::string threads_difference(const ProcessFacts& later) const;
    std::string descriptors_difference(const ProcessFacts& later) const;
    std::string handlers_difference(const ProcessFacts& later) const;
    std::string surroundings_difference(const ProcessFacts& later) const;
};

}  // namespace syncline::checker
