// What the bridge makes of connectors that keep the rules, and of those that don't.
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "core/utf8.hpp"
#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "plugin/live_instance.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

// One connector in service.
struct BridgeStage {
    Site site;
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    explicit BridgeStage(const char* mode,
                         std::chrono::milliseconds call_limit = std::chrono::seconds{60}) {
        site.install("chaos");
        auto options = site.options();
        options.call_limit = call_limit;
        catalog = Catalog::open(options).value();
        instance = start(mode);
    }
    std::shared_ptr<Instance> start(const char* mode) {
        InstanceOptions options;
        options.account = "shop";
        options.settings = {{"mode", mode}};
        options.http = http;
        return catalog->start("chaos", options).value();
    }
    Translation translate(const std::string& body = "{}") {
        auto request = std::make_shared<WebhookRequest>();
        request->body = body;
        Waiter<std::vector<Translation>> waiter;
        instance->translate({request}, waiter.callback());
        return waiter.get().at(0);
    }
    std::pair<Failure, WebhookReply> handshake() {
        Waiter<std::pair<Failure, WebhookReply>> waiter;
        instance->handshake({}, [done = waiter.callback()](Failure failure, WebhookReply reply) {
            done({std::move(failure), std::move(reply)});
        });
        return waiter.get();
    }
    Waiter<WriteResult> write(std::chrono::milliseconds timeout = std::chrono::seconds{60},
                              std::size_t count = 1) {
        Waiter<WriteResult> waiter;
        WriteBatch batch;
        batch.stream = "things";
        batch.timeout = timeout;
        for (std::size_t i = 0; i < count; ++i) {
            batch.records.push_back(
                {record::Operation::kUpsert, "k" + std::to_string(i), "{}", "", false});
        }
        instance->write(std::move(batch), waiter.callback());
        return waiter;
    }
    void stop(std::chrono::milliseconds deadline = std::chrono::seconds{60}) {
        Waiter<int> waiter;
        instance->stop(deadline, [done = waiter.callback()] { done(0); });
        waiter.get();
    }
    std::uint64_t misbehaviours() const { return instance->misbehaviours(); }
};

}  // namespace

TEST_CASE("bridge: translates, answers handshakes and writes", "[plugin][bridge]") {
    BridgeStage stage{""};
    const Translation translation = stage.translate(R"({"a": 1})");
    CHECK(translation.failure.failure_class == FailureClass::kNone);
    REQUIRE(translation.records.size() == 1);
    CHECK(translation.records[0].stream == "things");
    CHECK(translation.records[0].body == R"({"a": 1})");
    CHECK_FALSE(translation.records[0].occurred_ns);

    const auto [failure, reply] = stage.handshake();
    CHECK(failure.failure_class == FailureClass::kNone);
    CHECK(reply.body == "hello");

    const WriteResult result = stage.write().get();
    REQUIRE(result.outcomes.size() == 1);
    CHECK(result.outcomes[0].kind == OutcomeKind::kDone);
    CHECK(result.outcomes[0].destination_key == "d-1");
    CHECK(stage.misbehaviours() == 0);
    stage.stop();
}

TEST_CASE("bridge: the C++ layer works, and what is thrown in it is a failure",
          "[plugin][bridge][B1]") {
    Site site;
    site.install("polite");
    const auto catalog = site.open();
    const auto http = std::make_shared<FakeHttp>();
    InstanceOptions options;
    options.settings = {{"base_url", "https://api.example.com/"}};
    options.http = http;
    const auto instance = catalog->start("polite", options).value();

    auto good = std::make_shared<WebhookRequest>();
    good->body = R"({"x": 1})";
    auto bad = std::make_shared<WebhookRequest>();
    bad->body = "throw";
    Waiter<std::vector<Translation>> translations;
    instance->translate({good, bad, good}, translations.callback());
    const auto translated = translations.get();
    REQUIRE(translated.size() == 3);
    CHECK(translated[0].records.size() == 1);
    CHECK(translated[1].failure.failure_class == FailureClass::kPluginBug);
    CHECK(translated[1].failure.message == "translate threw");
    CHECK(translated[2].records.size() == 1);

    WriteBatch batch;
    batch.stream = "things";
    batch.records.resize(2, {record::Operation::kUpsert, "k", "{}", "", false});
    Waiter<WriteResult> written;
    instance->write(batch, written.callback());
    HttpReply reply;
    reply.has_response = true;
    reply.status = 200;
    http->answer(http->wait(), reply);
    const auto result = written.get();
    CHECK(result.outcomes[0].kind == OutcomeKind::kDone);
    CHECK(result.outcomes[1].kind == OutcomeKind::kDone);

    // What is open when it stops is cancelled and still reported.
    Waiter<WriteResult> cancelled;
    instance->write(batch, cancelled.callback());
    http->wait();
    Waiter<int> stopped;
    instance->stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(0); });
    stopped.get();
    REQUIRE(cancelled.is_ready());
    CHECK(cancelled.get().outcomes[0].kind == OutcomeKind::kUnknown);
    CHECK(http->open_count() == 0);
}

