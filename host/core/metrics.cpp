#include "core/metrics.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace syncline::core {
namespace {

constexpr std::uint64_t kUs = 1'000;
constexpr std::uint64_t kMs = 1'000 * kUs;
constexpr std::uint64_t kS = 1'000 * kMs;

constexpr std::array<std::uint64_t, 16> kShort{
    100 * kUs, 250 * kUs, 500 * kUs, kMs,       5 * kMs / 2, 5 * kMs,    10 * kMs, 25 * kMs,
    50 * kMs,  100 * kMs, 250 * kMs, 500 * kMs, kS,          5 * kS / 2, 5 * kS,   10 * kS};
constexpr std::array<std::uint64_t, 18> kLong{
    kMs,       5 * kMs,   10 * kMs, 25 * kMs,   50 * kMs,   100 * kMs,
    250 * kMs, 500 * kMs, kS,       5 * kS / 2, 5 * kS,     10 * kS,
    30 * kS,   60 * kS,   300 * kS, 1'800 * kS, 7'200 * kS, 43'200 * kS};
constexpr std::array<std::uint64_t, 13> kNumbers{1,   2,   5,     10,    20,    50,    100,
                                                 200, 500, 1'000, 2'000, 5'000, 10'000};

}  // namespace

constinit const Scale kShortTimes{kShort, 1e9};
constinit const Scale kLongTimes{kLong, 1e9};
constinit const Scale kSizes{kNumbers, 1.0};

Histogram::Histogram(const Scale& scale) : scale_(scale) {
    SYNCLINE_ASSERT(scale.bounds.size() <= Scale::kBoundsMax);
    SYNCLINE_ASSERT(std::is_sorted(scale.bounds.begin(), scale.bounds.end()));
}

void Histogram::observe(std::uint64_t value) {
    auto at = std::lower_bound(scale_.bounds.begin(), scale_.bounds.end(), value);
    auto bucket = static_cast<std::size_t>(at - scale_.bounds.begin());
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::read() const {
    Snapshot snapshot;
    snapshot.buckets.reserve(scale_.bounds.size());
    for (std::size_t i = 0; i < scale_.bounds.size(); ++i) {
        snapshot.count += counts_[i].load(std::memory_order_relaxed);
        double bound = static_cast<double>(scale_.bounds[i]) / scale_.per_unit;
        snapshot.buckets.push_back({bound, snapshot.count});
    }
    snapshot.count += counts_[scale_.bounds.size()].load(std::memory_order_relaxed);
    snapshot.sum = static_cast<double>(sum_.load(std::memory_order_relaxed)) / scale_.per_unit;
    return snapshot;
}

}  // namespace syncline::core
