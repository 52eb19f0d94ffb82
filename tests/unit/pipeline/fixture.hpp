// A pipeline between a real store and a connector that does what a test says.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/pipeline.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

namespace syncline::test {

constexpr std::chrono::seconds kPatience{60};

// Nothing goes out by waiting.
inline pipeline::DeliveryPolicy policy(std::uint32_t batch_records, std::uint32_t concurrency = 1) {
    pipeline::DeliveryPolicy policy;
    policy.batch_records = batch_records;
    policy.concurrency = concurrency;
    policy.batch_wait = std::chrono::hours{1};
    return policy;
}

// Source and destination at once. Requests are records as JSON: {"key": ..., "delete": true,
// "fetch": true, "stream": ..., "parent": ..., ...}; anything else can't be translated. Writes wait
// until the test answers them.
class FakeConnector final : public plugin::Instance {
  public:
    struct Write {
        plugin::WriteBatch batch;
        std::function<void(plugin::WriteResult)> done;

        std::vector<std::string> keys() const {
            std::vector<std::string> keys;
            for (const auto& record : batch.records) keys.push_back(record.key);
            return keys;
        }
        void answer(const plugin::Outcome& outcome) {
            done({std::vector<plugin::Outcome>(batch.records.size(), outcome)});
        }
    };

    struct Fetch {
        plugin::FetchBatch batch;
        std::function<void(std::vector<plugin::FetchResult>)> done;

        std::vector<std::string> keys() const {
            std::vector<std::string> keys;
            for (const auto& request : batch.requests) keys.push_back(request.key);
            return keys;
        }
        void answer(const plugin::FetchResult& result) {
            done(std::vector<plugin::FetchResult>(batch.requests.size(), result));
        }
    };

    struct Read {
        plugin::ReadRequest request;
        std::function<void(plugin::ReadResult)> done;

        void answer(plugin::ReadResult result) { done(std::move(result)); }
    };

    // Sources `s`, `merging` and `parents`, destinations `d` and `ordered`.
    FakeConnector() {
        for (const char* name : {"s", "merging", "parents"}) {
            plugin::StreamSpec& stream = manifest_.streams.emplace_back();
            stream.name = name;
            stream.is_source = true;
            stream.is_mergeable = stream.name == "merging";
            stream.can_fetch = true;
            stream.fetch_records_max = 2;
        }
        for (const char* name : {"d", "ordered"}) {
            plugin::StreamSpec& stream = manifest_.streams.emplace_back();
            stream.name = name;
            stream.is_destination = true;
            stream.takes_ordered_batches = stream.name == "ordered";
        }
    }

    const plugin::Manifest& manifest() const override { return manifest_; }
    void handshake(plugin::WebhookRequest,
                   std::function<void(plugin::Failure, plugin::WebhookReply)> done) override {
        done({}, {});
    }
    void translate(std::vector<std::shared_ptr<const plugin::WebhookRequest>> requests,
                   std::function<void(std::vector<plugin::Translation>)> done) override {
        if (is_holding) {
            std::lock_guard lock{mutex_};
            held_.push_back({std::move(requests), std::move(done)});
            return;
        }
        std::vector<plugin::Translation> translations;
        for (const auto& request : requests) translations.push_back(translate_one(*request));
        done(std::move(translations));
    }
    void write(plugin::WriteBatch batch, std::function<void(plugin::WriteResult)> done) override {
        std::lock_guard lock{mutex_};
        writes_.push_back(Write{std::move(batch), std::move(done)});
        written_.notify_all();
    }
    void fetch(plugin::FetchBatch batch,
               std::function<void(std::vector<plugin::FetchResult>)> done) override {
        fetched = batch;
        if (fetch_result) return done({*fetch_result});
        std::lock_guard lock{mutex_};
        fetches_.push_back(Fetch{std::move(batch), std::move(done)});
        written_.notify_all();
    }
    void read(plugin::ReadRequest request, std::function<void(plugin::ReadResult)> done) override {
        std::lock_guard lock{mutex_};
        reads_.push_back(Read{std::move(request), std::move(done)});
        written_.notify_all();
    }
    void stop(std::chrono::milliseconds, std::function<void()> stopped) override { stopped(); }

    // The next batch that goes out; fails the test when none does.
    Write next_write() {
        std::unique_lock lock{mutex_};
        REQUIRE(written_.wait_for(lock, kPatience, [this] { return !writes_.empty(); }));
        Write write = std::move(writes_.front());
        writes_.pop_front();
        return write;
    }
    bool has_write() {
        std::lock_guard lock{mutex_};
        return !writes_.empty();
    }
    Fetch next_fetch() {
        std::unique_lock lock{mutex_};
        REQUIRE(written_.wait_for(lock, kPatience, [this] { return !fetches_.empty(); }));
        Fetch fetch = std::move(fetches_.front());
        fetches_.pop_front();
        return fetch;
    }
    Read next_read() {
        std::unique_lock lock{mutex_};
        REQUIRE(written_.wait_for(lock, kPatience, [this] { return !reads_.empty(); }));
        Read read = std::move(reads_.front());
        reads_.pop_front();
        return read;
    }
    bool has_fetch() {
        std::lock_guard lock{mutex_};
        return !fetches_.empty();
    }

