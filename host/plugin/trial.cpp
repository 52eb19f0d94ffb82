#include "plugin/trial.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/assert.hpp"
#include "core/hash.hpp"

namespace syncline::plugin {
namespace {

using Side = TrialTally::Side;

constexpr std::uint64_t kPercent = 100;
constexpr double kRounding = 1e-6;

// What another attempt may change, whoever makes it: the rates of both sides tell whether it is the
// version.
bool is_of_the_moment(FailureClass failure) {
    switch (failure) {
        case FailureClass::kRateLimited:
        case FailureClass::kTransient:
        case FailureClass::kAuthExpired:
        case FailureClass::kDeadline:
        case FailureClass::kCancelled:
        case FailureClass::kHostBug:
        case FailureClass::kStale:
            return true;
        default:
            return false;
    }
}

// The version in service is asked as well: surely nothing has happened.
bool is_disputed(const Outcome& outcome) {
    return outcome.kind == OutcomeKind::kFailed && !is_of_the_moment(outcome.failure.failure_class);
}

bool is_disputed(const FetchResult& result) {
    return result.kind == FetchKind::kFailed && !is_of_the_moment(result.failure.failure_class);
}

// Translating has no effect, so it can be done again whatever the reason.
bool is_disputed(const Translation& translation) {
    return translation.failure.failure_class != FailureClass::kNone;
}

bool is_good(const Outcome& outcome) {
    return outcome.kind == OutcomeKind::kDone;
}
bool is_good(const FetchResult& result) {
    return result.kind != FetchKind::kFailed;
}
bool is_good(const Translation& translation) {
    return translation.failure.failure_class == FailureClass::kNone;
}

// What the hub called off is nobody's fault. A write that failed is the connector's own word.
bool is_called_off(const Outcome& outcome) {
    return outcome.kind != OutcomeKind::kFailed &&
           outcome.failure.failure_class == FailureClass::kCancelled;
}
template <class Item>
bool is_called_off(const Item&) {
    return false;
}

template <class Item>
bool is_error(const Item& item) {
    return !is_good(item) && !is_disputed(item) && !is_called_off(item);
}

const std::string& key_of(const WriteRecord& record) {
    return record.key;
}
const std::string& key_of(const FetchRequest& request) {
    return request.key;
}

// ---- What the three kinds of call have in common

// A call whose items are divided between two instances, and some of them asked again.
// Concurrency: the last of both sides goes on; nobody else touches it then.
template <class Kind>
class SharedCall : public std::enable_shared_from_this<SharedCall<Kind>> {
  public:
    using ItemResult = typename Kind::ItemResult;
    using Answer = typename Kind::Answer;

    SharedCall(TrialPair pair, Kind kind, std::vector<bool> is_tried,
               std::function<void(Answer)> done)
        : pair_(std::move(pair)), kind_(std::move(kind)), done_(std::move(done)) {
        for (std::size_t i = 0; i < is_tried.size(); ++i)
            (is_tried[i] ? tried_ : served_).push_back(i);
        results_.resize(is_tried.size());
    }

    void start() {
        open_ = 1 + !served_.empty() + !tried_.empty();
        if (!served_.empty()) ask(Side::kServing, served_);
        if (!tried_.empty()) ask(Side::kTried, tried_);
        end_side();
    }

  private:
    void ask(Side side, const std::vector<std::size_t>& places) {
        Instance& instance = side == Side::kTried ? *pair_.tried : *pair_.serving;
        kind_.call(instance, places,
                   [self = this->shared_from_this(), side, &places](Answer answer) {
                       self->take(side, places, std::move(answer));
                   });
    }

    void take(Side side, const std::vector<std::size_t>& places, Answer answer) {
        std::vector<ItemResult>& results = Kind::results_of(answer);
        SYNCLINE_ASSERT(results.size() == places.size());
        for (std::size_t i = 0; i < places.size(); ++i) results_[places[i]] = std::move(results[i]);
        (side == Side::kTried ? tried_answer_ : serving_answer_) = std::move(answer);
        end_side();
    }

    void end_side() {
        if (--open_ != 0) return;
        disputed_ = kind_.disputed(tried_, results_);
        count(Side::kServing, served_);
        count(Side::kTried, tried_);
        if (disputed_.empty()) return finish();
        kind_.call(*pair_.serving, disputed_, [self = this->shared_from_this()](Answer answer) {
            self->settle(std::move(answer));
        });
    }