TEST_CASE("bridge: a connector in plain C writes, and stops with requests open",
          "[plugin][bridge]") {
    Site site;
    site.install("plain_c");
    const auto catalog = site.open();
    const auto http = std::make_shared<FakeHttp>();
    InstanceOptions options;
    options.settings = {{"base_url", "https://api.example.com/"}};
    options.http = http;
    const auto instance = catalog->start("plain-c", options).value();
    WriteBatch batch;
    batch.stream = "things";
    batch.records.resize(3, {record::Operation::kUpsert, "k", "{}", "", false});

    Waiter<WriteResult> written;
    instance->write(batch, written.callback());
    for (const int status : {200, 422, 500}) {
        HttpReply reply;
        reply.has_response = true;
        reply.status = status;
        http->answer(http->wait(), reply);
    }
    const auto result = written.get();
    CHECK(result.outcomes[0].kind == OutcomeKind::kDone);
    CHECK(result.outcomes[1].failure.failure_class == FailureClass::kPermanent);
    CHECK(result.outcomes[2].kind == OutcomeKind::kUnknown);
    CHECK(http->requests[0].url == "https://api.example.com/things");

    batch.timeout = std::chrono::hours{1};
    Waiter<WriteResult> open;
    instance->write(batch, open.callback());
    http->wait();
    Waiter<int> stopped;
    instance->stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(0); });
    stopped.get();
    REQUIRE(open.is_ready());
    CHECK(open.get().outcomes[2].failure.failure_class == FailureClass::kCancelled);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("bridge: malformed records are the connector's bug, never a crash",
          "[plugin][bridge][B6]") {
    for (const char* mode : {"wrong_stream", "empty_key", "long_key", "bad_utf8", "huge_length",
                             "null_text", "bad_json", "wrong_operation", "wrong_format",
                             "short_struct", "null_record", "throws", "flood"}) {
        INFO(mode);
        BridgeStage stage{mode};
        const Translation translation = stage.translate();
        CHECK(translation.failure.failure_class == FailureClass::kPluginBug);
        CHECK_FALSE(translation.failure.message.empty());
        CHECK(translation.records.empty());
        CHECK(stage.misbehaviours() == 1);
        stage.stop();
    }
}

TEST_CASE("bridge: failures are carried over, repaired where needed", "[plugin][bridge]") {
    CHECK(BridgeStage{"refuses"}.translate().failure.message == "not understood");
    const Failure unknown = BridgeStage{"no_message"}.translate().failure;
    CHECK(unknown.failure_class == FailureClass::kPermanent);
    CHECK_FALSE(unknown.message.empty());
    const Failure garbage = BridgeStage{"garbage_error"}.translate().failure;
    CHECK(garbage.failure_class == FailureClass::kTransient);
    CHECK(core::is_utf8(garbage.message));
    CHECK(BridgeStage{"stale_sink"}.translate().records.size() == 1);
}

TEST_CASE("bridge: handshakes without a proper reply are the connector's bug",
          "[plugin][bridge][B6]") {
    CHECK(BridgeStage{"no_reply"}.handshake().first.failure_class == FailureClass::kPluginBug);
    CHECK(BridgeStage{"wrong_status"}.handshake().first.failure_class == FailureClass::kPluginBug);
    CHECK(BridgeStage{"refuses"}.handshake().first.message == "not for us");
}

TEST_CASE("bridge: malformed outcomes leave the record unknown", "[plugin][bridge][B6]") {
    for (const char* mode : {"wrong_kind", "bad_utf8", "huge_length", "null_text", "short_struct",
                             "no_error", "bad_reply", "null_outcome"}) {
        INFO(mode);
        BridgeStage stage{mode};
        const WriteResult result = stage.write().get();
        REQUIRE(result.outcomes.size() == 1);
        CHECK(result.outcomes[0].kind == OutcomeKind::kUnknown);
        CHECK(result.outcomes[0].failure.failure_class == FailureClass::kPluginBug);
        stage.stop();
        CHECK(stage.misbehaviours() == 1);
    }
}

