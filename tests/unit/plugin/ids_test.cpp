// The id map as a connector sees it.
#include <boost/json/object.hpp>
#include <map>
#include <string_view>

#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "support/catch.hpp"

namespace json = boost::json;
using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

// What is durable.
struct Kept final : IdMap {
    void get(std::string name_space, std::vector<std::string> keys,
             std::function<void(Result<std::vector<std::string>>)> done) override {
        std::vector<std::string> values;
        for (const std::string& key : keys) {
            const auto at = ids.find(name_space + "/" + key);
            values.push_back(at == ids.end() ? "" : at->second);
        }
        done(std::move(values));
    }
    void keep(const std::vector<IdMapping>& mappings) {
        for (const IdMapping& id : mappings) ids[id.name_space + "/" + id.key] = id.value;
    }
    std::map<std::string, std::string> ids;
};

struct IdsStage {
    Site site;
    std::shared_ptr<Kept> kept = std::make_shared<Kept>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    const char* connector;

    explicit IdsStage(const char* of = "mapper") : connector(of) {
        site.install(connector);
        catalog = Catalog::open(site.options()).value();
        instance = start(kept).value();
    }
    Result<std::shared_ptr<Instance>> start(std::shared_ptr<IdMap> ids, json::object more = {}) {
        InstanceOptions options;
        options.account = "shop";
        options.http = http;
        options.settings = std::move(more);
        if (connector == std::string_view{"keeper"}) options.settings["base_url"] = "http://x/";
        options.ids = std::move(ids);
        return catalog->start(connector, options);
    }
    Waiter<WriteResult> begin(const std::string& key, const std::string& value) {
        Waiter<WriteResult> waiter;
        WriteBatch batch;
        batch.stream = "things";
        batch.records.resize(1);
        batch.records[0].key = key;
        batch.records[0].body = value;
        instance->write(std::move(batch), waiter.callback());
        return waiter;
    }
    WriteResult write(const std::string& key, const std::string& value) {
        return begin(key, value).get();
    }
};

// A map that answers when the test says so.
struct Late final : IdMap {
    using Done = std::function<void(Result<std::vector<std::string>>)>;
    void get(std::string, std::vector<std::string>, Done done) override {
        asked.callback()(std::move(done));
    }
    Waiter<Done> asked;
};

}  // namespace

TEST_CASE("ids: a connector sees its own at once, and they go with the results", "[plugin][ids]") {
    IdsStage stage;
    const WriteResult first = stage.write("a", "1");
    CHECK(first.outcomes.at(0).destination_key == "-1---");
    REQUIRE(first.ids.size() == 1);
    CHECK(first.ids[0].name_space == "lists");
    CHECK(first.ids[0].key == "a");
    CHECK(first.ids[0].value == "1");
    // Not durable yet: it is seen all the same.
    CHECK(stage.write("b", "2").outcomes.at(0).destination_key == "-1-2-");
    stage.kept->keep(first.ids);
    first.ids_kept();
    CHECK(stage.write("b", "3").outcomes.at(0).destination_key == "-1-3-");
    stage.kept->ids["lists/a"] = "9";  // what is durable counts from then on
    CHECK(stage.write("b", "4").outcomes.at(0).destination_key == "-9-4-");
}

TEST_CASE("ids: what an operation put is undone when nothing was done", "[plugin][ids]") {
    IdsStage stage;
    stage.kept->ids["lists/a"] = "1";
    const WriteResult failed = stage.write("fails", "2");
    CHECK(failed.outcomes.at(0).failure.message == "-2---");  // it saw it meanwhile
    CHECK(failed.ids.empty());
    CHECK(stage.write("b", "3").outcomes.at(0).destination_key == "-1-3-");
}

TEST_CASE("ids: what one version put and is not durable yet, the next one sees",
          "[plugin][ids][swap]") {
    IdsStage stage;
    const WriteResult first = stage.write("a", "1");
    const std::string other = read_file(fixture("mapper")) + '\n';  // of the same version
    write_file(stage.site.file("mapper"), other);
    stage.catalog->refresh(std::stop_token{});
    REQUIRE(stage.catalog->swaps().taken.value() == 1);
    CHECK(stage.write("b", "2").outcomes.at(0).destination_key == "-1-2-");
    stage.kept->keep(first.ids);
    first.ids_kept();
    stage.kept->ids["lists/a"] = "9";
    CHECK(stage.write("b", "3").outcomes.at(0).destination_key == "-9-3-");
}