    // What is asked again is counted then.
    void count(Side side, const std::vector<std::size_t>& places) const {
        std::uint64_t errors = 0;
        for (const std::size_t place : places) {
            const bool is_open = std::binary_search(disputed_.begin(), disputed_.end(), place);
            errors += !is_open && is_error(results_[place]);
        }
        pair_.tally->count(side, places.size(), errors);
    }

    // The word of the version in service holds. What it does not do either is no one's error.
    void settle(Answer answer) {
        std::vector<ItemResult>& results = Kind::results_of(answer);
        SYNCLINE_ASSERT(results.size() == disputed_.size());
        std::uint64_t errors = 0;
        for (std::size_t i = 0; i < disputed_.size(); ++i) {
            errors += is_good(results[i]);
            results_[disputed_[i]] = std::move(results[i]);
        }
        pair_.tally->count(Side::kTried, 0, errors);
        second_answer_ = std::move(answer);
        finish();
    }

    void finish() {
        Answer whole = kind_.merge(std::move(serving_answer_), std::move(tried_answer_),
                                   std::move(second_answer_));
        Kind::results_of(whole) = std::move(results_);
        done_(std::move(whole));
    }

    const TrialPair pair_;
    Kind kind_;
    const std::function<void(Answer)> done_;
    std::vector<std::size_t> served_, tried_, disputed_;  // places of items
    std::vector<ItemResult> results_;
    std::atomic<int> open_{0};
    Answer serving_answer_{}, tried_answer_{}, second_answer_{};
};

template <class Kind>
void begin_both(TrialPair pair, Kind kind, std::vector<bool> is_tried,
                std::function<void(typename Kind::Answer)> done) {
    std::make_shared<SharedCall<Kind>>(std::move(pair), std::move(kind), std::move(is_tried),
                                       std::move(done))
        ->start();
}

template <class Item>
std::vector<bool> divide(const std::vector<Item>& items, std::uint32_t share_percent) {
    std::vector<bool> divided;
    for (const Item& item : items) divided.push_back(is_tried(key_of(item), share_percent));
    return divided;
}

template <class ItemResult>
std::vector<std::size_t> disputed_of(const std::vector<std::size_t>& places,
                                     const std::vector<ItemResult>& results) {
    std::vector<std::size_t> disputed;
    std::copy_if(places.begin(), places.end(), std::back_inserter(disputed),
                 [&](std::size_t place) { return is_disputed(results[place]); });
    return disputed;
}

// ---- The three kinds

struct BothWrite {
    using ItemResult = Outcome;
    using Answer = WriteResult;
    WriteBatch batch;

    static std::vector<Outcome>& results_of(WriteResult& answer) { return answer.outcomes; }

    void call(Instance& instance, const std::vector<std::size_t>& places,
              std::function<void(WriteResult)> done) const {
        WriteBatch part{batch.stream, {}, batch.timeout};
        for (const std::size_t place : places) part.records.push_back(batch.records[place]);
        instance.write(std::move(part), std::move(done));
    }

    // Of a key that comes several times only the end may be done again, or its order would suffer.
    std::vector<std::size_t> disputed(const std::vector<std::size_t>& places,
                                      const std::vector<Outcome>& outcomes) const {
        struct Tail {
            std::vector<std::size_t> places;
            bool is_blocked = false;  // by a record that will come again
        };
        std::map<std::string_view, Tail> tails;
        for (const std::size_t place : places) {
            const Outcome& outcome = outcomes[place];
            Tail& tail = tails[batch.records[place].key];
            const bool follows = !tail.places.empty() && outcome.kind == OutcomeKind::kNotAttempted;
            if (plugin::is_disputed(outcome) || follows) {
                tail.places.push_back(place);
            } else {
                tail.places.clear();
                tail.is_blocked |= !is_good(outcome);
            }
        }
        std::vector<std::size_t> all;
        for (const auto& [key, tail] : tails)
            if (!tail.is_blocked) all.insert(all.end(), tail.places.begin(), tail.places.end());
        std::sort(all.begin(), all.end());
        return all;
    }

