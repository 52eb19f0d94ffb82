// A new version serves a share of the keys first, and takes over or is taken back.
#include "plugin/trial.hpp"

#include <algorithm>

#include "plugin/account_instance.hpp"
#include "plugin/errc.hpp"
#include "service.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

constexpr std::uint32_t kHalf = 50;
using Side = TrialTally::Side;
using Keys = std::vector<std::string>;

Outcome of_kind(OutcomeKind kind, FailureClass failure = FailureClass::kNone,
                const std::string& by = "") {
    return {kind, {failure, "", "", -1}, by, ""};
}

// An instance that says what the test wants, at once or when it is let.
class Scripted final : public Instance {
  public:
    explicit Scripted(std::string name) : name_(std::move(name)) {}

    std::function<Outcome(const WriteRecord&, std::size_t place)> outcome =
        [this](const WriteRecord&, std::size_t) {
            return of_kind(OutcomeKind::kDone, FailureClass::kNone, name_);
        };
    FailureClass failure = FailureClass::kNone;  // of fetches and translations
    std::vector<Keys> written;                   // the keys of each call
    std::vector<IdMapping> ids;
    int ids_kept = 0;
    bool holds = false;
    std::vector<std::function<void()>> held;
    std::uint64_t given_up = 0;
    bool is_stopped = false;

    const Manifest& manifest() const override { return manifest_; }
    void handshake(WebhookRequest, std::function<void(Failure, WebhookReply)> done) override {
        done({}, {});
    }
    void translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                   std::function<void(std::vector<Translation>)> done) override {
        std::vector<Translation> translations(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            translations[i].failure.failure_class = failure;
            translations[i].records.resize(1);
            translations[i].records[0].key = name_ + requests[i]->body;
        }
        say([done, translations] { done(translations); });
    }
    void write(WriteBatch batch, std::function<void(WriteResult)> done) override {
        WriteResult result;
        written.emplace_back();
        for (const WriteRecord& record : batch.records) {
            written.back().push_back(record.key);
            result.outcomes.push_back(outcome(record, result.outcomes.size()));
        }
        result.ids = ids;
        result.ids_kept = [this] { ++ids_kept; };
        say([done, result] { done(result); });
    }
    void fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) override {
        std::vector<FetchResult> results;
        for (const FetchRequest& request : batch.requests) {
            const bool is_found = failure == FailureClass::kNone;
            results.push_back({is_found ? FetchKind::kFound : FetchKind::kFailed,
                               name_ + request.key,
                               {failure, "", "", -1}});
        }
        say([done, results] { done(results); });
    }
    std::uint64_t overdue() const override { return given_up; }
    void stop(std::chrono::milliseconds, std::function<void()> stopped) override {
        is_stopped = true;
        stopped();
    }
    void let() {
        for (const auto& each : std::exchange(held, {})) each();
    }

  private:
    void say(std::function<void()> what) {
        if (holds) return held.push_back(std::move(what));
        what();
    }
    const std::string name_;
    const Manifest manifest_{};
};

// Keys of either side.
std::string key_on(bool tried, int number = 0) {
    for (int i = 0;; ++i) {
        const std::string key = "k" + std::to_string(i);
        if (is_tried(key, kHalf) == tried && number-- == 0) return key;
    }
}

struct Both {
    std::shared_ptr<Scripted> serving = std::make_shared<Scripted>("serving");
    std::shared_ptr<Scripted> tried = std::make_shared<Scripted>("tried");
    std::shared_ptr<TrialTally> tally = std::make_shared<TrialTally>();

    TrialPair pair() const { return {serving, tried, tally, kHalf}; }
    WriteResult write(const Keys& keys) const {
        WriteBatch batch;
        batch.stream = "things";
        for (const std::string& key : keys) batch.records.emplace_back().key = key;
        Waiter<WriteResult> waiter;
        write_both(pair(), std::move(batch), waiter.callback());
        return waiter.get();
    }
    std::array<std::uint64_t, 4> counted() const {
        const auto of_serving = tally->read(Side::kServing);
        const auto of_tried = tally->read(Side::kTried);
        return {of_serving.records, of_serving.errors, of_tried.records, of_tried.errors};
    }
    // What the new version says of the records of its part, by their places.
    void script(const std::vector<Outcome>& outcomes) const {
        tried->outcome = [outcomes](const WriteRecord&, std::size_t place) {
            return outcomes.at(place);
        };
    }
};

