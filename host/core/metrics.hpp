// Numbers that count themselves while the hub works, cheap enough for the hot path: whoever does
// the work owns them, and whoever scrapes reads them.
//
// Counts are exact; a snapshot is not one moment of several values. Units: nanoseconds, bytes or
// plain numbers go in; Scale says what comes out.
// Concurrency: [any]; relaxed atomics, no lock. They neither copy nor move.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace syncline::core {

// Only grows.
class Counter {
  public:
    void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// The upper bounds of a histogram's buckets, ascending and inclusive, and how
// many of what is observed make one of the unit that people see.
struct Scale {
    static constexpr std::size_t kBoundsMax = 20;
    std::span<const std::uint64_t> bounds;
    double per_unit = 1.0;
};
extern const Scale kShortTimes;  // 100 us to 10 s, as seconds
extern const Scale kLongTimes;   // 1 ms to 12 h, as seconds
extern const Scale kSizes;       // 1 to 10,000

class Histogram {
  public:
    struct Snapshot {
        struct Bucket {
            double upper_bound;
            std::uint64_t cumulative;
        };
        std::vector<Bucket> buckets;  // without the last, which has no bound
        std::uint64_t count = 0;      // the last bucket
        double sum = 0;
    };

    // `scale` must outlive the histogram.
    explicit Histogram(const Scale& scale);
    Histogram(const Histogram&) = delete;
    Histogram& operator=(const Histogram&) = delete;

    void observe(std::uint64_t value);
    // A clock that went backwards is a time of 0.
    void observe(std::chrono::nanoseconds time) {
        observe(static_cast<std::uint64_t>(time.count() < 0 ? 0 : time.count()));
    }

    // `count` is the sum of all buckets, always; `sum` may be ahead or behind by what is being
    // observed at the moment.
    Snapshot read() const;

  private:
    const Scale& scale_;
    std::array<std::atomic<std::uint64_t>, Scale::kBoundsMax + 1> counts_{};
    std::atomic<std::uint64_t> sum_{0};
};

}  // namespace syncline::core
