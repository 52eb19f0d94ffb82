// What is told of two configurations.
#include "app/changes.hpp"

#include <fstream>
#include <map>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using Strings = std::vector<std::string>;

namespace {

struct Secrets final : config::SecretSource {
    std::map<std::string, std::string> values{{"KEY", "k3y"}};
    bool is_closed = false;
    mutable int closed = 0;

    std::optional<std::string> environment(const std::string& name) const override {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional{found->second};
    }
    Result<std::string> file(const std::filesystem::path&) const override { return std::string{}; }
    Result<VaultValue> vault(const config::Hub&, const std::string& name) const override {
        if (is_closed) return VaultValue{"nobody knows " + std::to_string(++closed), true};
        return VaultValue{"value of " + name};
    }
};

constexpr std::string_view kFile = R"(version: 1
hub:
  data_dir: ./data
  connectors_dir: ./connectors
  listen: 127.0.0.1:8080
accounts:
  shop: { connector: webhook, settings: { key: /id, token: "${KEY}" } }
  crm: { connector: http, settings: { url: "http://127.0.0.1:1" }, secrets: { a: "${secret:a}" } }
connections:
  people:
    from: { account: shop, stream: records }
    to: { account: crm, stream: records }
    triggers:
      webhook:
        name: shop
        verify:
          - { scheme: api_key, header: X-Key, key: "${KEY}" }
    when: .name != null
    map:
      id: .id
      email: .email
    deliver: { batch_records: 10 }
    tests:
      - given: { id: a }
        expect_filtered: true
  orders:
    from: { account: shop, stream: orders }
    to: { account: crm, stream: orders }
    triggers: { webhook: { name: orders, verify: none } }
)";

struct World {
    test::TempDir folder;
    Secrets secrets;

    config::Config load(std::string_view text) {
        const auto file = folder / "syncline.yaml";
        std::ofstream{file} << text;
        config::Loaded loaded = config::load(file, secrets);
        for (const auto& problem : loaded.problems) FAIL_CHECK(problem.error.to_string());
        return std::move(loaded.config).value();
    }
    // The file with one place changed.
    static std::string with(std::string_view old, std::string_view changed) {
        std::string text{kFile};
        const std::size_t at = text.find(old);
        REQUIRE(at != std::string::npos);
        return text.replace(at, old.size(), changed);
    }
    app::Changes changes(std::string_view next) { return app::compare(load(kFile), load(next)); }
    Strings lines(std::string_view old, std::string_view changed) {
        return changes(with(old, changed)).lines();
    }
};

}  // namespace

TEST_CASE("changes: comments, places, the order of keys and tests are no changes",
          "[app][reload]") {
    World world;
    CHECK(world.changes(kFile).empty());
    CHECK(world.lines("accounts:", "# a comment\n\naccounts:").empty());
    CHECK(world.lines("key: /id, token: \"${KEY}\"", "token: \"${KEY}\", key: /id").empty());
    CHECK(world.lines("given: { id: a }", "given: { id: b }").empty());
    CHECK(world.changes(kFile).summary() == "nothing has changed");
}

TEST_CASE("changes: what is said of a thing is told under its name", "[app][reload]") {
    World world;
    CHECK(world.lines("http://127.0.0.1:1", "http://127.0.0.1:2") ==
          Strings{"account crm: changed"});
    CHECK(world.lines("email: .email", "email: .mail") == Strings{"connection people: changed"});
    CHECK(world.lines("when: .name != null", "when: .name") ==
          Strings{"connection people: changed"});
    CHECK(world.lines("batch_records: 10", "batch_records: 11") ==
          Strings{"connection people: changed"});
    CHECK(world.lines("X-Key", "X-Token") == Strings{"webhook shop: changed"});
    CHECK(world.lines("verify: none", "verify: none, success_status: 200") ==
          Strings{"webhook orders: changed"});
}

TEST_CASE("changes: what comes and what goes is told", "[app][reload]") {
    World world;
    const std::string less{kFile.substr(0, kFile.find("  orders:"))};
    CHECK(world.changes(less).lines() ==
          Strings{"connection orders: removed", "webhook orders: removed"});
    app::Changes back = app::compare(world.load(less), world.load(kFile));
    CHECK(back.lines() == Strings{"connection orders: added", "webhook orders: added"});
    CHECK(back.summary() == "2 changes");
}

TEST_CASE("changes: a webhook of another name moves its connection", "[app][reload]") {
    World world;
    CHECK(world.lines("name: orders", "name: sales") ==
          Strings{"connection orders: changed", "webhook sales: added", "webhook orders: removed"});
}

TEST_CASE("changes: a variable counts by its value", "[app][reload]") {
    World world;
    const config::Config now = world.load(kFile);
    CHECK(app::compare(now, world.load(World::with("\"${KEY}\" } }", "k3y } }"))).lines() ==
          Strings{"account shop: changed"});  // plain or in quotes is a difference as well
    world.secrets.values["KEY"] = "another";
    CHECK(app::compare(now, world.load(kFile)).lines() ==
          Strings{"account shop: changed", "webhook shop: changed"});
}

TEST_CASE("changes: a secret that can't be opened is the same each time", "[app][reload]") {
    World world;
    world.secrets.is_closed = true;
    const config::Config now = world.load(kFile);
    CHECK(app::compare(now, world.load(kFile)).empty());
    world.secrets.is_closed = false;
    CHECK(app::compare(now, world.load(kFile)).lines() == Strings{"account crm: changed"});
}

TEST_CASE("changes: every key of the hub that differs is named", "[app][reload]") {
    World world;
    const std::string hub =
        "hub:\n  data_dir: ./other\n  connectors_dir: ./others\n  listen: 127.0.0.1:8081\n"
        "  vault: { key_file: ./key }\n"
        "  limits: { connections_max: 10, connections_per_ip_max: 5, pending_bytes_max: 1048576,\n"
        "            unapplied_bytes_max: 1048576, history_bytes_max: 0 }\n";
    std::string text{kFile};
    const std::size_t begin = text.find("hub:"), end = text.find("accounts:");
    const app::Changes changes = world.changes(text.replace(begin, end - begin, hub));
    CHECK(changes.needs_restart ==
          Strings{"hub.data_dir", "hub.connectors_dir", "hub.listen", "hub.vault.key_file",
                  "hub.limits.connections_max", "hub.limits.connections_per_ip_max",
                  "hub.limits.pending_bytes_max", "hub.limits.unapplied_bytes_max",
                  "hub.limits.history_bytes_max"});
    CHECK(changes.lines().empty());
    CHECK_FALSE(changes.empty());
    const app::Changes socket =
        world.changes(World::with("./data\n", "./data\n  admin: { listen: \"unix:a.sock\" }\n"));
    CHECK(socket.needs_restart == Strings{"hub.admin.listen"});
    const app::Changes listen = world.changes(World::with("127.0.0.1:8080", "unix:hub.sock"));
    CHECK(listen.needs_restart == Strings{"hub.listen"});
}
