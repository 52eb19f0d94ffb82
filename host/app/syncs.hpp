// Runs of connections, as the operator's API begins and shows them.
#pragma once

#include "admin/syncs.hpp"
#include "app/running.hpp"
#include "pipeline/pipeline.hpp"

namespace syncline::app {

// Both must outlive what is returned. [io]
admin::Syncs make_syncs(const Current& current, const pipeline::Pipeline& pipeline);

}  // namespace syncline::app
