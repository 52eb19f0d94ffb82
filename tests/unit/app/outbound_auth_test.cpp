#include "app/outbound_auth.hpp"

#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;

namespace {

config::AccountAuth bearer(std::vector<std::string> hosts) {
    return {auth::Bearer{core::Secret{"t0ken"}}, std::move(hosts), {}};
}

http_client::EgressPolicy policy() {
    http_client::EgressPolicy policy;
    policy.hosts = {"*.example.com"};
    return policy;
}

std::string authorization(const app::OutboundAuth& auth, std::string url) {
    plugin::HttpRequest request;
    request.method = "GET";
    request.url = std::move(url);
    REQUIRE(auth.add_to(request).has_value());
    for (const auto& [name, value] : request.headers)
        if (name == "Authorization") return value;
    return {};
}

}  // namespace

TEST_CASE("outbound auth: credentials go to the hosts of the settings only", "[app][auth]") {
    test::FakeClock clock;
    http_client::EgressPolicy egress = policy();
    REQUIRE(http_client::grant(egress, "http://127.0.0.1:9100/api").has_value());
    const app::OutboundAuth auth{bearer({}), egress, clock};
    CHECK(authorization(auth, "http://127.0.0.1:9100/x") == "Bearer t0ken");
    CHECK(authorization(auth, "https://api.example.com/x").empty());
    CHECK(authorization(auth, "https://127.0.0.1.example.com/x").empty());
    CHECK(authorization(auth, "https://other.example/x").empty());
}

TEST_CASE("outbound auth: nothing goes in the clear but where the settings' own URL is http",
          "[app][auth]") {
    test::FakeClock clock;
    http_client::EgressPolicy egress;
    REQUIRE(http_client::grant(egress, "https://api.example.com/v1").has_value());
    REQUIRE(http_client::grant(egress, "http://127.0.0.1:9100/v1").has_value());
    for (const std::vector<std::string>& named :
         {std::vector<std::string>{}, {"api.example.com", "127.0.0.1"}}) {
        const app::OutboundAuth auth{bearer(named), egress, clock};
        CHECK(authorization(auth, "https://api.example.com/next") == "Bearer t0ken");
        CHECK(authorization(auth, "http://api.example.com/next").empty());
        CHECK(authorization(auth, "http://api.example.com:81/next").empty());
        CHECK(authorization(auth, "http://127.0.0.1:9100/next") == "Bearer t0ken");
        CHECK(authorization(auth, "http://127.0.0.1:9101/next").empty());
    }
}

TEST_CASE("outbound auth: without hosts in the settings, those of the manifest get it",
          "[app][auth]") {
    test::FakeClock clock;
    const app::OutboundAuth auth{bearer({}), policy(), clock};
    CHECK(authorization(auth, "https://api.example.com/x") == "Bearer t0ken");
    CHECK(authorization(auth, "https://example.com.evil.example/x").empty());
    CHECK(authorization(auth, "http://api.example.com/x").empty());  // in the clear
}

TEST_CASE("outbound auth: hosts that are named are the only ones", "[app][auth]") {
    test::FakeClock clock;
    http_client::EgressPolicy egress = policy();
    egress.literal_hosts = {"api.example.com"};
    const app::OutboundAuth auth{bearer({"eu.example.com"}), egress, clock};
    CHECK(authorization(auth, "https://eu.example.com/x") == "Bearer t0ken");
    CHECK(authorization(auth, "https://api.example.com/x").empty());
}

TEST_CASE("outbound auth: what the connector wrote itself is replaced", "[app][auth]") {
    test::FakeClock clock;
    const app::OutboundAuth auth{bearer({"h.example"}), policy(), clock};
    plugin::HttpRequest request;
    request.method = "GET";
    request.url = "https://h.example/";
    request.headers = {{"authorization", "Bearer mine"}, {"X-Other", "1"}};
    REQUIRE(auth.add_to(request).has_value());
    CHECK(request.headers == plugin::Headers{{"X-Other", "1"}, {"Authorization", "Bearer t0ken"}});
}

TEST_CASE("outbound auth: each attempt has a nonce of its own and the hub's time", "[app][auth]") {
    test::FakeClock clock;
    auth::OAuth1 oauth1;
    oauth1.consumer_key = "c";
    oauth1.consumer_secret = core::Secret{"s"};
    const app::OutboundAuth auth{{oauth1, {"h.example"}, {}}, policy(), clock};
    const std::string first = authorization(auth, "https://h.example/");
    const std::string second = authorization(auth, "https://h.example/");
    CHECK(first != second);
    CHECK(first.find("oauth_timestamp=\"" + std::to_string(clock.wall_ns() / 1'000'000'000)) !=
          std::string::npos);
}
