// Migrations, state, periodic work and signatures in the C++ layer, against the fake host.
#include <string>

#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

using namespace syncline;
using syncline::testing::FakeHost;
using syncline::testing::Services;

namespace {

constexpr std::int64_t kHourNs = 3600 * kSecondNs;

class Acme final : public Connector,
                   public StateKeeper,
                   public PeriodicWorker,
                   public RequestSigner {
  public:
    static json::Value migrate_settings(json::Value settings) {
        const std::string* url = settings.find_string("url");
        if (url == nullptr) throw Failure{SYNCLINE_E_CONFIG, "there is no `url`"};
        json::Writer migrated;
        migrated.begin_object().member("base_url", *url).end_object();
        return *json::parse(migrated.take()).value;
    }

    State save() override {
        if (session_.empty()) throw Failure{SYNCLINE_E_UNSUPPORTED, "there is no session"};
        return {"acme.session", 2, session_};
    }
    Status restore(const State& state) override {
        if (!state.is("acme.session", 2)) return unknown_state();
        if (!state.bytes.starts_with("s-")) return Failure{SYNCLINE_E_PLUGIN_BUG, "garbled"};
        session_ = state.bytes;
        return {};
    }

    Task<std::int64_t> work(std::int64_t due_ns) override {
        const Response response = co_await http::get("https://acme.example/session");
        if (!response.is_success()) throw response.refusal("Acme");
        session_ = response.body();
        if (due_ns == SYNCLINE_NO_TIME) co_return now_ns() + kHourNs;
        co_return SYNCLINE_NO_TIME;
    }

    Status sign(OutgoingRequest& request) override {
        if (session_ == "s-bad") return Failure{SYNCLINE_E_AUTH_EXPIRED, "the session is over"};
        const std::string text = std::string{request.method()} + std::string{request.url()};
        request.set("X-Signature", to_hex(secret("key").hmac(SYNCLINE_SHA256, text)));
        return {};
    }

  private:
    std::string session_;
};

class Waiting final : public Connector, public BlockingPeriodicWorker, public RequestSigner {
  public:
    std::int64_t work(std::int64_t) override {
        const Response response = fetch({"GET", "https://acme.example/session", {}, ""});
        if (!response.is_success()) throw response.refusal("Acme");
        return now_ns() + kHourNs;
    }
    Status sign(OutgoingRequest& request) override {
        request.set("X-Method", request.method());
        return {};
    }
};

template <typename Type>
const syncline_plugin& plugin_with_key() {
    static const syncline_plugin plugin = detail::describe<Type>(
        syncline_str SYNCLINE_STR(R"({"secrets": [{"name": "key", "reason": "signs"}]})"));
    return plugin;
}

Services with(std::optional<State> state = {}) {
    Services services;
    services.secrets["key"] = "a key";
    services.state = std::move(state);
    return services;
}

}  // namespace

TEST_CASE("migrate: settings of old become those of now, or a failure", "[plugin_api][handover]") {
    const syncline_plugin& plugin = plugin_with_key<Acme>();
    CHECK(testing::migrate(plugin, R"({"url":"https://x"})") == R"({"base_url":"https://x"})");
    for (const char* unknown : {"{}", "[]", "no JSON"}) {
        INFO(unknown);
        try {
            testing::migrate(plugin, unknown);
            FAIL("it was migrated");
        } catch (const Failure& failure) {
            CHECK(failure.failure_class == SYNCLINE_E_CONFIG);
        }
    }
    CHECK(plugin_with_key<Waiting>().get_table(borrow(SYNCLINE_MIGRATE_ID)) == nullptr);
}

TEST_CASE("state: what one version saves another restores", "[plugin_api][handover]") {
    FakeHost old{plugin_with_key<Acme>(), "{}", with()};
    CHECK_THROWS_AS(old.save(), Failure);
    old.work();
    old.respond(200, "s-1");
    const State saved = old.save();
    CHECK(saved.is("acme.session", 2));
    FakeHost next{plugin_with_key<Acme>(), "{}", with(saved)};
    CHECK(next.save().bytes == "s-1");
    CHECK(old.violations.empty());
}

TEST_CASE("state: what is not known is none, and what is garbled keeps from starting",
          "[plugin_api][handover]") {
    FakeHost other{plugin_with_key<Acme>(), "{}", with(State{"acme.session", 3, "s-1"})};
    CHECK_THROWS_AS(other.save(), Failure);
    CHECK_THROWS_WITH(
        (FakeHost{plugin_with_key<Acme>(), "{}", with(State{"acme.session", 2, "?"})}), "garbled");
}

TEST_CASE("work: a turn says when the next one is due", "[plugin_api][handover]") {
    FakeHost host{plugin_with_key<Acme>(), "{}", with()};
    const auto first = host.work();
    CHECK_FALSE(first->is_complete);
    host.respond(200, "s-1");
    CHECK(first->is_complete);
    CHECK(first->next_due_ns == host.now_ns + kHourNs);
    const auto second = host.work_after(*first);
    CHECK(host.now_ns == first->next_due_ns);
    host.respond(200, "s-2");
    CHECK(second->next_due_ns == SYNCLINE_NO_TIME);
    const auto failed = host.work();
    host.respond(429, "", {{"retry-after", "7"}});
    CHECK(failed->failure.failure_class == SYNCLINE_E_RATE_LIMITED);
    CHECK(failed->failure.retry_after_ms == 7000);
    const auto open = host.work();
    host.stop();
    CHECK(open->failure.failure_class == SYNCLINE_E_CANCELLED);
    CHECK(host.violations.empty());
}

TEST_CASE("sign: every request is signed, or not sent", "[plugin_api][handover]") {
    FakeHost host{plugin_with_key<Acme>(), "{}", with()};
    host.work();
    const auto headers = host.exchanges().at(0).headers;
    REQUIRE(headers.size() == 1);
    CHECK(headers[0].first == "X-Signature");
    CHECK(headers[0].second.size() == 64);
    host.respond(200, "s-bad");
    const auto unsigned_turn = host.work();
    CHECK(unsigned_turn->is_complete);
    CHECK(unsigned_turn->failure.failure_class == SYNCLINE_E_AUTH_EXPIRED);
    CHECK(host.exchanges().empty());
    CHECK(host.violations.empty());
}

TEST_CASE("work and sign: the blocking style", "[plugin_api][handover]") {
    FakeHost host{plugin_with_key<Waiting>()};
    host.will_respond(200, "");
    CHECK(host.work()->next_due_ns == host.now_ns + kHourNs);
    const testing::Headers expected{{"X-Method", "GET"}};
    CHECK(host.fetched.at(0).headers == expected);
    host.will_respond(500, "");
    CHECK(host.work()->failure.failure_class == SYNCLINE_E_TRANSIENT);
}
