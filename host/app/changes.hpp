// What is different between two configurations, by the names of what is configured.
// Concurrency: [any]; plain values.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace syncline::app {

struct Changes {
    struct Names {
        std::vector<std::string> added, changed, removed;  // in alphabetical order
    };

    Names accounts, connections, webhooks;
    // What only a start can change: `hub.listen`. In the order of the file's description.
    std::vector<std::string> needs_restart;

    // Nothing is different but, perhaps, comments, places and tests.
    bool empty() const;
    // `connection people: changed`, one for each name.
    std::vector<std::string> lines() const;
    // `2 changes`, or that there are none.
    std::string summary() const;
    boost::json::object json() const;
};

// What is in files that the configurations name does not count. Both were read by this process.
Changes compare(const config::Config& now, const config::Config& next);

}  // namespace syncline::app