    bool has_held() {
        std::lock_guard lock{mutex_};
        return !held_.empty();
    }

    // Translations that were held end.
    void release() {
        is_holding = false;
        std::vector<Held> held;
        {
            std::lock_guard lock{mutex_};
            held.swap(held_);
        }
        for (Held& each : held) translate(std::move(each.requests), std::move(each.done));
    }

    std::atomic<bool> is_holding{false};              // translations do not end
    std::optional<plugin::FetchResult> fetch_result;  // of every fetch; none: see next_fetch()
    plugin::FetchBatch fetched;
    std::atomic<plugin::FailureClass> translation_failure{plugin::FailureClass::kNone};

  private:
    plugin::Translation translate_one(const plugin::WebhookRequest& request) {
        plugin::Translation translation;
        translation.failure.failure_class = translation_failure;
        auto parsed = record::parse_json(request.body);
        if (translation.failure.failure_class != plugin::FailureClass::kNone) return translation;
        if (!parsed.has_value() || !parsed->is_object()) {
            translation.failure = {plugin::FailureClass::kPermanent, "not a record", "e1", -1};
            return translation;
        }
        const auto& fields = parsed->as_object();
        auto text = [&](const char* name, const char* otherwise) {
            const auto* value = fields.if_contains(name);
            return value == nullptr ? std::string{otherwise} : std::string{value->as_string()};
        };
        record::Record record;
        record.stream = text("stream", "s");
        record.key = text("key", "");
        record.parent_key = text("parent", "");
        if (!record.parent_key.empty()) record.parent_stream = "parents";
        if (fields.contains("delete")) record.operation = record::Operation::kDelete;
        if (fields.contains("fetch")) record.operation = record::Operation::kFetch;
        if (record.operation != record::Operation::kFetch) record.body = request.body;
        if (const auto* when = fields.if_contains("occurred"))
            record.occurred_ns = when->as_int64();
        translation.records.push_back(std::move(record));
        return translation;
    }

    plugin::Manifest manifest_;
    std::mutex mutex_;
    std::condition_variable written_;
    std::deque<Write> writes_;
    std::deque<Fetch> fetches_;
    std::deque<Read> reads_;
    struct Held {
        std::vector<std::shared_ptr<const plugin::WebhookRequest>> requests;
        std::function<void(std::vector<plugin::Translation>)> done;
    };
    std::vector<Held> held_;
};

inline plugin::Outcome done(std::string destination_key = "") {
    return {plugin::OutcomeKind::kDone, {}, std::move(destination_key), ""};
}
inline plugin::Outcome failed(plugin::FailureClass failure_class,
                              std::int64_t retry_after_ms = -1) {
    return {plugin::OutcomeKind::kFailed,
            {failure_class, "the platform says no", "p1", retry_after_ms},
            "",
            ""};
}
inline plugin::Outcome of_kind(plugin::OutcomeKind kind) {
    return {kind, {plugin::FailureClass::kTransient, "cut off", "", -1}, "", ""};
}

class World {
  public:
    explicit World(std::vector<pipeline::DeliveryPolicy> policies = {pipeline::DeliveryPolicy{}},
                   const std::string& mapping = "", bool is_one_account = false,
                   std::function<void(pipeline::ConnectionPlan&)> shape = {})
        : is_one_account_(is_one_account), shape_(std::move(shape)) {
        start(std::move(policies), mapping);
    }
    ~World() { stop(); }

    void start(std::vector<pipeline::DeliveryPolicy> policies, const std::string& mapping) {
        store::Store::Options options;
        options.data_dir = folder.path() / "data";
        options.clock = &clock;
        options.allow_unsafe_filesystem = true;
        options.map_bytes = std::uint64_t{1} << 30;
        options.on_fatal = [](const Error& error) { FAIL_CHECK(error.to_string()); };
        auto opened = store::Store::open(std::move(options));
        REQUIRE(opened.has_value());
        store = std::move(*opened);
        std::vector<pipeline::ConnectionPlan> connections;
        for (const pipeline::DeliveryPolicy& policy : policies) {
            pipeline::ConnectionPlan plan;
            plan.id = static_cast<store::ConnectionId>(connections.size() + 1);
            plan.name = "c" + std::to_string(plan.id);
            plan.route = 1;
            plan.source_stream = "s";
            plan.destination_stream = "d";
            plan.policy = policy;
            if (!mapping.empty()) {
                auto program = expr::Program::compile(mapping, {"syncline.yaml", 7, 12});
                REQUIRE(program.has_value());
                plan.map.emplace_back("mapped", std::move(*program));
            }
            plan.source = source;
            plan.destination = destination(plan.id);
            if (shape_) shape_(plan);
            connections.push_back(std::move(plan));
        }
        pipeline =
            std::make_unique<pipeline::Pipeline>(pipeline::Pipeline::Options{&clock, 2}, *store,
                                                 pipeline::Plans{routes(), std::move(connections)});
        REQUIRE(store->start(pipeline.get()).has_value());
    }

