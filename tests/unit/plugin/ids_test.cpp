// The id map as a connector sees it.
#include <map>

#include "fixtures.hpp"
#include "support/catch.hpp"

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

struct Stage {
    Site site;
    std::shared_ptr<Kept> kept = std::make_shared<Kept>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    Stage() {
        site.install("mapper");
        catalog = Catalog::open(site.options()).value();
        instance = start(kept).value();
    }
    Result<std::shared_ptr<Instance>> start(std::shared_ptr<IdMap> ids) {
        InstanceOptions options;
        options.account = "shop";
        options.ids = std::move(ids);
        return catalog->start("mapper", options);
    }
    WriteResult write(const std::string& key, const std::string& value) {
        Waiter<WriteResult> waiter;
        WriteBatch batch;
        batch.stream = "things";
        batch.records.resize(1);
        batch.records[0].key = key;
        batch.records[0].body = value;
        instance->write(std::move(batch), waiter.callback());
        return waiter.get();
    }
};

}  // namespace

TEST_CASE("ids: a connector sees its own at once, and they go with the results", "[plugin][ids]") {
    Stage stage;
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
    Stage stage;
    stage.kept->ids["lists/a"] = "1";
    const WriteResult failed = stage.write("fails", "2");
    CHECK(failed.outcomes.at(0).failure.message == "-2---");  // it saw it meanwhile
    CHECK(failed.ids.empty());
    CHECK(stage.write("b", "3").outcomes.at(0).destination_key == "-1-3-");
}

TEST_CASE("ids: without a map there is no such service", "[plugin][ids]") {
    Stage stage;
    const auto started = stage.start(nullptr);
    REQUIRE(started.has_error());
    CHECK_THAT(started.error().what(), Catch::Contains("unsupported"));
}
