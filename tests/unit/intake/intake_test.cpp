#include "intake/intake.hpp"

#include <openssl/hmac.h>

#include <filesystem>
#include <future>

#include "core/clock.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr store::RouteId kRoute = 5;

std::string signature_of(std::string_view body, std::string_view key = "secret") {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
        constexpr char kDigits[] = "0123456789abcdef";
        hex += kDigits[digest[i] >> 4];
        hex += kDigits[digest[i] & 15];
    }
    return hex;
}

// A source whose handshakes are answered at once, by another thread's leave or not.
class Source final : public plugin::Instance {
  public:
    Source() { manifest_.handshakes.push_back({{"GET", "POST"}, {{"type", "VALIDATE"}}}); }
    const plugin::Manifest& manifest() const override { return manifest_; }
    void handshake(plugin::WebhookRequest request,
                   std::function<void(plugin::Failure, plugin::WebhookReply)> done) override {
        last = request;
        if (fails) return done({plugin::FailureClass::kTransient, "not now", "", -1}, {});
        done({}, {203, "text/plain", "echo:" + request.query});
    }
    void translate(std::vector<std::shared_ptr<const plugin::WebhookRequest>>,
                   std::function<void(std::vector<plugin::Translation>)>) override {}
    void write(plugin::WriteBatch, std::function<void(plugin::WriteResult)>) override {}
    void stop(std::chrono::milliseconds, std::function<void()> stopped) override { stopped(); }

    plugin::WebhookRequest last;
    bool fails = false;

  private:
    plugin::Manifest manifest_;
};

struct Nothing final : store::Store::Observer {
    Result<std::optional<std::chrono::nanoseconds>> on_state(store::State&) override {
        return std::optional<std::chrono::nanoseconds>{};
    }
};

struct Exchange final : http_server::Responder::Exchange {
    void respond(http_server::Response answer) override { response = std::move(answer); }
    std::optional<http_server::Response> response;
};

struct World {
    explicit World(std::uint64_t pending_bytes_max = 1 << 30, std::string message_id_header = "") {
        store::Store::Options options;
        options.data_dir = folder.path() / "data";
        options.clock = &core::system_clock();
        options.allow_unsafe_filesystem = true;
        options.map_bytes = std::uint64_t{1} << 30;
        options.pending_bytes_max = pending_bytes_max;
        options.on_fatal = [](const Error& error) { FAIL_CHECK(error.to_string()); };
        store = std::move(*store::Store::open(std::move(options)));
        REQUIRE(store->start(&observer).has_value());
        Route route;
        route.id = kRoute;
        route.name = "shop";
        route.message_id_header = std::move(message_id_header);
        route.success_status = 207;
        route.body_bytes_max = 512 * 1024;
        route.source = source;
        VerifierOptions verifier;
        verifier.signature.emplace();
        verifier.signature->header = "X-Signature";
        verifier.signature->prefix = "sha256=";
        verifier.signature->key = core::Secret{"secret"};
        route.verifiers.push_back(std::move(*Verifier::make(std::move(verifier))));
        std::vector<Route> routes;
        routes.push_back(std::move(route));
        intake = std::make_unique<Intake>(io, *store, core::system_clock(), std::move(routes));
    }
    ~World() { store->stop(); }

    static http_server::Request request(std::string body, http_server::Headers headers = {}) {
        http_server::Request request;
        request.method = "POST";
        request.path = "/hooks/shop";
        request.headers = std::move(headers);
        request.body = std::move(body);
        return request;
    }
    static http_server::Request signed_request(std::string body,
                                               http_server::Headers headers = {}) {
        headers.emplace_back("x-signature", "sha256=" + signature_of(body));
        return request(std::move(body), std::move(headers));
    }

    http_server::Response send(http_server::Request request) {
        auto exchange = std::make_shared<Exchange>();
        intake->handle(std::move(request), http_server::Responder{exchange});
        auto work = boost::asio::make_work_guard(io);
        auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!exchange->response && std::chrono::steady_clock::now() < give_up) {
            io.restart();
            io.run_one_for(100ms);
        }
        REQUIRE(exchange->response);
        return *exchange->response;
    }

    template <class Question>
    auto ask(Question question) {
        using Answer = decltype(question(std::declval<store::State&>()));
        auto promise = std::make_shared<std::promise<Answer>>();
        auto answer = promise->get_future();
        REQUIRE(store->ask(
            [promise, question](store::State& state) { promise->set_value(question(state)); }));
        REQUIRE(answer.wait_for(kPatience) == std::future_status::ready);
        return answer.get();
    }
    // An answer comes before its event is applied: waits until so many are counted.
    store::RouteLedger ledger(std::uint64_t received) {
        auto give_up = std::chrono::steady_clock::now() + kPatience;
        for (;;) {
            auto ledger = ask([](store::State& state) {
                auto at = state.route_ledgers().find(kRoute);
                return at == state.route_ledgers().end() ? store::RouteLedger{} : at->second;
            });
            if (ledger.received >= received) return ledger;
            REQUIRE(std::chrono::steady_clock::now() < give_up);
        }
    }
    // What was taken, as it stands in the state, when so many are there.
    std::vector<store::PendingEvent> events(std::uint64_t received) {
        ledger(received);
        return ask([](store::State& state) {
            return std::move(*state.take_events(kRoute, 100, 1 << 30));
        });
    }

    test::TempDir folder;
    boost::asio::io_context io;
    Nothing observer;
    std::shared_ptr<Source> source = std::make_shared<Source>();
    std::unique_ptr<store::Store> store;
    std::unique_ptr<Intake> intake;
};

std::string code_of(const http_server::Response& response) {
    auto body = record::parse_json(response.body);
    REQUIRE(body.has_value());
    return std::string{body->at("code").as_string()};
}

std::string header_of(const http_server::Response& response, std::string_view name) {
    for (const auto& [field, value] : response.headers) {
        if (field == name) return value;
    }
    return "";
}

}  // namespace

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
    CHECK(admission.tally == world.intake->routes().at("shop").tally.get());
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