using Tallied = std::array<std::uint64_t, 4>;  // records, errors of serving; of tried

const Outcome kRefused = of_kind(OutcomeKind::kFailed, FailureClass::kPermanent);
const Outcome kLater = of_kind(OutcomeKind::kFailed, FailureClass::kTransient);
const Outcome kSkipped = of_kind(OutcomeKind::kNotAttempted);
const Outcome kMaybe = of_kind(OutcomeKind::kUnknown, FailureClass::kPluginBug);
const Outcome kDone = of_kind(OutcomeKind::kDone, FailureClass::kNone, "tried");

}  // namespace

TEST_CASE("trial: a batch is divided by its keys, and its results come in its order",
          "[plugin][trial]") {
    const Both both;
    const Keys keys{key_on(true), key_on(false), key_on(true), key_on(false, 1), key_on(true, 1)};
    const WriteResult result = both.write(keys);
    REQUIRE(result.outcomes.size() == keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i)
        CHECK(result.outcomes[i].destination_key ==
              (is_tried(keys[i], kHalf) ? "tried" : "serving"));
    CHECK(both.serving->written == std::vector<Keys>{{keys[1], keys[3]}});
    CHECK(both.tried->written == std::vector<Keys>{{keys[0], keys[2], keys[4]}});
    CHECK(both.counted() == Tallied{2, 0, 3, 0});
}