TEST_CASE("ids: without a map there is no such service", "[plugin][ids]") {
    IdsStage stage;
    const auto started = stage.start(nullptr);
    REQUIRE(started.has_error());
    CHECK_THAT(started.error().what(), Catch::Contains("unsupported"));
}

TEST_CASE("ids in C++: what was put is found at once, and goes with the results", "[plugin][ids]") {
    IdsStage stage{"keeper"};
    const WriteResult first = stage.write("a", "1");
    CHECK(first.outcomes.at(0).destination_key == "1-");
    REQUIRE(first.ids.size() == 1);
    CHECK(first.ids[0].name_space == "lists");
    CHECK(first.ids[0].key == "a");
    CHECK(first.ids[0].value == "1");
    CHECK(stage.write("b", "2").outcomes.at(0).destination_key == "12");
    stage.kept->keep(first.ids);
    first.ids_kept();
    stage.kept->ids["lists/a"] = "9";
    CHECK(stage.write("b", "3").outcomes.at(0).destination_key == "93");

    const WriteResult erased = stage.write("erases", "");
    CHECK(erased.outcomes.at(0).destination_key == "-3");
    CHECK(erased.ids.at(0).value.empty());
}

TEST_CASE("ids in C++: what an operation put is undone when nothing was done", "[plugin][ids]") {
    IdsStage stage{"keeper"};
    stage.kept->ids["lists/a"] = "1";
    const WriteResult failed = stage.write("fails", "2");
    CHECK(failed.outcomes.at(0).kind == OutcomeKind::kFailed);
    CHECK(failed.outcomes.at(0).failure.message == "2-");
    CHECK(failed.ids.empty());
    CHECK(stage.write("b", "3").outcomes.at(0).destination_key == "13");
}

TEST_CASE("ids in C++: a problem with the map is the failure of the record", "[plugin][ids]") {
    IdsStage stage{"keeper"};
    CHECK(stage.write(std::string(241, 'k'), "1").outcomes.at(0).failure.failure_class ==
          FailureClass::kPluginBug);
    CHECK(stage.write("a", std::string(1025, '1')).outcomes.at(0).failure.failure_class ==
          FailureClass::kPluginBug);

    const auto late = std::make_shared<Late>();
    stage.instance = stage.start(late).value();
    auto write = stage.begin("a", "1");
    const Late::Done done = late->asked.get();
    done(Error{kFileUnreadable, "it ends"});
    CHECK(write.get().outcomes.at(0).failure.failure_class == FailureClass::kCancelled);

    stage.instance = stage.start(nullptr).value();
    CHECK(stage.write("a", "1").outcomes.at(0).failure.failure_class == FailureClass::kUnsupported);
}

TEST_CASE("ids in C++: a stop waits for what was looked up", "[plugin][ids]") {
    IdsStage stage{"keeper"};
    const auto late = std::make_shared<Late>();
    stage.instance = stage.start(late).value();
    auto write = stage.begin("a", "1");
    const Late::Done done = late->asked.get();
    Waiter<bool> stopped;
    stage.instance->stop(std::chrono::seconds{60}, [over = stopped.callback()] { over(true); });
    done(std::vector<std::string>{"", ""});
    // The second lookup is refused.
    CHECK(write.get().outcomes.at(0).failure.failure_class == FailureClass::kCancelled);
    CHECK(stopped.get());
}

TEST_CASE("ids in C++: a cancelled operation looks nothing up any more", "[plugin][ids]") {
    IdsStage stage{"keeper"};
    auto write = stage.begin("asks", "1");
    stage.http->wait();
    Waiter<bool> stopped;
    stage.instance->stop(std::chrono::seconds{60}, [over = stopped.callback()] { over(true); });
    CHECK(write.get().outcomes.at(0).failure.failure_class == FailureClass::kCancelled);
    CHECK(stopped.get());
}

TEST_CASE("typed settings: the host checks by the schema that was made of the struct",
          "[plugin][settings]") {
    IdsStage stage{"keeper"};
    const auto refused = [&](json::object settings) {
        const auto started = stage.start(stage.kept, std::move(settings));
        return started.has_error() ? std::string{started.error().what()} : std::string{};
    };
    CHECK_THAT(refused({{"limit", 10}}),
               Catch::Contains("/limit: must be an integer, at least 1, at most 9"));
    CHECK_THAT(refused({{"name_space", ""}}), Catch::Contains("/name_space: must be a string"));
    CHECK_THAT(refused({{"colour", 1}}), Catch::Contains("/colour: is not a known setting"));
    CHECK_THAT(refused({{"limit", 7}}), Catch::Contains("7 is too many"));
    CHECK(refused({{"limit", 9}, {"name_space", "others"}}).empty());
}
