#include <sys/un.h>

#include <cstring>

#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;
using test::kGood;
using test::with_line;

TEST_CASE("load: the example of the documentation has no problems", "[config][load]") {
    test::FakeSource source;
    source.variables["ACME_DMP_KEY"] = "k3y";
    const std::filesystem::path folder = SYNCLINE_TEST_DATA;

    const Loaded loaded = load(folder / "example.yaml", source);

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const Config& config = *loaded.config;
    CHECK(config.hub.data_dir == (folder / "data"));
    CHECK(config.hub.connectors_dir == (folder / "connectors"));
    CHECK(config.hub.admin_socket == (folder / "data/admin.sock"));
    CHECK(config.hub.listen_address == "127.0.0.1");
    CHECK(config.hub.listen_port == 8080);
    REQUIRE(config.accounts.size() == 2);
    CHECK(config.accounts.at("acme-dmp").connector == "mapp-dmp");
    CHECK(config.accounts.at("pangolin").settings.at("base_url") == "http://127.0.0.1:9100");
    REQUIRE(config.connections.size() == 1);
    const Connection& connection = config.connections.front();
    CHECK(connection.name == "audiences");
    CHECK(connection.from.account == "acme-dmp");
    CHECK(connection.to.stream == "audience_memberships");
    REQUIRE(connection.webhook.has_value());
    CHECK(connection.webhook->name == "acme-dmp");
    CHECK(connection.webhook->success_status == 200);
    REQUIRE(connection.webhook->verify.size() == 1);
    CHECK(connection.webhook->verify[0].keys.at(0).value.equals("k3y"));
    REQUIRE(connection.map.size() == 2);
    CHECK(connection.map[0].field == "audience");
    CHECK(connection.map[0].expression.text == ".audience");
    CHECK(connection.map[1].field == "user");
    CHECK_FALSE(connection.when.has_value());
}

TEST_CASE("load: all problems of one file are told at once, in its order", "[config][load]") {
    const ConfigFixture fixture;

    const Found problems = fixture.problems(R"(version: 2
hub:
  conectors_dir: ./connectors
  data_dir: ./data
  listen: localhost
  limits: { connections_max: many }
acounts: {}
accounts:
  acme: { connector: mapp-dmp, settings: { token: "${NOT_SET}", size: 99999999999999999999 } }
  Acme Two: { connector: mapp-dmp }
connections:
  c:
    from: { account: acne, stream: s }
    to: { account: acme }
    triggers: { webhook: { name: x, success_status: 404 } }
    when: [a]
    deliver: { batch_records: 0, batch_records: 1 }
    deliver: { batch_wait: 1 }
)");

    CHECK(problems ==
          Found{"1:10 config.version", "3:3 config.unknown_key", "3:3 config.missing_key",
                "5:11 config.address", "6:30 config.type", "7:1 config.unknown_key",
                "9:52 config.variable_unset", "9:71 config.value", "10:3 config.value",
                "13:22 config.unknown_account", "14:9 config.missing_key",
                "15:26 config.verify_missing", "15:53 config.value", "16:11 config.type",
                "17:31 config.value", "17:34 config.duplicate", "18:5 config.duplicate"});
}

TEST_CASE("load: an error says file, line, column, code and advice in one line", "[config][load]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(kGood + "    delivr: {}\n");

    REQUIRE(loaded.problems.size() == 1);
    CHECK_FALSE(loaded.config.has_value());
    CHECK(loaded.problems[0].error.to_string() ==
          fixture.file().string() +
              ":21:5: config.unknown_key: `connections.c.delivr` is not a key "
              "(did you mean `deliver`?)");
    CHECK(loaded.problems[0].error.exit_code() == core::ExitCode::kInvalidInput);
}

TEST_CASE("load: a missing, unreadable or oversized file is one problem", "[config][load]") {
    const ConfigFixture fixture;

    const Loaded missing = load(fixture.folder() / "none.yaml", fixture.source);
    const Loaded folder = load(fixture.folder(), fixture.source);
    const Loaded large = fixture.load(std::string(4 * 1024 * 1024 + 1, '\n'));

    REQUIRE(missing.problems.size() == 1);
    CHECK(missing.problems[0].error.is(kFileMissing));
    CHECK(missing.problems[0].error.where() == (fixture.folder() / "none.yaml").string());
    REQUIRE(folder.problems.size() == 1);
    CHECK(folder.problems[0].error.is(kFileUnreadable));
    REQUIRE(large.problems.size() == 1);
    CHECK(large.problems[0].error.is(kFileUnreadable));
}

