#include <filesystem>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace syncline::test;
using namespace std::chrono_literals;

TEST_CASE("intake: a signed request is answered when it is durable", "[intake]") {
    World world;
    auto request = World::signed_request("{}", {{"x-other", "kept"}});
    request.method = "PUT";
    request.path = "/hooks/shop/orders/7";
    request.query = "type=ADD&x=%20";
    auto response = world.send(std::move(request));
    CHECK(response.status == 207);
    CHECK(response.body == R"({"status":"accepted","event":"1.2"})");
    auto events = world.events(1);
    REQUIRE(events.size() == 1);
    const store::Received& event = *events[0].received;
    CHECK(event.method == "PUT");
    CHECK(event.path == "/orders/7");
    CHECK(event.query == "type=ADD&x=%20");
    CHECK(event.body.text == "{}");
    CHECK(event.message_id.empty());
    // What proved the sender is not kept.
    CHECK(event.headers == http_server::Headers{{"x-other", "kept"}});
}

TEST_CASE("intake: what is not authentic gets 401 and leaves nothing", "[intake][auth]") {
    World world;
    std::string right = "sha256=" + signature_of("{}");
    for (const http_server::Headers& headers : std::vector<http_server::Headers>{
             {},
             {{"x-signature", ""}},
             {{"x-signature", "sha256=" + signature_of("{}", "another")}},
             {{"x-signature", signature_of("{}")}},
             {{"x-signature", right}, {"x-signature", right}},
         }) {
        auto response = world.send(World::request("{}", headers));
        CHECK(response.status == 401);
        CHECK(code_of(response) == "intake.not_authentic");
        CHECK(response.body.find(right) == std::string::npos);
    }
    CHECK(world.ledger(0).received == 0);
    CHECK(world.events(0).empty());
}

TEST_CASE("intake: a connector that verifies is asked after all else has held", "[intake][auth]") {
    World world{1 << 30, "", [](Route& route) { route.connector_key = core::Secret{"k"}; }};
    world.source->let_it_verify();
    auto send = [&](const std::string& query, bool is_signed = true) {
        auto request = is_signed ? World::signed_request("{}") : World::request("{}");
        request.query = query;
        return world.send(std::move(request));
    };
    CHECK(send("proof=k").status == 207);
    CHECK(world.source->last.body == "{}");
    auto refused = send("proof=x");
    CHECK(refused.status == 401);
    CHECK(code_of(refused) == "intake.not_authentic");
    CHECK(send("proof=k", false).status == 401);  // the hub's own check comes first
    world.source->fails = true;
    auto unsure = send("proof=k");
    CHECK(unsure.status == 503);
    CHECK(code_of(unsure) == "intake.not_verified");
    CHECK(world.ledger(1).received == 1);
}

TEST_CASE("intake: what proves a request to a connector is not stored", "[intake][auth]") {
    World world{1 << 30, "", [](Route& route) { route.connector_key = core::Secret{"k"}; }};
    world.source->let_it_verify();
    auto request = World::signed_request("{}");
    request.query = "a=1&proof=k&b=2";
    request.headers.emplace_back("x-proof", "also k");
    request.headers.emplace_back("X-Other", "stays");
    CHECK(world.send(std::move(request)).status == 207);
    CHECK(world.source->last.query == "a=1&proof=k&b=2");  // verify() has it
    const auto events = world.events(1);
    REQUIRE(events.size() == 1);
    const store::Received& stored = *events[0].received;
    CHECK(stored.query == "a=1&b=2");
    CHECK(stored.headers == http_server::Headers{{"X-Other", "stays"}});
}

TEST_CASE("intake: large bodies are verified beside io, small ones at once", "[intake][auth]") {
    World world;
    const std::string large(intake::kBodyOnIoBytesMax + 1, 'x');
    const auto small = world.begin(World::request("x", {{"x-signature", "sha256=00"}}));
    CHECK(small->response.has_value());
    const auto wrong = world.begin(World::request(large, {{"x-signature", "sha256=00"}}));
    CHECK_FALSE(wrong->response.has_value());
    const auto right = world.begin(World::signed_request(large));
    CHECK(world.wait(wrong).status == 401);
    CHECK(world.wait(right).status == 207);
    CHECK(world.ledger(1).received == 1);
}