    std::vector<pipeline::RoutePlan> routes() const {
        return {{1, "r", source}, {2, "sync:c1", source, false, true}};
    }

    void stop() {
        if (!store) return;
        pipeline->stop();
        pipeline->join();
        store->stop();
        pipeline.reset();
        store.reset();
    }

    std::shared_ptr<FakeConnector> destination(store::ConnectionId id = 1) {
        auto& connector = destinations_[is_one_account_ ? 1 : id];
        if (!connector) connector = std::make_shared<FakeConnector>();
        return connector;
    }

    // Returns when the event is durable.
    store::Position receive(std::string body, store::ConnectionId answering = 0) {
        store::Received event;
        event.route = 1;
        event.answering = answering;
        event.received_ns = clock.wall_ns();
        event.method = "POST";
        auto kept = store->bodies().keep(std::move(body));
        REQUIRE(kept.has_value());
        event.body = std::move(*kept);
        auto promise = std::make_shared<std::promise<Result<store::Position>>>();
        auto position = promise->get_future();
        REQUIRE(
            store
                ->append_event(std::move(event),
                               [promise](Result<store::Position> at) { promise->set_value(at); })
                .has_value());
        REQUIRE(position.wait_for(kPatience) == std::future_status::ready);
        return *position.get();
    }

    // Nothing more gets durable until then. Returns when it is so.
    void hold_journal(std::future<void> until) {
        store::Received event;
        event.route = 1;
        event.method = "POST";
        auto held = std::make_shared<std::promise<void>>();
        auto is_held = held->get_future();
        const auto on_durable = [held, goes_on = until.share()](const Result<store::Position>&) {
            held->set_value();
            goes_on.wait();
        };
        REQUIRE(store->append_event(std::move(event), on_durable).has_value());
        REQUIRE(is_held.wait_for(kPatience) == std::future_status::ready);
    }

    // Asks the state on its thread.
    template <class Question>
    auto ask(Question question) {
        using Answer = decltype(question(std::declval<store::State&>()));
        auto promise = std::make_shared<std::promise<Answer>>();
        auto answer = promise->get_future();
        REQUIRE(store->ask(
            [promise, question](store::State& state) { promise->set_value(question(state)); }));
        REQUIRE(answer.wait_for(kPatience) == std::future_status::ready);
        return answer.get();
    }

    store::ConnectionLedger ledger(store::ConnectionId id = 1) {
        return ask([id](store::State& state) {
            auto at = state.connection_ledgers().find(id);
            return at == state.connection_ledgers().end() ? store::ConnectionLedger{} : at->second;
        });
    }
    store::RouteLedger route() {
        return ask([](store::State& state) {
            auto at = state.route_ledgers().find(1);
            return at == state.route_ledgers().end() ? store::RouteLedger{} : at->second;
        });
    }
    std::vector<store::Letter> letters() {
        return ask([](store::State& state) { return *state.letters(0, 100); });
    }

    // Each question lets the store do what is on its way; every wait ends.
    template <class Condition>
    void until(Condition condition) {
        auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < give_up);
            std::this_thread::yield();
        }
    }

    // Lets time pass for due times.
    void pass(std::chrono::nanoseconds time) {
        clock.advance(time);
        store->wake();
    }

    void replay(std::uint64_t letter, bool is_forced = false) {
        store::Command command;
        command.kind = store::CommandKind::kReplayLetter;
        command.letter = letter;
        command.is_forced = is_forced;
        auto promise = std::make_shared<std::promise<std::optional<Error>>>();
        auto rejection = promise->get_future();
        store::Append append;
        append.facts.emplace_back(command);
        append.on_applied = [promise](std::optional<Error> why) { promise->set_value(why); };
        store->append(std::move(append));
        REQUIRE(rejection.wait_for(kPatience) == std::future_status::ready);
        CHECK_FALSE(rejection.get());
    }

    TempDir folder;
    FakeClock clock;
    std::shared_ptr<FakeConnector> source = std::make_shared<FakeConnector>();
    std::unique_ptr<store::Store> store;
    std::unique_ptr<pipeline::Pipeline> pipeline;

  private:
    const bool is_one_account_;
    std::function<void(pipeline::ConnectionPlan&)> shape_;
    std::map<store::ConnectionId, std::shared_ptr<FakeConnector>> destinations_;
};

// A record whose version tells it from others of its key.
inline std::string record_of(const std::string& key, int version = 1) {
    return R"({"key":")" + key + R"(","v":)" + std::to_string(version) + "}";
}

}  // namespace syncline::test