TEST_CASE("load: JSON is the same tree", "[config][load]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(
        "{\n\t\"version\": 1,\n\t\"hub\": {\"data_dir\": \"d\", \"connectors_dir\": \"c\",\n"
        "\t\t\"limits\": {\"connections_max\": 7}},\n"
        "\t\"accounts\": {\"a\": {\"connector\": \"x\", \"settings\": {\"on\": true, \"n\": "
        "null}}}\n}");

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    CHECK(loaded.config->hub.limits.connections_max == 7);
    CHECK(loaded.config->accounts.at("a").settings.at("on") == true);
    CHECK(loaded.config->accounts.at("a").settings.at("n").is_null());
}

TEST_CASE("load: an empty file and one that is no map are told so", "[config][load]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems("") == Found{"1:1 config.type"});
    CHECK(fixture.problems("# nothing\n") == Found{"1:1 config.type"});
    CHECK(fixture.problems("- a\n") == Found{"1:1 config.type"});
    CHECK(fixture.problems("{}") == Found{"1:1 config.missing_key", "1:1 config.missing_key"});
}

TEST_CASE("load: accounts, connections and settings may be empty", "[config][load]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(
        "version: 1\nhub: { data_dir: d, connectors_dir: c }\nconnections:\naccounts:\n  a:\n"
        "    connector: x\n    settings:\n");

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    CHECK(loaded.config->connections.empty());
    CHECK(loaded.config->accounts.at("a").settings.empty());
}

TEST_CASE("load: a key of the product that this version lacks is refused with a clear message",
          "[config][load]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(kGood + "    was: x\n");
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].error.is(kUnknownKey));
    CHECK(loaded.problems[0].error.what().find("not part of this version") != std::string::npos);
    CHECK(fixture.problems(kGood + "    deliver: { deletes: mirror }\n") ==
          Found{"21:16 config.unknown_key"});
    CHECK(fixture.problems(with_line(16, "    triggers:\n      schedule: {}")) ==
          Found{"17:7 config.unknown_key"});
}

TEST_CASE("load: the addresses that the hub listens on are checked", "[config][load]") {
    const ConfigFixture fixture;
    const auto with_listen = [&](const std::string& value) {
        return fixture.load(with_line(5, "  listen: \"" + value + "\""));
    };

    const Loaded v6 = with_listen("[::1]:0");
    REQUIRE(v6.config.has_value());
    CHECK(v6.config->hub.listen_address == "::1");
    CHECK(v6.config->hub.listen_port == 0);
    const Loaded variable = with_listen("127.0.0.1:${PORT}");
    REQUIRE(variable.config.has_value());
    CHECK(variable.config->hub.listen_port == 9000);
    for (const std::string wrong :
         {"", "8080", ":8080", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
          "127.0.0.1:-1", "::1:80", "[::1:80", "[]:80"}) {
        CAPTURE(wrong);
        const Loaded loaded = with_listen(wrong);
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].error.is(kBadAddress));
    }
}

TEST_CASE("load: plain HTTP beyond loopback has to be written [G4]", "[config][load][G4]") {
    const ConfigFixture fixture;
    const auto problems = [&](const std::string& address, const std::string& more = "") {
        return fixture.problems(with_line(5, "  listen: \"" + address + "\"" + more));
    };
    for (const char* loopback : {"127.0.0.1:1", "127.9.8.7:1", "[::1]:1", "[::ffff:127.0.0.1]:1"}) {
        INFO(loopback);
        CHECK(problems(loopback) == Found{});
    }
    for (const char* open : {"0.0.0.0:1", "[::]:1", "192.168.1.1:1", "128.0.0.1:1", "[fe80::1]:1",
                             "[::ffff:10.0.0.1]:1"}) {
        INFO(open);
        CHECK(problems(open) == Found{"5:11 config.plain_listener"});
        CHECK(problems(open, "\n  allow_plain: true") == Found{});
        CHECK(problems(open, "\n  allow_plain: false") == Found{"5:11 config.plain_listener"});
        CHECK(problems(open, "\n  tls: { certificate: c.pem, key: k.pem }") == Found{});
    }
    CHECK(problems("127.0.0.1:1", "\n  allow_plain: \"true\"") == Found{"6:16 config.type"});
    CHECK(problems("127.0.0.1:1", "\n  allow_plain: yes") == Found{"6:16 config.type"});
}

