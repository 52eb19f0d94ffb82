// The trial of a new version: a share of the keys goes to it, and what it does is compared with
// what the version in service does meanwhile.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/catalog.hpp"

namespace syncline::plugin {

inline constexpr std::uint64_t kTrialRecordsMin = 20;  // before them only the end gives a verdict

// What either side was given, and how much of it failed that the other might have done.
// Concurrency: [any].
class TrialTally {
  public:
    enum class Side { kServing, kTried };
    struct Counts {
        std::uint64_t records = 0, errors = 0;
    };

    void count(Side side, std::uint64_t records, std::uint64_t errors) {
        auto& of_side = counts_[static_cast<std::size_t>(side)];
        of_side.records += records;
        of_side.errors += errors;
    }
    Counts read(Side side) const {
        const auto& of_side = counts_[static_cast<std::size_t>(side)];
        return {of_side.records, of_side.errors};
    }

  private:
    struct Atomics {
        std::atomic<std::uint64_t> records{0}, errors{0};
    };
    std::array<Atomics, 2> counts_;
};

// What is known when it is asked for a verdict.
struct TrialEvidence {
    TrialTally::Counts serving, tried;  // with rules of the interface that were broken as errors
    std::uint64_t overdue = 0;          // calls that the new version did not end
    bool is_over = false;               // the period has passed
};

struct TrialVerdict {
    enum class Kind { kGoOn, kTakeOver, kGoBack };
    Kind kind = Kind::kGoOn;
    std::string why;  // kGoBack
};

// [any]
TrialVerdict judge(const TrialEvidence& evidence, const TrialPolicy& policy);

// The two sides of a call.
struct TrialPair {
    std::shared_ptr<Instance> serving, tried;
    std::shared_ptr<TrialTally> tally;
    std::uint32_t share_percent = 0;
};

// Whether a key, or an event, goes to the new version: the same answer as long as the process runs.
bool is_tried(std::string_view key, std::uint32_t share_percent);
bool is_tried(const WebhookRequest& request, std::uint32_t share_percent);

// Each is one call of both sides: what is of one key goes to one of them, in order. What the new
// version refuses surely without effect is done by the version in service at once, whose word then
// counts: so nothing suffers from a trial. `done` is called once, when all of it has ended. [any]
void write_both(TrialPair pair, WriteBatch batch, std::function<void(WriteResult)> done);
void fetch_both(TrialPair pair, FetchBatch batch,
                std::function<void(std::vector<FetchResult>)> done);
void translate_both(TrialPair pair, std::vector<std::shared_ptr<const WebhookRequest>> requests,
                    std::function<void(std::vector<Translation>)> done);

}  // namespace syncline::plugin
