#include "pipeline/suspects.hpp"

#include "core/assert.hpp"
#include "plugin/errc.hpp"

namespace syncline::pipeline {

plugin::Failure Suspects::set_aside(const plugin::Subject& subject) {
    plugin::Failure why;
    why.failure_class = plugin::FailureClass::kPluginBug;
    why.provider_code = plugin::kCrashed.name;
    {
        const std::lock_guard lock{mutex_};
        const auto found = sentences_.find(subject);
        SYNCLINE_ASSERT(found != sentences_.end());
        why.message = std::move(found->second);
        sentences_.erase(found);
    }
    return why;
}

}  // namespace syncline::pipeline