TEST_CASE("load: TLS needs a certificate and a key", "[config][load]") {
    const ConfigFixture fixture;
    const auto load = [&](const std::string& tls) {
        return fixture.load(with_line(5, "  listen: \"0.0.0.0:1\"\n  tls: " + tls));
    };
    const Loaded loaded = load("{ certificate: run/../c.pem, key: /etc/k.pem }");
    REQUIRE(loaded.config.has_value());
    const std::optional<Tls>& tls = loaded.config->hub.tls;
    REQUIRE(tls.has_value());
    CHECK(tls->certificate == fixture.folder() / "c.pem");
    CHECK(tls->key == "/etc/k.pem");
    CHECK(tls->certificate_at.column == 23);
    CHECK(tls->key_at.line == 6);
    for (const auto& [text, code] :
         {std::pair{"{ certificate: c.pem }", "config.missing_key"},
          {"{ key: k.pem }", "config.missing_key"},
          {"{ certificate: c.pem, key: \"\" }", "config.value"},
          {"{ certificate: c.pem, key: k.pem, ciphers: all }", "config.unknown_key"},
          {"on", "config.type"}}) {
        INFO(text);
        const Loaded wrong = load(text);
        REQUIRE(wrong.problems.size() == 1);
        CHECK(wrong.problems[0].error.code() == code);
    }
}

TEST_CASE("load: webhooks come in on a Unix socket of bounded length", "[config][load]") {
    const ConfigFixture fixture;
    const auto with_listen = [&](const std::string& value, const std::string& more = "") {
        return fixture.load(with_line(5, "  listen: \"" + value + "\"" + more));
    };

    for (const char* more : {"", "\n  allow_plain: true"}) {
        const Loaded relative = with_listen("unix:./run/../hub.sock", more);
        INFO(test::all_messages(relative));
        REQUIRE(relative.config.has_value());
        CHECK(relative.config->hub.listen_socket == fixture.folder() / "hub.sock");
        CHECK(relative.config->hub.admin_socket == fixture.folder() / "data/admin.sock");
    }
    CHECK(with_listen("unix:/run/${PORT}.sock").config->hub.listen_socket == "/run/9000.sock");
    const std::string other_admin = "\n  admin: { listen: \"unix:a/../hub.sock\" }";
    CHECK(with_listen("unix:data/admin.sock", other_admin).config.has_value());
    for (const auto& [wrong, more] :
         {std::pair{std::string{"unix:"}, ""},
          {"unix:/" + std::string(sizeof(sockaddr_un::sun_path) - 1, 'x'), ""},
          {"unix:./data/admin.sock", ""},
          {"unix:hub.sock", other_admin.c_str()},
          {"unix:hub.sock", "\n  tls: { certificate: c.pem, key: k.pem }"}}) {
        CAPTURE(wrong, more);
        const Loaded loaded = with_listen(wrong, more);
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].error.is(kBadAddress));
        CHECK(loaded.problems[0].at.line == 5);
    }
}

TEST_CASE("load: who calls over a Unix socket can't be known by an address", "[config][load]") {
    const ConfigFixture fixture;
    std::string text = with_line(20, "          - { scheme: address, allow: [192.0.2.1] }");
    CHECK(fixture.problems(text) == Found{});
    text.replace(text.find("127.0.0.1:8080"), std::strlen("127.0.0.1:8080"), "unix:hub.sock");
    CHECK(fixture.problems(text) == Found{"20:13 config.value"});
}

TEST_CASE("load: the admin API listens on a Unix socket of bounded length", "[config][load]") {
    const ConfigFixture fixture;
    const auto with_admin = [&](const std::string& value) {
        return fixture.load(with_line(5, "  admin: { listen: \"" + value + "\" }"));
    };

    const Loaded relative = with_admin("unix:./run/../a.sock");
    REQUIRE(relative.config.has_value());
    CHECK(relative.config->hub.admin_socket == fixture.folder() / "a.sock");
    for (const std::string& wrong : {std::string{"127.0.0.1:9000"}, std::string{"unix:"},
                                     "unix:/" + std::string(sizeof(sockaddr_un::sun_path), 'x')}) {
        CAPTURE(wrong);
        const Loaded loaded = with_admin(wrong);
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].error.is(kBadAddress));
    }
}

TEST_CASE("load: numbers have ranges, and quotes make a text of them", "[config][load]") {
    const ConfigFixture fixture;
    const auto code = [&](const std::string& value) {
        const Found problems =
            fixture.problems(kGood + "    deliver: { batch_records: " + value + " }\n");
        return problems.empty() ? std::string{} : problems.at(0);
    };

    CHECK(code("1").empty());
    CHECK(code("0x10").empty());
    CHECK(code("\"${PORT}\"").empty());
    CHECK(code("100000").empty());
    CHECK(code("0") == "21:31 config.value");
    CHECK(code("-1") == "21:31 config.value");
    CHECK(code("100001") == "21:31 config.value");
    CHECK(code("\"5\"") == "21:31 config.type");
    CHECK(code("5.0") == "21:31 config.type");
    CHECK(code("--5") == "21:31 config.type");
    CHECK(code("99999999999999999999") == "21:31 config.type");
    CHECK(code("{}") == "21:31 config.type");
    CHECK(code("") == "21:16 config.type");
    CHECK(code("\"${KEY}\"") == "21:31 config.type");
}