    WriteResult merge(WriteResult serving, WriteResult tried, WriteResult second) const {
        WriteResult whole;
        std::vector<std::function<void()>> kept;
        for (WriteResult* part : {&serving, &second, &tried}) {
            if (whole.answer == nullptr) whole.answer = std::move(part->answer);
            whole.ids.insert(whole.ids.end(), part->ids.begin(), part->ids.end());
            if (part->ids_kept) kept.push_back(std::move(part->ids_kept));
        }
        if (kept.empty()) return whole;
        whole.ids_kept = [kept = std::move(kept)] {
            for (const auto& each : kept) each();
        };
        return whole;
    }
};

struct BothFetch {
    using ItemResult = FetchResult;
    using Answer = std::vector<FetchResult>;
    FetchBatch batch;

    static Answer& results_of(Answer& answer) { return answer; }
    void call(Instance& instance, const std::vector<std::size_t>& places,
              std::function<void(Answer)> done) const {
        FetchBatch part{batch.stream, {}, batch.timeout};
        for (const std::size_t place : places) part.requests.push_back(batch.requests[place]);
        instance.fetch(std::move(part), std::move(done));
    }
    static std::vector<std::size_t> disputed(const std::vector<std::size_t>& places,
                                             const Answer& results) {
        return disputed_of(places, results);
    }
    static Answer merge(Answer, Answer, Answer) { return {}; }
};

struct BothTranslate {
    using ItemResult = Translation;
    using Answer = std::vector<Translation>;
    std::vector<std::shared_ptr<const WebhookRequest>> requests;

    static Answer& results_of(Answer& answer) { return answer; }
    void call(Instance& instance, const std::vector<std::size_t>& places,
              std::function<void(Answer)> done) const {
        std::vector<std::shared_ptr<const WebhookRequest>> part;
        for (const std::size_t place : places) part.push_back(requests[place]);
        instance.translate(std::move(part), std::move(done));
    }
    static std::vector<std::size_t> disputed(const std::vector<std::size_t>& places,
                                             const Answer& results) {
        return disputed_of(places, results);
    }
    static Answer merge(Answer, Answer, Answer) { return {}; }
};

double percent_failed(const TrialTally::Counts& counts) {
    const auto records = static_cast<double>(std::max<std::uint64_t>(counts.records, 1));
    return static_cast<double>(kPercent * counts.errors) / records;
}

std::string parts_of(const TrialTally::Counts& counts) {
    return std::to_string(counts.errors) + " of " + std::to_string(counts.records);
}

}  // namespace

bool is_tried(std::string_view key, std::uint32_t share_percent) {
    return core::hash64(key) % kPercent < share_percent;
}

bool is_tried(const WebhookRequest& request, std::uint32_t share_percent) {
    return is_tried(request.body.empty() ? request.query : request.body, share_percent);
}

void write_both(TrialPair pair, WriteBatch batch, std::function<void(WriteResult)> done) {
    auto divided = divide(batch.records, pair.share_percent);
    begin_both(std::move(pair), BothWrite{std::move(batch)}, std::move(divided), std::move(done));
}

void fetch_both(TrialPair pair, FetchBatch batch,
                std::function<void(std::vector<FetchResult>)> done) {
    auto divided = divide(batch.requests, pair.share_percent);
    begin_both(std::move(pair), BothFetch{std::move(batch)}, std::move(divided), std::move(done));
}

void translate_both(TrialPair pair, std::vector<std::shared_ptr<const WebhookRequest>> requests,
                    std::function<void(std::vector<Translation>)> done) {
    std::vector<bool> divided;
    for (const auto& request : requests) divided.push_back(is_tried(*request, pair.share_percent));
    begin_both(std::move(pair), BothTranslate{std::move(requests)}, std::move(divided),
               std::move(done));
}

TrialVerdict judge(const TrialEvidence& evidence, const TrialPolicy& policy) {
    using Kind = TrialVerdict::Kind;
    if (evidence.overdue != 0)
        return {Kind::kGoBack, std::to_string(evidence.overdue) +
                                   (evidence.overdue == 1 ? " call" : " calls") +
                                   " into it did not end in time"};
    const auto& tried = evidence.tried;
    const auto& serving = evidence.serving;
    if (!evidence.is_over && tried.records < kTrialRecordsMin) return {};
    const double excess = percent_failed(tried) - percent_failed(serving);
    if (excess > policy.error_percent_max + kRounding)
        return {Kind::kGoBack, "it failed with " + parts_of(tried) +
                                   " records, and the version in service with " +
                                   parts_of(serving)};
    return {evidence.is_over ? Kind::kTakeOver : Kind::kGoOn, ""};
}

}  // namespace syncline::plugin
