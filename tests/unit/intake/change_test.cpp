// Other routes take over while requests come.
#include "fixture.hpp"
#include "intake/errc.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

Route route_of(World& world, const std::string& name, const std::string& key,
               const std::string& proof) {
    Route route;
    route.id = kRoute;
    route.name = name;
    route.source = world.source;
    intake::SignatureOptions signature;
    signature.header = "X-Signature";
    signature.prefix = "sha256=";
    signature.signs = "{timestamp}.{header:X-Nonce}.{body}";
    signature.timestamp = intake::TimestampOptions{"X-At", "", std::chrono::seconds{300}};
    signature.nonce_header = "X-Nonce";
    signature.keys.push_back({core::Secret{key}, std::nullopt, ""});
    route.verifiers->push_back(std::move(*Verifier::make(signature)));
    route.proof = proof;
    return route;
}

void change_to(World& world, Route route) {
    std::vector<Route> routes;
    routes.push_back(std::move(route));
    world.intake->change(std::move(routes));
}

http_server::Request with_nonce(const std::string& nonce, const std::string& key = "secret") {
    const std::string body = "{}";
    const std::string at = std::to_string(core::system_clock().wall_ns() / 1'000'000'000);
    const std::string signature = signature_of(at + "." + nonce + "." + body, key);
    return World::request(
        body, {{"x-at", at}, {"x-nonce", nonce}, {"x-signature", "sha256=" + signature}});
}

}  // namespace

TEST_CASE("change of routes: a new one serves, one that is gone is not found", "[intake][reload]") {
    World world;
    CHECK(world.send(World::signed_request("{}")).status == 207);
    const auto before = world.intake->routes();
    change_to(world, route_of(world, "other", "secret", "1"));
    CHECK(world.send(World::signed_request("{}")).status == 404);
    CHECK(world.intake->admit(World::signed_request("{}")).refusal->status == 404);
    http_server::Request request = with_nonce("n1");
    request.path = "/hooks/other";
    CHECK(world.send(std::move(request)).status == 202);
    CHECK(before->contains("shop"));
    CHECK_FALSE(world.intake->routes()->contains("shop"));
}

TEST_CASE("change of routes: a request that waits ends on the route that it found",
          "[intake][reload]") {
    World world{1 << 30, "", [](Route& route) {
                    route.answer = intake::AnswerWhen::kAlways;
                    route.answering = 3;
                    route.answer_timeout = 300ms;
                    route.late_status = 202;
                }};
    const auto waiting = world.begin(World::signed_request("{}"));
    change_to(world, route_of(world, "other", "secret", "1"));
    CHECK(world.wait(waiting).status == 202);  // its late status, not that of another
}

TEST_CASE("change of routes: what is asked for in the same way goes on, with its nonces",
          "[intake][reload][auth]") {
    World world;
    change_to(world, route_of(world, "shop", "secret", "1"));
    CHECK(world.send(with_nonce("n1")).status == 202);
    Route next = route_of(world, "shop", "secret", "1");
    next.success_status = 201;
    change_to(world, std::move(next));
    CHECK(world.send(with_nonce("n1")).status == 401);
    CHECK(world.send(with_nonce("n2")).status == 201);
    change_to(world, route_of(world, "shop", "another", "2"));
    CHECK(world.send(with_nonce("n3")).status == 401);
    CHECK(world.send(with_nonce("n4", "another")).status == 202);
}

TEST_CASE("change of routes: what is asked for in another way goes on with the nonces",
          "[intake][reload][auth]") {
    World world;
    change_to(world, route_of(world, "shop", "secret", "1"));
    CHECK(world.send(with_nonce("n1")).status == 202);
    intake::SignatureOptions other;  // a rule without nonces, before the one that has them
    other.header = "X-Signature";
    other.prefix = "sha256=";
    other.signs = "{timestamp}.{header:X-Nonce}.{body}";
    other.timestamp = intake::TimestampOptions{"X-At", "", std::chrono::seconds{300}};
    other.keys.push_back({core::Secret{"secret"}, std::nullopt, ""});
    Route next = route_of(world, "shop", "secret", "2");
    next.verifiers->insert(next.verifiers->begin(), std::move(*Verifier::make(other)));
    change_to(world, std::move(next));
    CHECK(world.send(with_nonce("n1")).status == 401);
    CHECK(world.send(with_nonce("n2")).status == 202);
    change_to(world, route_of(world, "shop", "secret", ""));  // compared with nothing
    CHECK(world.send(with_nonce("n2")).status == 401);
}

TEST_CASE("change of routes: a route that was sealed since a request was admitted does not take it",
          "[intake][reload]") {
    World world;
    Route sealed;
    sealed.id = kRoute;
    sealed.name = "shop";
    sealed.source = world.source;
    sealed.is_sealed = true;
    CHECK_FALSE(world.intake->admit(World::request("{}")).refusal.has_value());
    change_to(world, std::move(sealed));
    const auto refused = world.send(World::request("{}"));
    CHECK(refused.status == 503);
    CHECK(code_of(refused) == "intake.route_sealed");
}

TEST_CASE("change of routes: what was counted for a name stays", "[intake][reload]") {
    World world;
    http_server::Tally* const before = world.intake->admit(World::request("{}")).tally;
    REQUIRE(before != nullptr);
    change_to(world, route_of(world, "other", "secret", "1"));
    before->count(200, http_server::Refusal::kByStatus, std::nullopt);  // of what was being read
    change_to(world, route_of(world, "shop", "secret", "1"));
    CHECK(world.intake->admit(World::request("{}")).tally == before);
    CHECK(world.intake->routes()->at("shop")->tally->answers[1].value() == 1);
}