TEST_CASE("bridge: a completion counts once, whatever follows it", "[plugin][bridge][B7]") {
    for (const auto& [mode, count] : {std::pair{"completes_twice", 1u},
                                      {"outcome_twice", 1u},
                                      {"wrong_index", 1u},
                                      {"stale_handles", 1u},
                                      {"foreign_thread", 1u},
                                      {"inside", 2u},
                                      {"after_destroy", 1u}}) {
        INFO(mode);
        BridgeStage stage{mode};
        const WriteResult result = stage.write().get();
        REQUIRE(result.outcomes.size() == 1);
        CHECK(result.outcomes[0].kind == OutcomeKind::kDone);
        CHECK(stage.translate().records.size() == 1);  // still in service
        stage.stop();
        CHECK(stage.misbehaviours() == count);
    }
}

TEST_CASE("bridge: whatever is thrown, and wherever, stays with the connector [B1]",
          "[plugin][bridge][B1]") {
    const std::string how = GENERATE("_std", "_int", "_foreign");
    INFO(how);
    const auto mode = [&](const char* where) { return where + how; };
    for (const char* where : {"init", "start"}) {
        INFO(where);
        BridgeStage stage{""};
        InstanceOptions options;
        options.settings = {{"mode", mode(where)}};
        const auto refused = stage.catalog->start("chaos", options);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().is(kStartFailed));
        CHECK(stage.translate().records.size() == 1);  // the other account goes on
    }
    for (const char* where : {"translate", "handshake", "write", "posted", "done"}) {
        INFO(where);
        BridgeStage stage{mode(where).c_str()};
        const std::string_view place = where;
        if (place == "translate") {
            CHECK(stage.translate().failure.failure_class == FailureClass::kPluginBug);
        } else if (place == "handshake") {
            CHECK(stage.handshake().first.failure_class == FailureClass::kPluginBug);
        } else {
            auto written = stage.write(std::chrono::milliseconds{200});
            if (place == "done") stage.http->answer(stage.http->wait(), response(200, "fine"));
            CHECK(written.get().outcomes.at(0).kind == OutcomeKind::kUnknown);
        }
        CHECK(stage.misbehaviours() >= 1);
        stage.stop(std::chrono::milliseconds{200});
        stage.instance = stage.start("");
        CHECK(stage.translate().records.size() == 1);
    }
    for (const char* where : {"stop", "destroy"}) {
        INFO(where);
        BridgeStage stage{mode(where).c_str()};
        stage.stop(std::chrono::milliseconds{200});
        CHECK(stage.misbehaviours() >= 1);
    }
}

TEST_CASE("bridge: the host may be called from inside its own calls [B8]", "[plugin][bridge][B8]") {
    BridgeStage stage{"re_entrant"};
    const WriteResult result = stage.write().get();
    CHECK(result.outcomes.at(0).kind == OutcomeKind::kDone);
    CHECK(stage.http->open_count() == 0);  // what it sent and cancelled has ended
    CHECK(stage.translate().records.size() == 1);
    stage.stop();
    CHECK(stage.misbehaviours() == 0);
}

TEST_CASE("bridge: a header that would become two is refused, and nothing is sent [E10]",
          "[plugin][bridge][E10]") {
    BridgeStage stage{"split_header"};
    const WriteResult result = stage.write().get();
    CHECK(result.outcomes.at(0).kind == OutcomeKind::kFailed);
    CHECK(stage.http->requests.empty());
    stage.stop();
}

TEST_CASE("bridge: a record without an outcome is unknown", "[plugin][bridge]") {
    BridgeStage stage{"no_outcomes"};
    for (const Outcome& outcome : stage.write(std::chrono::seconds{60}, 3).get().outcomes) {
        CHECK(outcome.kind == OutcomeKind::kUnknown);
    }
    stage.stop();
}

