// Large bodies, beside the journal (rule 17): one file each, durable before the fact that names it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "store/fact.hpp"
#include "store/hold.hpp"

namespace syncline::store {

inline constexpr std::size_t kInlineBodyBytesMax = 256 * 1024;

// Concurrency: [any] unless tagged.
class Bodies {
  public:
    explicit Bodies(std::filesystem::path directory) : directory_(std::move(directory)) {}

    // File names begin with the epoch, so that none is used twice. Before the first write.
    void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }

    // A small body stays in memory; a large one is in a durable file when this returns. Blocks for
    // the flush: not on io.
    Result<Body> keep(std::string text);

    // The body, wherever it is. Errors: store.body_missing. Blocks: not on io.
    Result<std::string> read(const Body& body) const;

    // Nothing refers to these any more, durably. What is held goes later.
    void remove(const std::vector<std::string>& files);

    // Nothing is removed until the hold is over, or another takes its place; null ends it.
    void set_hold(std::shared_ptr<Hold> hold);

    // Removes every file that is not in `referenced`: left by a crash before its fact.
    void remove_orphans(const std::set<std::string>& referenced);

  private:
    void unlink_held();

    std::filesystem::path directory_;
    std::mutex hold_mutex_;
    std::shared_ptr<Hold> hold_;
    std::vector<std::string> held_;
    std::uint64_t epoch_ = 0;
    std::atomic<std::uint64_t> counter_{0};
};

}  // namespace syncline::store
