// Connectors that read a stream page by page, and what the host makes of those that break the
// rules.
#include "fake_http.hpp"
#include "fixtures.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

struct PagesStage {
    Site site;
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    PagesStage() {
        site.install("pager");
        catalog = Catalog::open(site.options()).value();
        InstanceOptions options;
        options.account = "shop";
        options.http = std::make_shared<FakeHttp>();
        instance = catalog->start("pager", options).value();
    }
    Waiter<ReadResult> begin(ReadRequest request) {
        Waiter<ReadResult> waiter;
        instance->read(std::move(request), waiter.callback());
        return waiter;
    }
    // A page; the cursor is also what the connector does.
    ReadResult read(const std::string& cursor) {
        ReadRequest request;
        request.stream = "things";
        request.cursor = cursor;
        return begin(std::move(request)).get();
    }
};

}  // namespace

TEST_CASE("pages: a page brings records and the cursor of the next one", "[plugin][read]") {
    PagesStage stage;
    CHECK(stage.instance->manifest().can_read);
    CHECK(stage.instance->manifest().stream("things")->read_records_max == 3);

    ReadResult first = stage.read("");
    CHECK(first.failure.failure_class == FailureClass::kNone);
    REQUIRE(first.records.size() == 1);
    CHECK(first.records[0].stream == "things");
    CHECK(first.records[0].key == "k1");
    CHECK(first.records[0].body == R"({"n":1})");
    CHECK(first.has_more);
    CHECK(first.cursor == "next");

    ReadResult last = stage.read(first.cursor);
    CHECK(last.records.size() == 1);
    CHECK_FALSE(last.has_more);
    CHECK(stage.instance->misbehaviours() == 0);
}

TEST_CASE("pages: a page that fails has no records", "[plugin][read]") {
    PagesStage stage;
    const ReadResult expired = stage.read("expired");
    CHECK(expired.failure.failure_class == FailureClass::kCursorInvalid);
    CHECK(expired.failure.message == "it is too old");
    CHECK(expired.records.empty());
    CHECK(expired.cursor.empty());
    CHECK(stage.read("refuses").failure.failure_class == FailureClass::kRateLimited);
    CHECK(stage.instance->misbehaviours() == 0);
}

TEST_CASE("pages: a broken rule fails the page, and is told", "[plugin][read]") {
    PagesStage stage;
    const std::pair<const char*, const char*> cases[] = {
        {"stuck", "its cursor does not move"},
        {"to_nowhere", "its cursor does not move"},
        {"other_stream", "is of the stream \"others\", not of \"things\""},
        {"no_key", "a record has no key"},
        {"bad_json", "is not JSON"},
        {"null_record", "a record"},
        {"flood", "more than 100000 records"},
        {"too_large", "more than 67108864 bytes"},
        {"long_cursor", "a page's cursor has 20000 bytes"},
        {"bad_cursor", "a page's cursor is not UTF-8"},
        {"short_end", "a page's end"},
        {"null_end", "a page's end"},
        {"no_class", "a page's error has no class"},
        {"ends_twice", "a page has a second end"},
        {"record_behind", "behind the end of its page"},
        {"no_end", "the connector gave no outcome"},
        {"throws", "an exception escaped from read()"},
    };
    for (const auto& [mode, words] : cases) {
        INFO(mode);
        const ReadResult result = stage.read(mode);
        CHECK(result.failure.failure_class == FailureClass::kPluginBug);
        CHECK_THAT(result.failure.message, Catch::Contains(words));
        CHECK(result.records.empty());
    }
    CHECK(stage.read("").failure.failure_class == FailureClass::kNone);
}

TEST_CASE("pages: completions out of turn change nothing", "[plugin][read]") {
    PagesStage stage;
    for (const char* mode : {"completes_twice", "inside"}) {
        INFO(mode);
        const std::uint64_t before = stage.instance->misbehaviours();
        const ReadResult result = stage.read(mode);
        CHECK(result.failure.failure_class == FailureClass::kNone);
        CHECK(result.records.size() == 1);
        stage.read("");  // so that the connector has come back from the call
        CHECK(stage.instance->misbehaviours() == before + 1);
    }
}

TEST_CASE("pages: only what the manifest says can be read", "[plugin][read]") {
    PagesStage stage;
    ReadRequest changes;
    changes.stream = "others";
    changes.is_full = false;
    const ReadResult refused = stage.begin(changes).get();
    CHECK(refused.failure.failure_class == FailureClass::kUnsupported);
    CHECK_THAT(refused.failure.message, Catch::Contains("\"others\" for what has changed"));

    ReadRequest unknown;
    unknown.stream = "nothing";
    CHECK(stage.begin(unknown).get().failure.failure_class == FailureClass::kUnsupported);
    changes.stream = "things";
    CHECK(stage.begin(changes).get().failure.failure_class == FailureClass::kNone);
}

TEST_CASE("pages: past its time a page is cancelled, and so is one of a connector that stops",
          "[plugin][read]") {
    PagesStage stage;
    ReadRequest request;
    request.stream = "things";
    request.cursor = "waits";
    request.timeout = std::chrono::milliseconds{20};
    CHECK(stage.begin(request).get().failure.failure_class == FailureClass::kCancelled);

    request.timeout = std::chrono::seconds{60};
    auto open = stage.begin(request);
    Waiter<bool> stopped;
    stage.instance->stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(true); });
    CHECK(open.get().failure.failure_class == FailureClass::kCancelled);
    CHECK(stopped.get());
}