TEST_CASE("bridge: a batch that the connector refuses had no effect", "[plugin][bridge]") {
    const auto refused = BridgeStage{"refuses"}.write().get();
    CHECK(refused.outcomes.at(0).kind == OutcomeKind::kFailed);
    CHECK(refused.outcomes.at(0).failure.message == "not today");
    CHECK(BridgeStage{"throws"}.write().get().outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(BridgeStage{"bad_url"}.write().get().outcomes.at(0).kind == OutcomeKind::kFailed);
    const auto too_many = BridgeStage{""}.write(std::chrono::seconds{60}, 11).get();
    REQUIRE(too_many.outcomes.size() == 11);
    CHECK(too_many.outcomes[0].kind == OutcomeKind::kNotAttempted);
    CHECK(BridgeStage{""}.write(std::chrono::seconds{60}, 0).get().outcomes.empty());
}

TEST_CASE("bridge: a write that fails brings the last response that arrived for it",
          "[plugin][bridge][answer]") {
    BridgeStage stage{"twice_http"};
    auto failed = stage.write();
    stage.http->answer(stage.http->wait(), response(404, "the first"));
    stage.http->answer(stage.http->wait(), response(422, "no such user"));
    WriteResult result = failed.get();
    CHECK(result.outcomes.at(0).kind == OutcomeKind::kFailed);
    REQUIRE(result.answer);
    CHECK(result.answer->request == "POST https://api.example.com/v1");
    CHECK(result.answer->status == 422);
    CHECK(result.answer->content_type == "text/plain");
    CHECK(result.answer->body == "no such user");

    // An exchange that ended without one takes nothing away.
    auto cut_off = stage.write();
    stage.http->answer(stage.http->wait(), response(200, "so far so good"));
    stage.http->cancel(stage.http->wait());
    result = cut_off.get();
    CHECK(result.outcomes.at(0).kind == OutcomeKind::kUnknown);
    REQUIRE(result.answer);
    CHECK(result.answer->body == "so far so good");

    // The next write knows nothing of it.
    auto unanswered = stage.write();
    stage.http->cancel(stage.http->wait());
    stage.http->cancel(stage.http->wait());
    CHECK_FALSE(unanswered.get().answer);
    stage.stop();
    CHECK(stage.misbehaviours() == 0);
}

TEST_CASE("bridge: nothing of a response is kept when every record is done",
          "[plugin][bridge][answer]") {
    BridgeStage stage{"http"};
    auto written = stage.write();
    stage.http->answer(stage.http->wait(), response(200, "fine"));
    const WriteResult result = written.get();
    CHECK(result.outcomes.at(0).kind == OutcomeKind::kDone);
    CHECK_FALSE(result.answer);
    stage.stop();
}

TEST_CASE("bridge: past its timeout a write is cancelled and keeps what is known",
          "[plugin][bridge]") {
    BridgeStage stage{"http"};
    auto waiter = stage.write(std::chrono::milliseconds{20});
    const WriteResult result = waiter.get();
    CHECK(result.outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(result.outcomes[0].failure.failure_class ==
          FailureClass::kCancelled);  // the connector's own words
    CHECK(stage.http->open_count() == 0);
    stage.stop();
    CHECK(stage.misbehaviours() == 0);
}

TEST_CASE("bridge: an operation that never completes is unknown after the grace",
          "[plugin][bridge][B4]") {
    for (const char* mode : {"never_completes", "deaf_http"}) {
        INFO(mode);
        BridgeStage stage{mode};
        const WriteResult result = stage.write(std::chrono::milliseconds{20}).get();
        CHECK(result.outcomes.at(0).kind == OutcomeKind::kUnknown);
        CHECK(result.outcomes[0].failure.failure_class == FailureClass::kDeadline);
        CHECK(stage.http->open_count() == 0);
        CHECK(stage.translate().records.size() == 1);
        stage.stop(
            std::chrono::milliseconds{50});  // the operation is still open: it is left behind
    }
}

TEST_CASE("bridge: an operation that was given up sends nothing more", "[plugin][bridge][B4]") {
    BridgeStage stage{"sends_on"};
    const WriteResult result = stage.write(std::chrono::milliseconds{20}).get();
    CHECK(result.outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(stage.translate().records.size() == 1);  // behind the end of what was called off
    CHECK(stage.http->requests.size() == 1);
    stage.stop(std::chrono::milliseconds{50});
}

TEST_CASE("bridge: an event that the connector calls off is its bug", "[plugin][bridge]") {
    BridgeStage stage{"calls_off"};
    const Failure failure = stage.translate().failure;
    CHECK(failure.failure_class == FailureClass::kPluginBug);
    CHECK_THAT(failure.message, Catch::Contains("not now"));
    CHECK(stage.misbehaviours() == 1);
}

TEST_CASE("bridge: of an instance that was not made nothing stays", "[plugin][bridge]") {
    Site site;
    site.install("no_instance", "chaos");
    const auto catalog = site.open();
    const auto http = std::make_shared<FakeHttp>();
    for (int i = 0; i < 2; ++i) {
        InstanceOptions options;
        if (i == 0) options.http = http;  // let go when the next one is looked at
        const auto started = catalog->start("chaos", std::move(options));
        REQUIRE_FALSE(started.has_value());
        CHECK(started.error().is(kStartFailed));
    }
    CHECK(http.use_count() == 1);
}

TEST_CASE("bridge: stop cancels what is open and comes after every completion",
          "[plugin][bridge]") {
    BridgeStage stage{"http"};
    auto waiter = stage.write();
    stage.http->wait();
    stage.stop();
    REQUIRE(waiter.is_ready());
    CHECK(waiter.get().outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(stage.http->open_count() == 0);

    // What comes later completes, too.
    CHECK(stage.translate().failure.failure_class == FailureClass::kCancelled);
    CHECK(stage.write().get().outcomes.at(0).kind == OutcomeKind::kNotAttempted);
    stage.stop();
}

TEST_CASE("bridge: a connector that does not stop is left behind at the deadline",
          "[plugin][bridge][B10]") {
    BridgeStage stage{"never_stopped"};
    stage.stop(std::chrono::milliseconds{20});
    CHECK(stage.translate().failure.failure_class == FailureClass::kCancelled);
    // The other accounts on the generation go on.
    stage.instance = stage.start("");
    CHECK(stage.translate().records.size() == 1);
    stage.stop();
}

TEST_CASE("bridge: `stopped` from inside stop is taken, with work open it is not",
          "[plugin][bridge]") {
    BridgeStage idle{"stopped_early"};
    idle.stop();
    CHECK(idle.misbehaviours() == 0);

    BridgeStage busy{"stopped_early"};
    const auto before = busy.write(std::chrono::hours{1});
    busy.stop();
    CHECK(before.is_ready());
}

TEST_CASE("bridge: a call that does not return takes its generation out of service, no more",
          "[plugin][bridge][B4]") {
    const syncline::test::TempDir gates;
    const auto gate = gates / "closed";  // its end lets the stuck thread go on
    write_file(gate, "");
    BridgeStage stage{"", std::chrono::milliseconds{200}};
    const auto other = stage.instance;
    InstanceOptions options;
    options.settings = {{"mode", "block"}, {"gate", gate.string()}};
    stage.instance = stage.catalog->start("chaos", options).value();
    Waiter<std::vector<Translation>> blocked;
    auto request = std::make_shared<WebhookRequest>();
    request->body = "{}";
    stage.instance->translate({request}, blocked.callback());
    auto behind = stage.write();

    CHECK(blocked.get().at(0).failure.failure_class == FailureClass::kPluginBug);
    CHECK(behind.get().outcomes.at(0).kind == OutcomeKind::kNotAttempted);
    stage.instance = other;
    CHECK(stage.translate().failure.failure_class != FailureClass::kNone);
    const auto again = stage.catalog->start("chaos", {});
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().is(kStartFailed));
    stage.stop();
    stage.catalog.reset();
}

TEST_CASE("bridge: a catalog that goes stops its instances first", "[plugin][bridge]") {
    BridgeStage stage{"http"};
    auto waiter = stage.write();
    stage.http->wait();
    stage.catalog.reset();
    REQUIRE(waiter.is_ready());
    CHECK(stage.translate().failure.failure_class ==
          FailureClass::kCancelled);  // completes all the same
}

TEST_CASE("bridge: many calls from many threads complete once each", "[plugin][bridge][threads]") {
    BridgeStage stage{""};
    std::vector<std::shared_ptr<Instance>> instances{stage.instance, stage.start(""),
                                                     stage.start("http")};
    std::atomic<int> completions{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                const auto& instance = instances[static_cast<std::size_t>(i) % instances.size()];
                auto request = std::make_shared<WebhookRequest>();
                request->body = "{}";
                instance->translate({request}, [&](std::vector<Translation>) { ++completions; });
                WriteBatch batch;
                batch.stream = "things";
                batch.records.push_back({record::Operation::kUpsert, "k", "{}", "", false});
                instance->write(std::move(batch), [&](WriteResult) { ++completions; });
                if (i == 100 && instance == instances[1]) {
                    instance->stop(std::chrono::seconds{60}, [] {});
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    stage.catalog.reset();  // stops them: what is open completes before that
    CHECK(completions == 4 * 200 * 2);
}
