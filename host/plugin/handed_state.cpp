#include "plugin/handed_state.hpp"

#include <utility>

#include "core/log.hpp"
#include "plugin/gather.hpp"

namespace syncline::plugin {

void collect_states(const std::vector<std::shared_ptr<Instance>>& now,
                    std::vector<InstanceOptions>& next, std::chrono::milliseconds limit,
                    const std::stop_token& stop) {
    Gather<SavedState> states{now.size()};
    for (std::size_t i = 0; i < now.size(); ++i)
        if (now[i]->manifest().can_keep_state) now[i]->save_state(states.expect(i));
    auto saved = states.wait(limit, stop);
    for (std::size_t i = 0; i < now.size(); ++i) {
        if (!now[i]->manifest().can_keep_state) continue;
        if (saved[i] && saved[i]->failure.failure_class == FailureClass::kNone) {
            next[i].state = std::make_shared<const HandedState>(std::move(saved[i]->state));
            continue;
        }
        core::log_info("plugin", "an instance hands no state to the next version",
                       {{"account", next[i].account},
                        {"version", now[i]->manifest().version},
                        {"why", saved[i] ? saved[i]->failure.message : "it was at work"}});
    }
}

}  // namespace syncline::plugin
