// What the C++ layer promises a connector and the host, driven through a built library.
#include <dlfcn.h>

#include <memory>
#include <string>

#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::testing::FakeHost;
using syncline::testing::Request;

namespace {

struct Library {
    explicit Library(const char* path) : handle(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
        REQUIRE(handle != nullptr);
        plugin = static_cast<const syncline_plugin*>(dlsym(handle, SYNCLINE_PLUGIN_SYMBOL));
        REQUIRE(plugin != nullptr);
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() { dlclose(handle); }
    void* handle;
    const syncline_plugin* plugin = nullptr;
};

constexpr const char* kSettings = R"({"url":"https://x.example"})";

}  // namespace

TEST_CASE("runtime: what a connector throws becomes an error of its class",
          "[plugin_api][runtime]") {
    const Library library{THROWING_CONNECTOR};
    FakeHost host{*library.plugin, kSettings};

    const auto reply = host.handshake(Request{"GET", "", "", ""});
    CHECK(reply.status == SYNCLINE_E_PLUGIN_BUG);
    CHECK(reply.failure.message == "thrown <1>");

    const auto translation = host.translate(Request{"POST", "", "", "{}"});
    CHECK(translation.status == SYNCLINE_E_PLUGIN_BUG);
    CHECK(translation.failure.message == "thrown <2>");

    CHECK_THROWS_WITH((FakeHost{*library.plugin, R"({"init":1})"}),
                      "the connector threw something");
    CHECK_THROWS_WITH((FakeHost{*library.plugin, R"({"url":1})"}),
                      "the setting 'url' must be text");
    CHECK_THROWS_WITH((FakeHost{*library.plugin, R"({"url":)"}), Catch::Contains("settings: "));
}

TEST_CASE("runtime: a failure always has a class and a message", "[plugin_api][runtime]") {
    const Library library{THROWING_CONNECTOR};
    FakeHost host{*library.plugin, kSettings};

    CHECK(host.translate(Request{"POST", "", "", "no message"}).failure.message ==
          "the connector gave no reason");

    const auto unclassed = host.translate(Request{"POST", "", "", "no class"});
    CHECK(unclassed.status == SYNCLINE_E_PLUGIN_BUG);
    CHECK(unclassed.failure.message.size() == 511);
}

TEST_CASE("runtime: a write that throws completes once, and only what was said is known",
          "[plugin_api][runtime]") {
    const Library library{THROWING_CONNECTOR};
    FakeHost host{*library.plugin, kSettings};

    const auto now =
        host.write("now", {{SYNCLINE_UPSERT, "a", "{}"}, {SYNCLINE_UPSERT, "b", "{}"}});
    CHECK(now->status == SYNCLINE_OK);
    REQUIRE(now->is_complete);
    CHECK(now->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(now->outcomes[1].kind == SYNCLINE_FAILED);
    CHECK(now->outcomes[1].failure.message == "thrown <3>");

    const auto later =
        host.write("later", {{SYNCLINE_UPSERT, "a", "{}"}, {SYNCLINE_UPSERT, "b", "{}"}});
    host.respond(200, "");  // to the task that was spawned
    CHECK_FALSE(later->is_complete);
    REQUIRE(host.violations.size() == 1);
    CHECK(host.violations[0] == "the connector threw what=thrown <5>");

    host.respond(200, "");
    REQUIRE(later->is_complete);
    CHECK(later->outcomes[1].kind == SYNCLINE_UNKNOWN);
    CHECK(later->outcomes[1].failure.message == "thrown <4>");
    CHECK(host.violations.size() == 1);
}

TEST_CASE("runtime: a stop waits for every exchange, and then reports once",
          "[plugin_api][runtime]") {
    const Library library{THROWING_CONNECTOR};
    FakeHost host{*library.plugin, kSettings};
    const auto open = host.write("later", {{SYNCLINE_UPSERT, "a", "{}"}});
    CHECK(host.exchanges().size() == 2);

    host.stop();

    CHECK(open->is_complete);
    CHECK(host.exchanges().empty());
    CHECK(host.is_stopped());
}

TEST_CASE("runtime: tables are found by their exact id, without an instance",
          "[plugin_api][runtime]") {
    const Library pangolin{PANGOLIN_CONNECTOR};
    const auto has = [&](std::string_view id) {
        return pangolin.plugin->get_table(syncline::borrow(id)) != nullptr;
    };

    CHECK(has("syncline.write/1"));
    CHECK(has("syncline.http/1"));
    CHECK_FALSE(has("syncline.webhook/1"));
    CHECK_FALSE(has("syncline.write/2"));
    CHECK_FALSE(has("syncline.write/1 "));
    CHECK_FALSE(has(""));
}

TEST_CASE("runtime: plain C lives the same life", "[plugin_api][runtime]") {
    const Library library{MINIMAL_CONNECTOR};
    FakeHost host{*library.plugin};

    host.stop();

    CHECK(host.is_stopped());
    CHECK(host.violations.empty());
}
