// Connectors that read records by key, verify requests by a scheme of their own, and leave answers
// to the host.
#include "core/hash.hpp"
#include "fake_http.hpp"
#include "fixtures.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

struct ReadingStage {
    Site site;
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    ReadingStage() {
        site.install("reader");
        catalog = Catalog::open(site.options()).value();
        InstanceOptions options;
        options.account = "shop";
        options.http = http;
        instance = catalog->start("reader", options).value();
    }
    Waiter<std::vector<FetchResult>> fetch(std::vector<FetchRequest> requests,
                                           std::chrono::milliseconds timeout = std::chrono::seconds{
                                               60}) {
        Waiter<std::vector<FetchResult>> waiter;
        FetchBatch batch;
        batch.stream = "things";
        batch.requests = std::move(requests);
        batch.timeout = timeout;
        instance->fetch(std::move(batch), waiter.callback());
        return waiter;
    }
    Failure verify(const std::string& body, const std::string& signature, const char* secret) {
        WebhookRequest request;
        request.path = "/p";
        request.body = body;
        request.headers = {{"x-sign", signature}};
        Waiter<Failure> waiter;
        instance->verify(std::move(request), core::Secret{secret}, waiter.callback());
        return waiter.get();
    }
};

}  // namespace

TEST_CASE("fetch: each request gets what the connector says of it", "[plugin][fetch]") {
    ReadingStage stage;
    auto results = stage.fetch({{"a", R"({"n":1})"}, {"absent", ""}, {"garbage", ""}}).get();
    REQUIRE(results.size() == 3);
    CHECK(results[0].kind == FetchKind::kFound);
    CHECK(results[0].body == R"({"n":1})");
    CHECK(results[1].kind == FetchKind::kAbsent);
    CHECK(results[2].kind == FetchKind::kFailed);
    CHECK(results[2].failure.failure_class == FailureClass::kPluginBug);
    CHECK_THAT(results[2].failure.message, Catch::Contains("is not JSON"));
}

TEST_CASE("fetch: what it throws counts for every request without a result", "[plugin][fetch]") {
    ReadingStage stage;
    auto refused = stage.fetch({{"refuse", ""}, {"a", ""}}).get();
    CHECK(refused[0].failure.message == "not now");
    CHECK(refused[1].failure.failure_class == FailureClass::kTransient);
    auto silent = stage.fetch({{"silent", ""}}).get();
    CHECK(silent[0].failure.failure_class == FailureClass::kPluginBug);
}

TEST_CASE("fetch: it may ask the platform, and past its time it is cancelled", "[plugin][fetch]") {
    ReadingStage stage;
    auto asking = stage.fetch({{"ask", ""}});
    stage.http->answer(stage.http->wait(), response(200, R"({"from":"platform"})"));
    CHECK(asking.get().at(0).body == R"({"from":"platform"})");

    auto late = stage.fetch({{"ask", ""}}, std::chrono::milliseconds{20}).get();
    CHECK(late[0].kind == FetchKind::kFailed);
    CHECK(late[0].failure.failure_class == FailureClass::kCancelled);
    CHECK(stage.http->open_count() == 0);
}

TEST_CASE("fetch: only what the manifest says can be read", "[plugin][fetch]") {
    ReadingStage stage;
    auto many = stage.fetch({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}}).get();
    CHECK(many.size() == 4);
    CHECK(many[3].failure.failure_class == FailureClass::kHostBug);
    Waiter<std::vector<FetchResult>> waiter;
    FetchBatch batch;
    batch.stream = "others";
    batch.requests = {{"a", ""}};
    stage.instance->fetch(std::move(batch), waiter.callback());
    CHECK(waiter.get().at(0).failure.failure_class == FailureClass::kUnsupported);
}

TEST_CASE("fetch: a connector that is stopped completes what is open", "[plugin][fetch]") {
    ReadingStage stage;
    auto open = stage.fetch({{"ask", ""}});
    stage.http->wait();
    Waiter<bool> stopped;
    stage.instance->stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(true); });
    CHECK(open.get().at(0).failure.failure_class == FailureClass::kCancelled);
    CHECK(stopped.get());
    CHECK(stage.fetch({{"a", "{}"}}).get().at(0).failure.failure_class == FailureClass::kCancelled);
}

TEST_CASE("verify: the connector proves with a secret that it does not see", "[plugin][verify]") {
    ReadingStage stage;
    const std::string right =
        core::to_hex(core::hmac(core::HmacDigest::kSha256, "key", "/p{\"a\":1}"));
    CHECK(stage.verify(R"({"a":1})", right, "key").failure_class == FailureClass::kNone);
    CHECK(stage.verify(R"({"a":2})", right, "key").failure_class == FailureClass::kAuthDenied);
    CHECK(stage.verify(R"({"a":1})", right, "other").failure_class == FailureClass::kAuthDenied);
    CHECK(stage.verify(R"({"a":1})", "", "key").failure_class == FailureClass::kAuthDenied);
    CHECK(stage.verify(R"({"a":1})", right, "").failure_class != FailureClass::kNone);
}

TEST_CASE("fetch: a source may name records by their keys", "[plugin][fetch]") {
    ReadingStage stage;
    auto request = std::make_shared<WebhookRequest>();
    request->body = "k";
    Waiter<std::vector<Translation>> waiter;
    stage.instance->translate({request}, waiter.callback());
    auto translations = waiter.get();
    REQUIRE(translations.at(0).records.size() == 1);
    CHECK(translations[0].records[0].operation == record::Operation::kFetch);
    CHECK(translations[0].records[0].key == "k");
    CHECK(translations[0].records[0].body.empty());
}

TEST_CASE("answer: a connector may leave the words to the host", "[plugin]") {
    ReadingStage stage;
    Waiter<Failure> waiter;
    stage.instance->answer({}, {}, [done = waiter.callback()](Failure failure, WebhookReply) {
        done(std::move(failure));
    });
    CHECK(waiter.get().failure_class == FailureClass::kUnsupported);
}