TEST_CASE("trial: the share is kept, whatever the keys", "[plugin][trial]") {
    int count = 0;
    for (int i = 0; i < 10'000; ++i) count += is_tried("user-" + std::to_string(i), 10);
    CHECK(count > 800);
    CHECK(count < 1200);
    CHECK_FALSE(is_tried("a", 0));
}

TEST_CASE("trial: what the new version refuses, the version in service does at once",
          "[plugin][trial]") {
    for (const FailureClass failure : {FailureClass::kPermanent, FailureClass::kPluginBug}) {
        const Both both;
        both.script({of_kind(OutcomeKind::kFailed, failure), kDone});
        const WriteResult result = both.write({key_on(true), key_on(true, 1), key_on(false)});
        CHECK(result.outcomes[0].destination_key == "serving");
        CHECK(result.outcomes[1].destination_key == "tried");
        CHECK(both.counted() == Tallied{1, 0, 2, 1});
    }
}

TEST_CASE("trial: what neither version does is not the new one's fault", "[plugin][trial]") {
    const Both both;
    both.script({kRefused});
    both.serving->outcome = [](const WriteRecord&, std::size_t) { return kRefused; };
    CHECK(both.write({key_on(true)}).outcomes[0].kind == OutcomeKind::kFailed);
    CHECK(both.counted() == Tallied{0, 0, 1, 0});
}

TEST_CASE("trial: what may have had its effect, or passes by itself, is not done twice",
          "[plugin][trial]") {
    for (const Outcome& outcome : {kLater, kMaybe, kSkipped}) {
        const Both both;
        both.script({outcome});
        both.serving->outcome = [&](const WriteRecord&, std::size_t) { return outcome; };
        const WriteResult result = both.write({key_on(true), key_on(false)});
        CHECK(result.outcomes[0].kind == outcome.kind);
        CHECK(both.serving->written == std::vector<Keys>{{key_on(false)}});
        CHECK(both.counted() == Tallied{1, 1, 1, 1});
    }
}

TEST_CASE("trial: what the hub called off is nobody's fault", "[plugin][trial]") {
    const Both both;
    both.script({of_kind(OutcomeKind::kNotAttempted, FailureClass::kCancelled)});
    both.write({key_on(true)});
    CHECK(both.counted() == Tallied{0, 0, 1, 0});
}

TEST_CASE("trial: a version that calls off what nobody asked it to has failed", "[plugin][trial]") {
    const Both both;
    both.script({of_kind(OutcomeKind::kFailed, FailureClass::kCancelled)});
    both.write({key_on(true)});
    CHECK(both.counted() == Tallied{0, 0, 1, 1});
}

TEST_CASE("trial: what follows a record that is done again counts once", "[plugin][trial]") {
    const Both both;
    both.script({kRefused, kSkipped});
    both.write({key_on(true), key_on(true)});
    CHECK(both.counted() == Tallied{0, 0, 2, 2});
}

TEST_CASE("trial: of a key that comes several times only the end is done again",
          "[plugin][trial]") {
    const std::string key = key_on(true);
    const auto again = [&](const std::vector<Outcome>& outcomes) {
        const Both both;
        both.script(outcomes);
        both.write(Keys(outcomes.size(), key));
        return both.serving->written.empty() ? 0 : both.serving->written.at(0).size();
    };
    CHECK(again({kRefused, kSkipped}) == 2);
    CHECK(again({kDone, kRefused, kSkipped}) == 2);
    CHECK(again({kRefused, kRefused}) == 2);
    CHECK(again({kRefused, kDone}) == 0);
    CHECK(again({kRefused, kMaybe}) == 0);
    CHECK(again({kLater, kRefused}) == 0);
    CHECK(again({kSkipped, kRefused}) == 0);
    CHECK(again({kRefused, kDone, kRefused}) == 1);
}

TEST_CASE("trial: ids that either version mapped are kept together", "[plugin][trial]") {
    const Both both;
    both.serving->ids = {{"n", "a", "1"}};
    both.tried->ids = {{"n", "b", "2"}};
    const WriteResult result = both.write({key_on(true), key_on(false)});
    CHECK(result.ids.size() == 2);
    result.ids_kept();
    CHECK(both.serving->ids_kept == 1);
    CHECK(both.tried->ids_kept == 1);
}

TEST_CASE("trial: fetches and translations that fail are done by the version in service",
          "[plugin][trial]") {
    const Both both;
    both.tried->failure = FailureClass::kPermanent;
    FetchBatch fetches;
    fetches.requests = {{key_on(true), ""}, {key_on(false), ""}};
    Waiter<std::vector<FetchResult>> fetched;
    fetch_both(both.pair(), fetches, fetched.callback());
    CHECK(fetched.get().at(0).body == "serving" + key_on(true));
    CHECK(both.counted() == Tallied{1, 0, 1, 1});

    std::vector<std::shared_ptr<const WebhookRequest>> requests;
    for (const bool is_tried : {false, true}) {
        auto request = std::make_shared<WebhookRequest>();
        request->body = key_on(is_tried);
        requests.push_back(request);
    }
    Waiter<std::vector<Translation>> translated;
    translate_both(both.pair(), requests, translated.callback());
    CHECK(translated.get().at(1).records.at(0).key == "serving" + key_on(true));
    CHECK(both.counted() == Tallied{2, 0, 2, 2});
}

TEST_CASE("trial: the verdict follows from what failed beyond the version in service",
          "[plugin][trial]") {
    using Kind = TrialVerdict::Kind;
    TrialPolicy policy;
    policy.error_percent_max = 5;
    const auto verdict = [&](TrialTally::Counts serving, TrialTally::Counts tried, bool is_over,
                             std::uint64_t overdue = 0) {
        return judge({serving, tried, overdue, is_over}, policy).kind;
    };
    CHECK(verdict({100, 0}, {100, 0}, false) == Kind::kGoOn);
    CHECK(verdict({100, 0}, {100, 0}, true) == Kind::kTakeOver);
    CHECK(verdict({0, 0}, {0, 0}, true) == Kind::kTakeOver);
    CHECK(verdict({100, 0}, {100, 5}, true) == Kind::kTakeOver);
    CHECK(verdict({100, 0}, {100, 6}, false) == Kind::kGoBack);
    CHECK(verdict({100, 50}, {100, 55}, true) == Kind::kTakeOver);
    CHECK(verdict({100, 50}, {100, 56}, true) == Kind::kGoBack);
    CHECK(verdict({100, 0}, {kTrialRecordsMin - 1, 10}, false) == Kind::kGoOn);
    CHECK(verdict({100, 0}, {kTrialRecordsMin, 10}, false) == Kind::kGoBack);
    CHECK(verdict({100, 0}, {1, 1}, true) == Kind::kGoBack);
    CHECK(verdict({100, 0}, {0, 1}, true) == Kind::kGoBack);  // a rule broken, no record
    CHECK(verdict({100, 0}, {100, 0}, false, 1) == Kind::kGoBack);
}

// ---- An account on two versions

namespace {

struct Shared : Both {
    std::shared_ptr<AccountInstance> account = std::make_shared<AccountInstance>(serving);
    Keys order;

    Shared() { account->begin_trial(tried, tally, kHalf); }
    void translate(bool is_tried, int number) {
        auto request = std::make_shared<WebhookRequest>();
        request->body = key_on(is_tried, number);
        account->translate({request}, [this](std::vector<Translation> translations) {
            order.push_back(translations.at(0).records.at(0).key);
        });
    }
    void write(const Keys& keys) const {
        WriteBatch batch;
        for (const std::string& key : keys) batch.records.emplace_back().key = key;
        account->write(std::move(batch), [](const WriteResult&) {});
    }
    bool is_idle(const AccountInstance::Tenure& tenure) const {
        return account->await_idle(tenure, std::chrono::steady_clock::now(), std::stop_token{});
    }
};

}  // namespace

TEST_CASE("trial: translations keep the order of their calls on two versions", "[plugin][trial]") {
    Shared shared;
    shared.tried->holds = true;
    shared.translate(false, 0);
    shared.translate(true, 0);
    shared.translate(false, 1);
    shared.translate(true, 1);
    CHECK(shared.order == Keys{"serving" + key_on(false, 0)});
    shared.tried->let();
    shared.tried->let();
    CHECK(shared.order == Keys{"serving" + key_on(false, 0), "tried" + key_on(true, 0),
                               "serving" + key_on(false, 1), "tried" + key_on(true, 1)});
}

TEST_CASE("swap: translations for a new version wait for the last of the one before",
          "[plugin][swap]") {
    Shared shared;
    shared.serving->holds = true;
    shared.translate(false, 0);
    shared.account->end_trial(true);
    shared.translate(false, 1);
    CHECK(shared.order.empty());
    CHECK(shared.account->held() == std::chrono::nanoseconds{0});
    shared.serving->let();
    CHECK(shared.order == Keys{"serving" + key_on(false, 0), "tried" + key_on(false, 1)});
    CHECK(shared.account->held() > std::chrono::nanoseconds{0});
}

TEST_CASE("trial: what is in flight on a version that is taken back ends there",
          "[plugin][trial]") {
    Shared shared;
    shared.tried->holds = true;
    shared.write({key_on(true)});
    const auto ended = shared.account->end_trial(false);
    REQUIRE(ended != nullptr);
    CHECK_FALSE(shared.is_idle(*ended));
    shared.write({key_on(true, 1)});
    CHECK(shared.serving->written == std::vector<Keys>{{key_on(true, 1)}});
    shared.tried->let();
    CHECK(shared.is_idle(*ended));
    CHECK(shared.account->serving() == shared.serving);
    CHECK(shared.account->end_trial(false) == nullptr);
}

TEST_CASE("trial: the version that takes over gets every key", "[plugin][trial]") {
    Shared shared;
    const auto ended = shared.account->end_trial(true);
    REQUIRE(ended != nullptr);
    CHECK(ended->instance == shared.serving);
    shared.write({key_on(false)});
    CHECK(shared.tried->written == std::vector<Keys>{{key_on(false)}});
    CHECK(shared.serving->written.empty());
}

TEST_CASE("trial: a version that left a call open gets no others", "[plugin][trial]") {
    Shared shared;
    shared.tried->given_up = 1;
    shared.write({key_on(true)});
    shared.translate(true, 0);
    CHECK(shared.tried->written.empty());
    CHECK(shared.order == Keys{"serving" + key_on(true)});
}

TEST_CASE("trial: an account that stops ends on both versions", "[plugin][trial]") {
    Shared shared;
    int count = 0;
    shared.account->stop(std::chrono::seconds{1}, [&] { ++count; });
    CHECK(count == 1);
    CHECK(shared.tried->is_stopped);
    CHECK(shared.serving->is_stopped);
    CHECK(shared.account->end_trial(true) == nullptr);
    CHECK_FALSE(shared.account->begin_trial(shared.tried, shared.tally, kHalf));
}

// ---- A catalog that tries what is new

namespace {

constexpr std::chrono::hours kLong{1};

struct OnTrial : Service {
    std::shared_ptr<VersionNotes> versions;

    explicit OnTrial(std::chrono::milliseconds period = kLong,
                     std::chrono::milliseconds call_limit = kLong,
                     const boost::json::object& settings = {}) {
        stop();
        restart(period, call_limit, settings);
    }
    void restart(std::chrono::milliseconds period, std::chrono::milliseconds call_limit = kLong,
                 const boost::json::object& settings = {}) {
        stop();
        Catalog::Options options;
        options.trial = {kHalf, period, 5, call_limit};
        options.versions = versions = notes();
        start(settings, options);
        refresh();
    }
    ConnectorStatus status() const { return catalog->status().at(0); }
    // So many records that the new version is given.
    std::vector<OutcomeKind> write_tried(std::size_t count) {
        std::vector<OutcomeKind> kinds;
        while (kinds.size() < count)
            kinds.push_back(write(key_on(true))->get().outcomes.at(0).kind);
        return kinds;
    }
    std::string quarantined() const {
        const auto list = versions->of("chaos").quarantined;
        return list.empty() ? "" : list.back().version + ": " + list.back().why;
    }
};

}  // namespace

TEST_CASE("trial: a version that does well takes over after the period", "[plugin][trial][B17]") {
    OnTrial service{std::chrono::milliseconds{0}};
    service.replace_by("chaos_2");
    REQUIRE(service.status().trial.has_value());
    CHECK(service.status().trial->version.version == "2.0.0");
    CHECK(service.status().serving.version == "1.0.0");
    CHECK(service.counted() == std::array<std::uint64_t, 4>{0, 0, 0, 0});
    CHECK(service.staged() == 2);
    service.write_tried(3);
    service.refresh();
    CHECK_FALSE(service.status().trial.has_value());
    CHECK(service.version() == "2.0.0");
    CHECK(service.counted() == std::array<std::uint64_t, 4>{1, 0, 0, 0});
    CHECK(service.staged() == 1);
    CHECK(service.versions->of("chaos").previous->version == "1.0.0");
}

TEST_CASE("trial: refresh() says how soon it has to look again", "[plugin][trial]") {
    OnTrial service;
    CHECK_FALSE(service.catalog->refresh(std::stop_token{}).has_value());
    service.replace_by("chaos_2");
    CHECK(service.catalog->refresh(std::stop_token{}).has_value());
    CHECK(service.status().trial.has_value());
}

TEST_CASE("trial: a version that refuses is taken back, and nothing has suffered",
          "[plugin][trial][B17]") {
    OnTrial service;
    service.replace_by("chaos_refuses");
    const auto kinds = service.write_tried(kTrialRecordsMin);
    CHECK(std::count(kinds.begin(), kinds.end(), OutcomeKind::kDone) ==
          static_cast<std::ptrdiff_t>(kTrialRecordsMin));
    service.refresh();
    CHECK_FALSE(service.status().trial.has_value());
    CHECK_THAT(service.quarantined(), Catch::StartsWith("2.0.0: it failed with 20 of 20"));
    CHECK(service.catalog->swaps().taken_back.value() == 1);
    CHECK(service.counted() == std::array<std::uint64_t, 4>{0, 0, 0, 0});
    CHECK(service.staged() == 1);

    service.refresh();  // its file is still there
    CHECK_FALSE(service.status().trial.has_value());
    service.restart(kLong);
    CHECK(service.version() == "1.0.0");
}

TEST_CASE("trial: a version that throws is taken back", "[plugin][trial][B17]") {
    OnTrial service;
    service.replace_by("chaos_throws");
    service.write_tried(kTrialRecordsMin);
    service.refresh();
    CHECK_THAT(service.quarantined(), Catch::StartsWith("2.0.0: it failed"));
    CHECK(service.version() == "1.0.0");
}

TEST_CASE("trial: a version that does not return is left behind, and its events are translated",
          "[plugin][trial][B4]") {
    const syncline::test::TempDir folder;
    const auto gate = folder.path() / "gate";
    write_file(gate, "");
    boost::json::object settings;
    settings["gate"] = gate.string();
    OnTrial service{kLong, std::chrono::seconds{2}, settings};
    service.replace_by("chaos_blocks");
    auto request = std::make_shared<WebhookRequest>();
    for (int i = 0; request->body.empty() || !is_tried(*request, kHalf); ++i)
        request->body = R"({"n":)" + std::to_string(i) + "}";
    Waiter<std::vector<Translation>> waiter;
    service.account->translate({request}, waiter.callback());
    CHECK(Service::key_of(waiter.get()) == "1.0.0");
    service.refresh();
    CHECK_THAT(service.quarantined(), Catch::Contains("did not end in time"));
    CHECK(service.version() == "1.0.0");
    CHECK(service.counted() == std::array<std::uint64_t, 4>{0, 0, 0, 1});
    std::filesystem::remove(gate);
}

TEST_CASE("trial: the operator ends it, or another file does", "[plugin][trial]") {
    OnTrial service;
    service.replace_by("chaos_refuses");
    service.replace_by("chaos_2");
    REQUIRE(service.status().trial.has_value());
    CHECK(service.quarantined().empty());
    service.write_tried(kTrialRecordsMin);
    service.replace_by("chaos");
    CHECK_FALSE(service.status().trial.has_value());
    CHECK(service.quarantined().empty());
    CHECK(service.staged() == 1);

    service.replace_by("chaos_2");
    REQUIRE(service.status().trial.has_value());
    REQUIRE(service.catalog->roll_back("chaos", std::stop_token{}).has_value());
    CHECK_FALSE(service.status().trial.has_value());
    CHECK(service.quarantined() == "2.0.0: rolled back by the operator");
    CHECK(service.version() == "1.0.0");
}

TEST_CASE("trial: an account that was started meanwhile goes along", "[plugin][trial]") {
    OnTrial service{std::chrono::milliseconds{0}};
    service.replace_by("chaos_2");
    InstanceOptions options;
    options.account = "late";
    options.http = service.http;
    const auto late = service.catalog->start("chaos", options).value();
    service.refresh();
    Waiter<std::vector<Translation>> waiter;
    late->translate({Service::event()}, waiter.callback());
    CHECK(Service::key_of(waiter.get()) == "2.0.0");
    CHECK(service.staged() == 1);
}

TEST_CASE("trial: without anybody to attend to it a new version takes over at once",
          "[plugin][trial]") {
    Catalog::Options options;
    options.trial.share_percent = kHalf;
    Service service{{}, options};
    service.catalog->forgo_trials();
    service.replace_by("chaos_2");
    CHECK(service.version() == "2.0.0");
    CHECK_FALSE(service.catalog->status().at(0).trial);
}

TEST_CASE("trial: a catalog that ends during one leaves nothing behind", "[plugin][trial]") {
    OnTrial service;
    service.replace_by("chaos_2");
    const auto waiter = service.write(key_on(true));
    service.stop();
    CHECK(waiter->get().outcomes.size() == 1);
}
