// Connectors that are not written in C or C++.
#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "plugin/live_instance.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

Translation translate(Instance& instance, const std::string& path, const std::string& body) {
    auto request = std::make_shared<WebhookRequest>();
    request->method = "POST";
    request->path = path;
    request->body = body;
    Waiter<std::vector<Translation>> waiter;
    instance.translate({request}, waiter.callback());
    return waiter.get().at(0);
}

bool is_mapped(const std::string& name) {
    return read_file("/proc/self/maps").find(name) != std::string::npos;
}

struct RustSite : Site {
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;

    RustSite() {
        write_file(file("rust-things"), read_file(SYNCLINE_RUST_CONNECTOR));
        catalog = open();
    }
    std::shared_ptr<Instance> start(boost::json::object settings = {
                                        {"base_url", "https://api.example.com/"}}) const {
        InstanceOptions options;
        options.settings = std::move(settings);
        options.http = http;
        return catalog->start("rust-things", options).value();
    }
};

WriteBatch batch_of(std::size_t count) {
    WriteBatch batch;
    batch.stream = "things";
    batch.timeout = std::chrono::hours{1};
    for (std::size_t i = 0; i < count; ++i)
        batch.records.push_back(
            {record::Operation::kUpsert, "k/ä" + std::to_string(i), "{}", "", false});
    return batch;
}

void stop(Instance& instance) {
    Waiter<int> stopped;
    instance.stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(0); });
    stopped.get();
}

}  // namespace

TEST_CASE("languages: a connector in Rust translates, and a panic is a failure of one call",
          "[plugin][languages]") {
    RustSite site;
    const auto instance = site.start();

    const Translation good = translate(*instance, "/k1", R"({"a":1})");
    CHECK(good.failure.failure_class == FailureClass::kNone);
    REQUIRE(good.records.size() == 1);
    CHECK(good.records[0].key == "k1");
    CHECK(good.records[0].stream == "things");
    CHECK(translate(*instance, "/k1", "{").failure.failure_class == FailureClass::kPermanent);
    const Translation panicked = translate(*instance, "/panic", "{}");
    CHECK(panicked.failure.failure_class == FailureClass::kPluginBug);
    CHECK(panicked.failure.message == "the connector panicked");
    CHECK(translate(*instance, "/k2", "{}").records.size() == 1);
    stop(*instance);
}

TEST_CASE("languages: a connector in Rust writes, and stops with requests open",
          "[plugin][languages]") {
    RustSite site;
    const auto instance = site.start();
    Waiter<WriteResult> written;
    instance->write(batch_of(3), written.callback());
    site.http->wait_for(3);
    for (std::uint64_t id = 1; const int status : {200, 422, 500})
        site.http->answer(id++, response(status, ""));
    const WriteResult result = written.get();
    CHECK(result.outcomes[0].kind == OutcomeKind::kDone);
    CHECK(result.outcomes[1].failure.failure_class == FailureClass::kPermanent);
    CHECK(result.outcomes[1].failure.provider_code == "422");
    CHECK(result.outcomes[2].kind == OutcomeKind::kUnknown);
    CHECK(site.http->requests[0].url == "https://api.example.com/things/%6B%2F%C3%A4%30");

    Waiter<WriteResult> open;
    instance->write(batch_of(2), open.callback());
    site.http->wait_for(2);
    stop(*instance);
    REQUIRE(open.is_ready());
    CHECK(open.get().outcomes[1].failure.failure_class == FailureClass::kCancelled);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("languages: what a connector in Rust can't begin fails as it says, and goes nowhere",
          "[plugin][languages]") {
    RustSite site;
    const auto instance = site.start({});
    Waiter<WriteResult> written;
    instance->write(batch_of(2), written.callback());
    const WriteResult result = written.get();
    REQUIRE(result.outcomes.size() == 2);
    CHECK(result.outcomes[0].failure.failure_class == FailureClass::kConfig);
    CHECK(site.http->requests.empty());
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("languages: a connector in Rust is really unloaded", "[plugin][languages]") {
    RustSite site;
    auto instance = site.start();
    CHECK(translate(*instance, "/k1", "{}").records.size() == 1);
    CHECK(is_mapped(site.root.path().string()));
    stop(*instance);
    instance.reset();
    site.catalog.reset();
    CHECK_FALSE(is_mapped(site.root.path().string()));
}

TEST_CASE("languages: a connector in Go is refused by name, before any code of it runs",
          "[plugin][languages]") {
    Site site;
    write_file(site.file("go-things"), read_file(SYNCLINE_GO_CONNECTOR));
    const auto catalog = site.open();
    REQUIRE(catalog->refusals().size() == 1);
    const Error& error = catalog->refusals()[0].error;
    CHECK(error.is(kNeedsProcess));
    CHECK(error.what().find("\"go-things\" is written in Go") != std::string::npos);
    CHECK_FALSE(is_mapped(site.root.path().string()));
}