TEST_CASE("intake: what costs nothing to refuse is refused before a large body is looked at",
          "[intake][auth]") {
    World world{1 << 30, "", [](Route& route) {
                    intake::AddressOptions addresses;
                    addresses.allow = {"192.0.2.0/24"};
                    route.verifiers->push_back(std::move(*Verifier::make(addresses)));
                }};
    const auto refused =
        world.begin(World::request(std::string(intake::kBodyOnIoBytesMax + 1, 'x')));
    REQUIRE(refused->response.has_value());
    CHECK(refused->response->status == 403);
}

TEST_CASE("intake: only so many requests are with the connector before anyone knows who sent them",
          "[intake][auth]") {
    World world;
    world.source->let_it_verify();
    world.source->holds = true;
    std::vector<std::shared_ptr<Exchange>> waiting;
    for (std::size_t i = 0; i < intake::kUnprovenMax; ++i)
        waiting.push_back(world.begin(World::signed_request("{}")));
    const auto refused = world.send(World::signed_request("{}"));
    CHECK(refused.status == 503);
    CHECK(code_of(refused) == "intake.too_many_wait");
    CHECK_FALSE(header_of(refused, "Retry-After").empty());
    world.source->held.back()();
    CHECK(world.wait(waiting.back()).status == 207);
    waiting.push_back(world.begin(World::signed_request("{}")));
    CHECK_FALSE(waiting.back()->response.has_value());
    world.source->held.back()();
    CHECK(world.wait(waiting.back()).status == 207);
}

TEST_CASE("intake: handshakes that wait for the connector are limited by their bytes",
          "[intake][auth]") {
    World world;
    world.source->holds = true;
    const auto handshake = [&](std::size_t bytes) {
        auto request = World::request(std::string(bytes, 'x'));
        request.query = "type=VALIDATE";
        return world.begin(std::move(request));
    };
    const auto first = handshake(intake::kUnprovenBytesMax + 1);  // alone, it is taken
    CHECK_FALSE(first->response.has_value());
    CHECK(world.wait(handshake(1)).status == 503);
    world.source->held.back()();
    CHECK(world.wait(first).status == 203);
    const auto next = handshake(intake::kUnprovenBytesMax);
    CHECK_FALSE(next->response.has_value());
    CHECK(world.wait(handshake(1)).status == 503);
    world.source->held.back()();
    CHECK(world.wait(next).status == 203);
}

TEST_CASE("intake: a repeat gets the same answer and is counted", "[intake][dedup]") {
    World world{1 << 30, "x-message-id"};
    for (const char* id : {"m1", "m1", "m2"}) {
        CHECK(world.send(World::signed_request("{}", {{"x-message-id", id}})).status == 207);
    }
    auto ledger = world.ledger(3);
    CHECK(ledger.received == 3);
    CHECK(ledger.duplicate == 1);
    CHECK(ledger.pending == 2);
    auto missing = world.send(World::signed_request("{}"));
    CHECK(missing.status == 400);
    CHECK(code_of(missing) == "intake.message_id_missing");
    CHECK(missing.refusal == http_server::Refusal::kMessageIdMissing);
    CHECK(world.ledger(3).received == 3);
}

TEST_CASE("intake: the same id a hundred times at once has one effect [F3]",
          "[intake][dedup][F3]") {
    World world{1 << 30, "x-message-id"};
    std::vector<std::shared_ptr<Exchange>> exchanges;
    for (int i = 0; i < 100; ++i) {
        exchanges.push_back(std::make_shared<Exchange>());
        world.intake->handle(World::signed_request("{}", {{"x-message-id", "m1"}}),
                             http_server::Responder{exchanges.back()});
    }
    CHECK(world.send(World::signed_request("{}", {{"x-message-id", "m2"}})).status == 207);
    CHECK(world.events(101).size() == 2);
    CHECK(world.ledger(101).duplicate == 99);
    world.io.poll();
    for (const auto& exchange : exchanges) {
        REQUIRE(exchange->response);
        CHECK(exchange->response->status == 207);  // any other makes the sender try again
    }
}

TEST_CASE("intake: an id with another body is answered as a repeat, and counted [F4]",
          "[intake][dedup][F4]") {
    World world{1 << 30, "x-message-id"};
    for (const char* body : {"{}", "{}", "{\"a\":1}", "{\"a\":2}"}) {
        CHECK(world.send(World::signed_request(body, {{"x-message-id", "m1"}})).status == 207);
    }
    auto events = world.events(4);
    REQUIRE(events.size() == 1);
    CHECK(events[0].received->body.text == "{}");
    CHECK(world.ledger(4).duplicate == 3);
    CHECK(world.store->status().altered_repeats == 2);
}

