// An issuer that publishes its keys, as a test wants it to.
#include "app/key_sets.hpp"

#include <functional>

#include "http_client/errc.hpp"
#include "http_server/server.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace std::chrono_literals;
using app::KeySets;
using app::KeySetTimes;

namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr std::chrono::hours kNever{1000};

std::string key(const std::string& id) {
    return R"({"kty":"EC","crv":"P-256","kid":")" + id +
           R"(","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
           R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
}

struct Issuer final : http_server::Handler {
    explicit Issuer(boost::asio::io_context& io)
        : server(std::move(*http_server::Server::listen(io, *this, {}))) {}
    http_server::Admission admit(const http_server::Request&) override { return {}; }
    void handle(http_server::Request request, http_server::Responder respond) override {
        ++asked;
        target = request.target;
        if (is_silent) return waiting.push_back(std::move(respond));
        respond(answer());
    }
    http_server::Response answer() const {
        http_server::Response response;
        response.status = status;
        response.body = body;
        return response;
    }
    std::string url() const {
        return "http://127.0.0.1:" + std::to_string(server->port()) + "/keys?a=b";
    }

    int status = 200;
    std::string body = "{\"keys\":[" + key("1") + "]}";
    bool is_silent = false;
    int asked = 0;
    std::string target;
    std::vector<http_server::Responder> waiting;
    std::unique_ptr<http_server::Server> server;
};

struct KeySetWorld {
    explicit KeySetWorld(KeySetTimes times = patient()) : issuer(io), client(io) {
        sets = std::make_unique<KeySets>(io, client, clock, times);
    }
    ~KeySetWorld() { sets.reset(); }

    // Nothing happens by itself.
    static KeySetTimes patient() {
        KeySetTimes times;
        times.refresh = times.retry_first = times.retry_max = kNever;
        times.ask_again = 60s;
        times.life = 24h;
        times.timeout = 10s;
        return times;
    }
    std::shared_ptr<intake::TokenKeys> open() {
        auto opened = sets->open(issuer.url());
        REQUIRE(opened.has_value());
        return *opened;
    }
    void run_until(const std::function<bool()>& condition) {
        const auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < give_up);
            io.run_one_for(100ms);
        }
    }
    const app::KeySetMetrics& metrics() const { return *sets->metrics().at(issuer.url()); }
    void run_until_fetched(std::uint64_t times) {
        run_until([&] { return metrics().fetched.value() == times; });
    }
    void run_until_failed(std::uint64_t times) {
        run_until([&] { return metrics().failed.value() == times; });
    }

    test::FakeClock clock;
    boost::asio::io_context io;
    Issuer issuer;
    http_client::Client client;
    std::unique_ptr<KeySets> sets;
};

std::string name_of(const intake::TokenKeys& keys) {
    const auto current = keys.current();
    return current && current->size() == 1 ? current->front().id : "";
}

}  // namespace

TEST_CASE("key sets: the keys are fetched at once and in the background", "[app][jwks]") {
    KeySetWorld world;
    const auto keys = world.open();
    CHECK(keys->current() == nullptr);
    world.run_until_fetched(1);
    CHECK(name_of(*keys) == "1");
    CHECK(world.issuer.target == "/keys?a=b");
    CHECK(world.metrics().keys == 1);
    CHECK(world.open() == keys);
    CHECK(world.issuer.asked == 1);
}

TEST_CASE("key sets: a fetch that fails leaves the last keys, for a day", "[app][jwks]") {
    KeySetWorld world;
    const auto keys = world.open();
    world.run_until_fetched(1);
    const std::string whole = world.issuer.body;
    const std::pair<int, std::string> answers[] = {
        {500, whole},
        {404, whole},
        {302, ""},
        {200, ""},
        {200, "[]"},
        {200, R"({"keys":[]})"},
        {200, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}"},
        {200, whole + std::string(300 * 1024, ' ')},
    };
    std::uint64_t failures = 0;
    for (const auto& [status, body] : answers) {
        CAPTURE(status, body.substr(0, 40));
        world.issuer.status = status;
        world.issuer.body = body;
        world.clock.advance(60s);
        REQUIRE(keys->ask_again());
        world.run_until_failed(++failures);
        CHECK(name_of(*keys) == "1");
    }
    world.clock.advance(24h - 60s * failures - 1ns);
    CHECK(name_of(*keys) == "1");
    world.clock.advance(1ns);
    CHECK(keys->current() == nullptr);
}

TEST_CASE("key sets: an unknown key is asked for once a minute", "[app][jwks]") {
    KeySetWorld world;
    const auto keys = world.open();
    world.run_until_fetched(1);
    world.issuer.body = "{\"keys\":[" + key("2") + "]}";
    CHECK_FALSE(keys->ask_again());
    world.clock.advance(60s - 1ns);
    CHECK_FALSE(keys->ask_again());
    world.clock.advance(1ns);
    CHECK(keys->ask_again());
    CHECK(keys->ask_again());  // it is on its way
    CHECK(name_of(*keys) == "1");
    world.run_until_fetched(2);
    CHECK(name_of(*keys) == "2");
    CHECK_FALSE(keys->ask_again());
    CHECK(world.issuer.asked == 2);
}

TEST_CASE("key sets: they are fetched again after a while, sooner after a failure", "[app][jwks]") {
    KeySetTimes times = KeySetWorld::patient();
    SECTION("after a success") {
        times.refresh = 1ms;
        KeySetWorld world{times};
        const auto keys = world.open();
        world.run_until_fetched(1);
        world.issuer.body = "{\"keys\":[" + key("2") + "]}";
        world.run_until([&] { return name_of(*keys) == "2"; });
        CHECK(world.issuer.asked >= 2);
    }
    SECTION("after a failure") {
        times.retry_first = 1ms;
        KeySetWorld world{times};
        world.issuer.status = 503;
        const auto keys = world.open();
        world.run_until_failed(3);
        CHECK(keys->current() == nullptr);
        world.issuer.status = 200;
        world.run_until_fetched(1);
        CHECK(name_of(*keys) == "1");
    }
}

TEST_CASE("key sets: an issuer that is silent has its time", "[app][jwks]") {
    KeySetTimes times = KeySetWorld::patient();
    times.timeout = 50ms;
    KeySetWorld world{times};
    world.issuer.is_silent = true;
    const auto keys = world.open();
    world.run_until_failed(1);
    CHECK(keys->current() == nullptr);
    CHECK(world.issuer.asked == 1);
}

TEST_CASE("key sets: one that goes while it fetches is no matter", "[app][jwks]") {
    KeySetWorld world;
    world.issuer.is_silent = true;
    const auto keys = world.open();
    world.run_until([&] { return world.issuer.asked == 1; });
    world.sets.reset();
    for (http_server::Responder& respond : world.issuer.waiting) respond(world.issuer.answer());
    world.io.run_for(10ms);
    CHECK(world.issuer.asked == 1);
}

TEST_CASE("key sets: what is no URL is refused", "[app][jwks]") {
    KeySetWorld world;
    const auto opened = world.sets->open("https://user:word@a.example/");
    REQUIRE(opened.has_error());
    CHECK(opened.error().is(http_client::kUrlInvalid));
}
