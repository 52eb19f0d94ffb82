// The operator's API on a real store, without a socket.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "admin/admin.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

namespace syncline::test {

inline constexpr std::chrono::seconds kPatience{20};

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
    explicit World(admin::Scrape::Source metrics = {}) {
        store::Store::Options options;
        options.data_dir = folder.path() / "data";
        options.clock = &clock;
        options.allow_unsafe_filesystem = true;
        options.map_bytes = std::uint64_t{1} << 30;
        options.on_fatal = [](const Error& error) { FAIL_CHECK(error.to_string()); };
        store = std::move(*store::Store::open(std::move(options)));
        REQUIRE(store->start(&observer).has_value());
        admin = std::make_unique<admin::Admin>(
            io, *store,
            admin::Admin::Options{"1.2.3", "http://127.0.0.1:8080", &clock, std::move(metrics),
                                  [this] { return paused; }});
    }
    ~World() { store->stop(); }

    store::Position append(store::Fact fact) {
        auto promise = std::make_shared<std::promise<store::Position>>();
        auto applied = std::make_shared<std::promise<void>>();
        auto position = promise->get_future();
        auto done = applied->get_future();
        store::Append append;
        append.facts.push_back(std::move(fact));
        append.on_durable = [promise](Result<store::Position> at) { promise->set_value(*at); };
        append.on_applied = [applied](std::optional<Error>) { applied->set_value(); };
        store->append(std::move(append));
        REQUIRE(done.wait_for(kPatience) == std::future_status::ready);
        return position.get();
    }

    // A record that died at position 1.6, and an event that died at 1.8.
    void bury() {
        append(store::Named{store::NameKind::kRoute, 1, true, "shop"});         // 1.2
        append(store::Named{store::NameKind::kConnection, 1, true, "orders"});  // 1.3
        store::Received event;
        event.route = 1;
        event.received_ns = 1'700'000'000'000'000'000;
        event.method = "POST";
        event.query = "type=ADD";
        event.headers = {{"x-odd", "\xe9t\xc3\xa9"}};
        event.body = store::Body::inline_text("{\"a\":\"\xff\"");
        store::Position received = append(event);  // 1.4
        store::TranslatedRecord record;
        record.stream = "s";
        record.key = "k1";
        record.body = store::Body::inline_text(R"({"a":1})");
        record.targets = {{1, 0}};
        append(store::Translated{1, received, {record}});  // 1.5
        store::Settled dead;
        dead.connection = 1;
        dead.lane = store::lane_key("k1");
        dead.record = {received, 0};
        dead.attempt = 1;
        dead.settlement = store::Settlement::kDead;
        dead.at_ns = 1'700'000'001'000'000'000;
        dead.failure = {"permanent", "no such user", "404"};
        dead.answer = std::make_shared<const store::PlatformAnswer>(
            store::PlatformAnswer{"POST http://host/v1", 404, "text/plain", "who is k1?", 10});
        append(dead);                                                                      // 1.6
        received = append(event);                                                          // 1.7
        append(store::EventDied{1, received, dead.at_ns, {"permanent", "not JSON", ""}});  // 1.8
    }

    // A request on its way; run() brings the answer.
    std::shared_ptr<Exchange> begin(const std::string& method, const std::string& path,
                                    const std::string& query = "", const std::string& body = "") {
        http_server::Request request;
        request.method = method;
        request.path = path;
        request.query = query;
        request.body = body;
        auto exchange = std::make_shared<Exchange>();
        CHECK_FALSE(admin->admit(request).refusal);
        admin->handle(std::move(request), http_server::Responder{exchange});
        return exchange;
    }
    http_server::Response run(const Exchange& exchange) {
        auto work = boost::asio::make_work_guard(io);
        auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!exchange.response && std::chrono::steady_clock::now() < give_up) {
            io.restart();
            io.run_one_for(std::chrono::milliseconds{100});
        }
        REQUIRE(exchange.response);
        return *exchange.response;
    }
    std::pair<int, std::string> ask(const std::string& method, const std::string& path,
                                    const std::string& query = "", const std::string& body = "") {
        const http_server::Response response = run(*begin(method, path, query, body));
        REQUIRE(record::parse_json(response.body).has_value());
        return {response.status, response.body};
    }
    std::string code_of(const std::string& method, const std::string& path,
                        const std::string& query = "", const std::string& text = "") {
        auto [status, body] = ask(method, path, query, text);
        auto parsed = record::parse_json(body);
        CHECK(parsed->at("error").is_string());
        CHECK(parsed->at("remedy").is_string());
        return std::to_string(status) + " " + std::string{parsed->at("code").as_string()};
    }

    test::TempDir folder;
    test::FakeClock clock;
    boost::asio::io_context io;
    Nothing observer;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<admin::Admin> admin;
    std::vector<std::string> paused;  // what the pipeline would say
};

}  // namespace syncline::test