TEST_CASE("intake: JSON that was written anew has another signature [F5]", "[intake][auth][F5]") {
    World world;
    const std::string body = "{ \"b\": 1.0, \"a\": \"\\u00e4\" }\n";
    const http_server::Headers headers{{"x-signature", "sha256=" + signature_of(body)}};
    for (const char* rewritten :
         {"{\"b\":1.0,\"a\":\"\\u00e4\"}", "{ \"b\": 1.0, \"a\": \"\\u00e4\" }",
          "{ \"b\": 1, \"a\": \"\\u00e4\" }\n", "{ \"b\": 1.0, \"a\": \"\xC3\xA4\" }\n"}) {
        CAPTURE(rewritten);
        CHECK(world.send(World::request(rewritten, headers)).status == 401);
    }
    CHECK(world.send(World::request(body, headers)).status == 207);
    auto events = world.events(1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].received->body.text == body);
}

TEST_CASE("intake: an unknown route is refused before its body is read", "[intake]") {
    World world;
    for (const char* path : {"/", "/hooks", "/hooks/", "/hooks/other", "/hooks/shopping", "/x"}) {
        CAPTURE(path);
        auto request = World::signed_request("{}");
        request.path = path;
        CHECK(world.intake->admit(request).refusal.value().status == 404);
        CHECK(world.intake->admit(request).tally == nullptr);
        CHECK(code_of(world.send(std::move(request))) == "intake.unknown_route");
    }
    auto admission = world.intake->admit(World::request(""));
    CHECK_FALSE(admission.refusal);
    CHECK(admission.body_bytes_max == 512 * 1024);
    CHECK(admission.tally == world.intake->routes()->at("shop")->tally.get());
}

TEST_CASE("intake: a handshake is answered by the connector and has no effect", "[intake]") {
    World world;
    for (const char* method : {"GET", "POST"}) {
        auto request = World::request("");
        request.method = method;
        request.path = "/hooks/shop/below";
        request.query = "a=b&type=VALIDATE";
        auto response = world.send(std::move(request));
        CHECK(response.status == 203);
        CHECK(response.body == "echo:a=b&type=VALIDATE");
        CHECK(header_of(response, "Content-Type") == "text/plain");
        CHECK(world.source->last.path == "/below");
    }
    CHECK(world.events(0).empty());
    // The counts are facts of their own; the answer does not wait for them.
    CHECK(world.ledger(2).handshake == 2);
    CHECK(world.ledger(2).received == 2);

    auto other = World::request("");
    other.method = "PUT";  // no handshake: it has to prove itself
    other.query = "type=VALIDATE";
    CHECK(world.send(std::move(other)).status == 401);

    world.source->fails = true;
    auto request = World::request("");
    request.query = "type=VALIDATE";
    auto failed = world.send(std::move(request));
    CHECK(failed.status == 500);
    CHECK(code_of(failed) == "intake.handshake_failed");
}

TEST_CASE("intake: past the quota events get 503 with Retry-After", "[intake][back-pressure]") {
    World world{1};
    CHECK(world.send(World::signed_request("{}")).status == 207);
    // The backlog is known to the doors a moment later.
    auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (world.store->status().pending_bytes <= 1) {
        REQUIRE(std::chrono::steady_clock::now() < give_up);
        world.ledger(1);
    }
    for (std::size_t bytes : {std::size_t{2}, std::size_t{300 * 1024}}) {
        auto response = world.send(World::signed_request(std::string(bytes, ' ')));
        CHECK(response.status == 503);
        CHECK(header_of(response, "Retry-After") == "2");
        CHECK(code_of(response) == "store.quota");
        CHECK(response.refusal == http_server::Refusal::kQuota);
    }
    CHECK(world.ledger(1).received == 1);
    world.intake.reset();  // ends its thread: what was refused has left no file
    CHECK(std::filesystem::is_empty(world.folder / "data/bodies"));
}

TEST_CASE("intake: a large body goes through a file", "[intake]") {
    World world;
    std::string body(300 * 1024, 'x');
    CHECK(world.send(World::signed_request(body)).status == 207);
    auto events = world.events(1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].received->body.text.empty());
    CHECK(events[0].received->body.size == body.size());
    CHECK(*world.store->bodies().read(events[0].received->body) == body);
}

