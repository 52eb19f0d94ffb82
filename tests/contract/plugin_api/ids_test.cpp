// Ids of a connector in C++, against the fake host and against one that breaks the rules.
#include <string>
#include <vector>

#include "bare_host.hpp"
#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

using syncline::Task;
using syncline::test::plugin_of;
using syncline::testing::FakeHost;

namespace {

// Puts the record's key, looks keys up as the body says: "one", "none", or "many".
class Mapper final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(syncline::Batch& batch) override {
        const syncline::WriteRecord record = batch[0];
        const syncline::Ids ids{batch.stream()};
        co_await ids.put(record.key(), "7");
        std::vector<std::string> keys;
        if (record.body() == "many") keys.resize(1001, "k");
        if (record.body() == "one") keys = {"k", "l"};
        const auto found = co_await ids.find_all(std::move(keys));
        std::string all;
        for (const auto& each : found) all += each.value_or("-");
        record.done(all);
    }
};

// Puts outside of any write.
class Early final : public syncline::Connector {
    syncline::Status start() override {
        spawn(put());
        return {};
    }
    Task<> put() {
        const syncline::Ids ids{"lists"};
        log(SYNCLINE_LOG_INFO, co_await ids.find("k") ? "there" : "not there");
        co_await ids.put("k", "v");
    }
};

// Waits for an id that is looked up.
class Asker final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(syncline::Batch& batch) override {
        const syncline::Ids ids{"lists"};
        const auto found = co_await ids.find("k");
        batch[0].done(*found);
    }
};

}  // namespace

TEST_CASE("ids: what is too long is refused, and a lookup of nothing finds nothing", "[ids]") {
    FakeHost host{plugin_of<Mapper>()};
    host.ids.map["lists"]["l"] = "8";
    const auto outcome = [&](std::string stream, std::string key, std::string body) {
        return host.write(std::move(stream), {{SYNCLINE_UPSERT, std::move(key), std::move(body)}})
            ->outcomes.at(0);
    };
    CHECK(outcome("lists", "k", "one").destination_key == "78");
    CHECK(outcome("others", "l", "one").destination_key == "-7");
    CHECK(outcome("lists", "k", "none").kind == SYNCLINE_DONE);
    CHECK(host.violations.empty());
    CHECK(outcome("lists", "k", "many").failure.failure_class == SYNCLINE_E_PLUGIN_BUG);
    CHECK(outcome("lists", "", "one").failure.failure_class == SYNCLINE_E_PLUGIN_BUG);
    CHECK(outcome("lists", std::string(241, 'k'), "one").kind == SYNCLINE_FAILED);
    CHECK(outcome(std::string(65, 'n'), "k", "one").kind == SYNCLINE_FAILED);
    CHECK(host.violations.size() == 4);
}

TEST_CASE("ids: they are put by a write alone", "[ids]") {
    FakeHost host{plugin_of<Early>()};
    host.stop();
    REQUIRE(host.log_lines.size() == 2);
    CHECK(host.log_lines[0] == "not there");
    CHECK_THAT(host.log_lines[1], Catch::Contains("the write operation is over"));
}

TEST_CASE("ids: a host that has none, or finds too many, is told so", "[ids]") {
    syncline::test::BareHost host{plugin_of<Asker>()};
    CHECK(host.write() == SYNCLINE_OK);
    CHECK(host.outcomes.at(0) == SYNCLINE_FAILED);

    syncline::test::BareHost other{plugin_of<Asker>(), true};
    CHECK(other.write() == SYNCLINE_OK);
    REQUIRE(other.lookups.size() == 1);
    const syncline_str values[2] = {{"1", 1}, {"2", 1}};
    const auto& ids = other.table<syncline_plugin_idmap>(SYNCLINE_IDMAP_ID);
    ids.found(other.instance, other.lookups[0], values, 2, nullptr);
    CHECK(other.outcomes.at(0) == SYNCLINE_FAILED);
    ids.found(other.instance, 99, values, 1, nullptr);
    CHECK_THAT(other.log_lines.at(0), Catch::Contains("unknown call"));

    CHECK(other.write() == SYNCLINE_OK);
    other.destroy();  // while it waits
    CHECK(other.outcomes.size() == 1);
}
