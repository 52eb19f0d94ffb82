// Checks and discoveries in the C++ layer, against the fake host.
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

using namespace syncline;
using syncline::testing::FakeHost;

namespace {

std::vector<DiscoveredStream> one_stream() {
    DiscoveredStream stream;
    stream.name = "orders";
    stream.title = "Orders";
    stream.fields.push_back({.name = "total", .type = "number", .is_required = true});
    return {stream};
}
constexpr const char* kOneStream =
    R"([{"name":"orders","title":"Orders","fields":[{"name":"total","type":"number",)"
    R"("required":true,"key":false}]}])";

class Acme final : public Connector, public CredentialChecker, public StreamDiscoverer {
  public:
    Task<Status> check() override {
        const Response response = co_await http::get("https://acme.example/me");
        if (response.status() == 418) throw std::runtime_error("a teapot");
        if (!response.is_success()) co_return response.refusal("Acme");
        co_return Status{};
    }
    Task<std::vector<DiscoveredStream>> discover() override {
        const Response response = co_await http::get("https://acme.example/streams");
        if (!response.is_success()) throw response.refusal("Acme");
        co_return one_stream();
    }
};

// Knows without asking.
class Knowing final : public Connector, public CredentialChecker {
  public:
    Task<Status> check() override { co_return Failure{SYNCLINE_E_CONFIG, "no key is set"}; }
};

class Waiting final : public Connector, public BlockingChecker, public BlockingDiscoverer {
  public:
    Status check() override {
        const Response response = fetch({"GET", "https://acme.example/me", {}, ""});
        if (!response.is_success()) return response.refusal("Acme");
        return {};
    }
    std::vector<DiscoveredStream> discover() override {
        if (!fetch({"GET", "https://acme.example/streams", {}, ""}).is_success())
            throw Failure{SYNCLINE_E_TRANSIENT, "not now"};
        return one_stream();
    }
};

template <typename Type>
const syncline_plugin& asked() {
    static const syncline_plugin plugin = detail::describe<Type>(syncline_str SYNCLINE_STR("{}"));
    return plugin;
}

}  // namespace

TEST_CASE("ask: what check() returns or throws is the outcome", "[plugin_api][ask]") {
    FakeHost host{asked<Acme>()};
    const auto good = host.check();
    CHECK_FALSE(good->is_complete);
    CHECK(host.open_operations() == 1);
    host.respond(200, "{}");
    CHECK(good->is_complete);
    CHECK(good->failure.failure_class == SYNCLINE_OK);

    const auto denied = host.check();
    host.respond(401, "{}");
    CHECK(denied->failure.failure_class == SYNCLINE_E_AUTH_DENIED);
    const auto lost = host.check();
    host.fail({SYNCLINE_E_TRANSIENT, "no way there"}, false);
    CHECK(lost->failure.failure_class == SYNCLINE_E_TRANSIENT);
    const auto thrown = host.check();
    host.respond(418, "{}");
    CHECK(thrown->failure.failure_class == SYNCLINE_E_PLUGIN_BUG);
    CHECK(thrown->failure.message == "a teapot");
    CHECK(host.violations.empty());
}

TEST_CASE("ask: a check that waits for nothing is completed all the same", "[plugin_api][ask]") {
    FakeHost host{asked<Knowing>()};
    const auto known = host.check();
    CHECK(known->is_complete);
    CHECK(known->failure.message == "no key is set");
    CHECK(host.violations.empty());
}

TEST_CASE("ask: a discovery becomes JSON", "[plugin_api][ask]") {
    FakeHost host{asked<Acme>()};
    const auto found = host.discover();
    host.respond(200, "{}");
    CHECK(found->is_complete);
    CHECK(found->failure.failure_class == SYNCLINE_OK);
    CHECK(found->streams == kOneStream);
    const auto failed = host.discover();
    host.respond(500, "");
    CHECK(failed->failure.failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(failed->streams.empty());
    CHECK(host.violations.empty());
}

TEST_CASE("ask: a question that is open when the connector stops is cancelled",
          "[plugin_api][ask]") {
    FakeHost host{asked<Acme>()};
    const auto open = host.check();
    const auto other = host.discover();
    host.stop();
    CHECK(open->is_complete);
    CHECK(open->failure.failure_class == SYNCLINE_E_CANCELLED);
    CHECK(other->failure.failure_class == SYNCLINE_E_CANCELLED);
    CHECK(host.is_stopped());
    CHECK(host.violations.empty());
}

TEST_CASE("ask: in the blocking style the answer is there at once", "[plugin_api][ask]") {
    FakeHost host{asked<Waiting>()};
    host.will_respond(200, "{}");
    CHECK(host.check()->failure.failure_class == SYNCLINE_OK);
    host.will_respond(403, "{}");
    CHECK(host.check()->failure.failure_class == SYNCLINE_E_AUTH_DENIED);
    host.will_respond(200, "{}");
    CHECK(host.discover()->streams == kOneStream);
    host.will_respond(500, "{}");
    CHECK(host.discover()->failure.message == "not now");
}