TEST_CASE("intake: a compressed body is verified as it came and kept decoded", "[intake][coding]") {
    World world;
    const std::string small = "{\"text\":\"" + std::string(500, 'x') + "\"}";
    std::string large;
    while (large.size() < 300 * 1024) large += "line " + std::to_string(large.size()) + "\n";
    std::uint64_t count = 0;
    for (const std::string& body : {small, large}) {
        for (const auto& [coding, name] : {std::pair{http_server::Coding::kGzip, "gzip"},
                                           {http_server::Coding::kDeflate, "deflate"}}) {
            const std::string coded = http_server::encode(coding, body).value();
            auto request =
                World::signed_request(coded, {{"content-encoding", name},
                                              {"content-length", std::to_string(coded.size())},
                                              {"x-other", "kept"}});
            CHECK_FALSE(world.intake->admit(request).refusal);
            CHECK(world.send(std::move(request)).status == 207);
            const std::vector<store::PendingEvent> events = world.events(++count);
            const store::Received& event = *events.back().received;
            CHECK((*world.store->bodies().read(event.body) == body));
            CHECK(event.body.text.empty() == (body.size() > store::kInlineBodyBytesMax));
            CHECK(event.headers == http_server::Headers{{"x-other", "kept"}});
            // Signed is what was sent, not what it stands for.
            auto wrong = World::request(coded, {{"content-encoding", name},
                                                {"x-signature", "sha256=" + signature_of(body)}});
            CHECK(world.send(std::move(wrong)).status == 401);
        }
    }
    CHECK(world.ledger(count).received == count);
}

TEST_CASE("intake: what can't be decoded, or is too large then, leaves nothing [E2]",
          "[intake][coding][E2]") {
    World world;
    const auto send = [&](const std::string& body, const std::string& coding) {
        return world.send(World::signed_request(body, {{"content-encoding", coding}}));
    };
    const std::string bomb =
        http_server::encode(http_server::Coding::kGzip, std::string(100'000, 'x')).value();
    auto refused = send(bomb, "gzip");  // below the route's limit, but 500 to 1
    CHECK(refused.status == 413);
    CHECK(code_of(refused) == "http.body_too_large");
    std::string text;
    while (text.size() <= 512 * 1024) text += std::to_string(text.size() * 7919);
    const std::string large = http_server::encode(http_server::Coding::kGzip, text).value();
    CHECK(send(large, "gzip").status == 413);
    CHECK(send("{}", "gzip").status == 400);
    CHECK(send(large.substr(0, 1000), "gzip").status == 400);
    for (const char* coding : {"br", "zstd", "gzip, gzip"}) {
        auto admission = world.intake->admit(World::request("", {{"content-encoding", coding}}));
        REQUIRE(admission.refusal);
        CHECK(admission.refusal->status == 415);
        CHECK(header_of(*admission.refusal, "Accept-Encoding") == "gzip, deflate");
    }
    CHECK(world.events(0).empty());
    CHECK(world.ledger(0).received == 0);
    world.intake.reset();  // ends its thread
    CHECK(std::filesystem::is_empty(world.folder / "data/bodies"));
}

TEST_CASE("intake: a handshake may be compressed, too", "[intake][coding]") {
    World world;
    const std::string body(200, 'x');
    const auto shake_hands = [&](std::string coded) {
        auto request = World::request(std::move(coded), {{"content-encoding", "deflate"}});
        request.path = "/hooks/shop/below";
        request.query = "type=VALIDATE";
        return world.send(std::move(request));
    };
    CHECK(shake_hands(http_server::encode(http_server::Coding::kDeflate, body).value()).status ==
          203);
    CHECK(world.source->last.body == body);
    CHECK(world.source->last.path == "/below");
    CHECK(world.source->last.headers.empty());
    CHECK(shake_hands("no deflate").status == 400);
    CHECK(world.ledger(1).handshake == 1);
}

TEST_CASE("intake: a client that goes before its answer leaves its event [E14]", "[intake][E14]") {
    World world;
    {
        auto exchange = std::make_shared<Exchange>();
        world.intake->handle(World::signed_request("{}"), http_server::Responder{exchange});
    }
    CHECK(world.ledger(1).pending == 1);
    CHECK(world.events(1).size() == 1);
}

TEST_CASE("intake: after the store has stopped requests are refused", "[intake][stop]") {
    World world;
    world.store->stop();
    auto response = world.send(World::signed_request("{}"));
    CHECK(response.status == 503);
    CHECK(code_of(response) == "store.stopping");
}
