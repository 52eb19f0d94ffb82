// What keeps the store from giving back what a backup has still to copy: the journal from a
// position on, and the files of bodies.
//
// It is a favour, not a right: it ends when it costs too much room, when room gets short, or when
// its time is over. The hub goes on then, and the backup fails.
// Concurrency: [any].
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "store/errc.hpp"
#include "store/position.hpp"

namespace syncline::store {

struct HoldLimits {
    std::uint64_t bytes_max = std::uint64_t{1} << 30;  // of what would be gone without it
    std::chrono::steady_clock::duration time_max = std::chrono::hours{2};
};

class Hold {
  public:
    Hold(Position from, const HoldLimits& limits)
        : from_(from),
          bytes_max_(limits.bytes_max),
          until_(std::chrono::steady_clock::now() + limits.time_max) {}

    // Facts behind it are held.
    Position from() const { return from_; }

    bool is_over() const { return why_ != nullptr; }
    // The first reason stays; `why` lives for ever.
    void end(const char* why) {
        const char* none = nullptr;
        why_.compare_exchange_strong(none, why);
    }

    void add_bodies(std::uint64_t bytes) { body_bytes_ += bytes; }
    void check(std::uint64_t journal_bytes) {
        if (journal_bytes + body_bytes_ > bytes_max_)
            end("it took too long: the hub would have to keep too much of its journal for it");
        if (std::chrono::steady_clock::now() > until_) end("it took too long");
    }

    // Of a hold that is over. Error: store.backup_outrun.
    Error error() const { return Error{kBackupOutrun, "the backup was given up: " + why()}; }

  private:
    std::string why() const {
        const char* said = why_;
        return said == nullptr ? "" : said;
    }

    const Position from_;
    const std::uint64_t bytes_max_;
    const std::chrono::steady_clock::time_point until_;
    std::atomic<std::uint64_t> body_bytes_{0};
    std::atomic<const char*> why_{nullptr};
};

}  // namespace syncline::store
