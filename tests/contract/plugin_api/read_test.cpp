// Reading pages in the C++ layer, against the fake host.
#include <string>

#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

using namespace syncline;
using syncline::testing::FakeHost;

namespace {

// Reads what the platform says, one record a page; cursors that begin with '!' are mistakes.
class Acme final : public Connector, public PageReader {
  public:
    Task<> read(Page& page) override {
        if (page.cursor() == "!throws") throw Failure{SYNCLINE_E_CURSOR_INVALID, "too old"};
        if (page.cursor() == "!no_end") co_return;
        if (page.cursor() == "!stuck") {
            page.end(page.cursor(), true);
            co_return;
        }
        const std::string url = "https://acme.example/" + std::string{page.stream()} +
                                "?after=" + std::string{page.cursor()} +
                                "&limit=" + std::to_string(page.records_max()) +
                                (page.is_full() ? "" : "&changed");
        const Response response = co_await http::get(url);
        if (!response.is_success()) throw response.refusal("Acme");
        page.emit({.key = "k", .body = response.body()});
        page.end("after k", response.status() == 206);
    }
};

const syncline_plugin& acme() {
    static const syncline_plugin plugin = detail::describe<Acme>(syncline_str SYNCLINE_STR("{}"));
    return plugin;
}

class Waiting final : public Connector, public BlockingReader {
  public:
    void read(Page& page) override {
        const Response response = fetch({"GET", "https://acme.example/things", {}, ""});
        if (!response.is_success()) throw response.refusal("Acme");
        page.emit({.key = "k", .body = response.body()});
        page.end("", false);
    }
};

const syncline_plugin& waiting() {
    static const syncline_plugin plugin =
        detail::describe<Waiting>(syncline_str SYNCLINE_STR("{}"));
    return plugin;
}

}  // namespace

TEST_CASE("pages: what is asked for reaches the connector, and its records come back",
          "[plugin_api][read]") {
    FakeHost host{acme()};
    const auto page = host.read({"things", "k0", false, 50});
    REQUIRE(host.exchanges().size() == 1);
    CHECK(host.exchanges()[0].url == "https://acme.example/things?after=k0&limit=50&changed");
    CHECK_FALSE(page->is_complete);
    CHECK(host.open_operations() == 1);

    host.respond(206, R"({"a":1})");
    CHECK(page->is_complete);
    REQUIRE(page->records.size() == 1);
    CHECK(page->records[0].stream == "things");
    CHECK(page->records[0].key == "k");
    CHECK(page->records[0].body == R"({"a":1})");
    CHECK(page->next_cursor == "after k");
    CHECK(page->has_more);
    CHECK(host.violations.empty());
}

TEST_CASE("pages: what read() throws is the failure of the page", "[plugin_api][read]") {
    FakeHost host{acme()};
    const auto expired = host.read({"things", "!throws"});
    CHECK(expired->is_complete);
    CHECK(expired->failure.failure_class == SYNCLINE_E_CURSOR_INVALID);
    CHECK(expired->failure.message == "too old");

    const auto refused = host.read({"things"});
    host.respond(503, "");
    CHECK(refused->failure.failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(refused->records.empty());

    CHECK(host.read({"things", "!no_end"})->failure.failure_class == SYNCLINE_E_PLUGIN_BUG);
    CHECK(host.violations.empty());
}

TEST_CASE("pages: the fake host tells of a cursor that does not move", "[plugin_api][read]") {
    FakeHost host{acme()};
    host.read({"things", "!stuck"});
    REQUIRE(host.violations.size() == 1);
    CHECK(host.violations[0] == "the cursor does not move");
}

TEST_CASE("pages: a page that is cancelled ends early, and so does one of a connector that stops",
          "[plugin_api][read]") {
    FakeHost host{acme()};
    const auto cancelled = host.read({"things"});
    host.cancel_reads();
    CHECK(cancelled->is_complete);
    CHECK(cancelled->failure.failure_class == SYNCLINE_E_CANCELLED);

    const auto open = host.read({"things"});
    host.stop();
    CHECK(open->is_complete);
    CHECK(open->failure.failure_class == SYNCLINE_E_CANCELLED);
    CHECK(host.is_stopped());
    CHECK(host.violations.empty());
}

TEST_CASE("pages: the blocking style reads in straight-line code", "[plugin_api][read]") {
    FakeHost host{waiting()};
    host.will_respond(200, R"({"a":1})");
    const auto page = host.read({"things"});
    REQUIRE(page->records.size() == 1);
    CHECK(page->records[0].body == R"({"a":1})");
    CHECK_FALSE(page->has_more);

    host.will_respond(429, "");
    CHECK(host.read({"things"})->failure.failure_class == SYNCLINE_E_RATE_LIMITED);
}
