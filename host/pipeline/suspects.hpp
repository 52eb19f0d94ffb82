// Messages on which a connector was working when it ended the process: set aside as dead letters
// instead of ending the next one.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>

#include "plugin/calls.hpp"
#include "store/state.hpp"

namespace syncline::pipeline {

// Concurrency: [any].
class Suspects {
  public:
    // With what to tell people of each.
    using Sentences = std::map<plugin::Subject, std::string>;

    // `on_set_aside` gets each message that is, once, before its dead letter is written: a replay
    // is not hindered. It may block for a write to disk.
    Suspects(Sentences sentences,
             std::function<void(std::span<const plugin::Subject>)> on_set_aside)
        : sentences_(std::move(sentences)), on_set_aside_(std::move(on_set_aside)) {}

    bool has(const plugin::Subject& subject) const {
        const std::lock_guard lock{mutex_};
        return sentences_.contains(subject);
    }

    // Why the message is set aside now. Only of one that it has, and once.
    plugin::Failure set_aside(const plugin::Subject& subject);

    // Their dead letters are about to be written: those of several, for what it costs once.
    void forget(std::span<const plugin::Subject> set_aside) const {
        if (!set_aside.empty()) on_set_aside_(set_aside);
    }

  private:
    mutable std::mutex mutex_;
    Sentences sentences_;
    const std::function<void(std::span<const plugin::Subject>)> on_set_aside_;
};

inline plugin::Subject subject_of(const store::LaneHead& head) {
    return {head.record.event.value, head.record.index, head.connection};
}
inline plugin::Subject subject_of(store::Position event) {
    return {event.value, 0, 0};
}

}  // namespace syncline::pipeline
