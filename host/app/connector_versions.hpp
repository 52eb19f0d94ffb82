// Versions of connectors, as the operator's API shows and changes them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/connectors.hpp"
#include "app/directory_watch.hpp"
#include "plugin/catalog.hpp"
#include "plugin/version_notes.hpp"

namespace syncline::app {

// What they are made of; all of it must outlive what is made.
struct VersionSources {
    plugin::Catalog& catalog;
    std::shared_ptr<plugin::VersionNotes> notes;
    // Where the catalog is changed; false when too much waits there, or nobody is. [io]
    std::function<bool(DirectoryWatch::Task)> post;
    // Names of the accounts that are configured with this connector. [io]
    std::function<std::vector<std::string>(const std::string& id)> accounts;
};
admin::Connectors make_connectors(VersionSources sources);

}  // namespace syncline::app