TEST_CASE("load: delivery and limits are read into their units", "[config][load]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(
        with_line(5,
                  "  limits: { connections_max: 5, connections_per_ip_max: 0, "
                  "pending_bytes_max: 1048576, unapplied_bytes_max: 2097152, "
                  "history_bytes_max: 0 }") +
        "    deliver: { batch_records: 1, batch_bytes: 2, batch_wait_ms: 3, concurrency: 4, "
        "attempts_max: 5, retry_base_ms: 6, retry_max_ms: 7, timeout_ms: 8 }\n");

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const ServerLimits& limits = loaded.config->hub.limits;
    CHECK(limits.connections_max == 5);
    CHECK(limits.connections_per_ip_max == 0);
    CHECK(limits.pending_bytes_max == 1048576);
    CHECK(limits.unapplied_bytes_max == 2097152);
    CHECK(limits.history_bytes_max == 0);
    const Deliver& deliver = loaded.config->connections[0].deliver;
    CHECK(deliver.batch_records == 1);
    CHECK(deliver.batch_bytes == 2);
    CHECK(deliver.batch_wait.count() == 3);
    CHECK(deliver.concurrency == 4);
    CHECK(deliver.attempts_max == 5);
    CHECK(deliver.retry_base.count() == 6);
    CHECK(deliver.retry_max.count() == 7);
    CHECK(deliver.timeout.count() == 8);
}

TEST_CASE("load: the longest wait between attempts is not shorter than the first",
          "[config][load]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems(kGood + "    deliver: { retry_base_ms: 9, retry_max_ms: 8 }\n") ==
          Found{"21:48 config.value"});
    CHECK(fixture.problems(kGood + "    deliver: { retry_base_ms: 999999 }\n") ==
          Found{"21:31 config.value"});
}

TEST_CASE("load: an unknown account suggests the one that was meant", "[config][load]") {
    const ConfigFixture fixture;

    const Loaded near = fixture.load(with_line(15, "    to: { account: pengolin, stream: s }"));
    const Loaded far = fixture.load(with_line(15, "    to: { account: zebra, stream: s }"));

    REQUIRE(near.problems.size() == 1);
    CHECK(near.problems[0].error.is(kUnknownAccount));
    CHECK(near.problems[0].error.remedy() == "did you mean `pangolin`?");
    REQUIRE(far.problems.size() == 1);
    CHECK(far.problems[0].error.remedy() == "add the account under `accounts`");
}

TEST_CASE("load: names are short and of few characters", "[config][load]") {
    const ConfigFixture fixture;
    const auto is_name = [&](const std::string& name) {
        const Loaded loaded = fixture.load(with_line(13, "  " + name + ":"));
        return loaded.config.has_value();
    };

    CHECK(is_name("a"));
    CHECK(is_name("0-a_b"));
    CHECK(is_name(std::string(63, 'a')));
    CHECK_FALSE(is_name(std::string(64, 'a')));
    CHECK_FALSE(is_name("-a"));
    CHECK_FALSE(is_name("A"));
    CHECK_FALSE(is_name("a.b"));
    CHECK_FALSE(is_name("a/b"));
    CHECK_FALSE(is_name("\"\""));
}

TEST_CASE("load: mappings keep their order and must say something", "[config][load]") {
    const ConfigFixture fixture;

    const Loaded loaded =
        fixture.load(kGood + "    map:\n      z: .z\n      a: 1\n      m: \"true\"\n");
    REQUIRE(loaded.config.has_value());
    const auto& map = loaded.config->connections[0].map;
    REQUIRE(map.size() == 3);
    CHECK(map[0].field == "z");
    CHECK(map[1].field == "a");
    CHECK(map[1].expression.text == "1");
    CHECK(map[2].field == "m");
    CHECK(fixture.problems(kGood + "    map: {}\n") == Found{"21:10 config.type"});
    CHECK(fixture.problems(kGood + "    map: { a: , b: \" \", c: [1], \"\": .d }\n") ==
          Found{"21:12 config.type", "21:20 config.value", "21:28 config.type",
                "21:33 config.value"});
    CHECK(fixture.problems(kGood + "    when:\n") == Found{"21:5 config.type"});
}
