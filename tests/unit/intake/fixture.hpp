// An intake over a real store, with a source that does what a test says.
#pragma once

#include <openssl/hmac.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "intake/intake.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace syncline::test {

using namespace std::chrono_literals;
using intake::Intake;
using intake::Route;
using intake::Verifier;

constexpr std::chrono::seconds kPatience{20};
constexpr store::RouteId kRoute = 5;

inline std::string signature_of(std::string_view body, std::string_view key = "secret") {
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
    Source() {
        manifest_.handshakes.push_back({{"GET", "POST"}, {{"type", "VALIDATE"}}});
        manifest_.answered.push_back({{"POST"}, {{"type", "CREATE"}}});
    }
    const plugin::Manifest& manifest() const override { return manifest_; }
    void handshake(plugin::WebhookRequest request,
                   std::function<void(plugin::Failure, plugin::WebhookReply)> done) override {
        last = request;
        if (holds) return held.push_back([done] { done({}, {203, "text/plain", ""}); });
        if (fails) return done({plugin::FailureClass::kTransient, "not now", "", -1}, {});
        done({}, {203, "text/plain", "echo:" + request.query});
    }
    void translate(std::vector<std::shared_ptr<const plugin::WebhookRequest>>,
                   std::function<void(std::vector<plugin::Translation>)>) override {}
    void write(plugin::WriteBatch, std::function<void(plugin::WriteResult)>) override {}
    void answer(plugin::WebhookRequest request, plugin::Answer outcome,
                std::function<void(plugin::Failure, plugin::WebhookReply)> done) override {
        if (!words) return Instance::answer(std::move(request), std::move(outcome), done);
        last = std::move(request);
        std::string kinds;
        for (const auto& record : outcome.records)
            kinds += " " + std::to_string(static_cast<int>(record.kind)) + record.reply;
        done({}, {201, "text/plain", outcome.event + kinds});
    }
    void verify(plugin::WebhookRequest request, core::Secret secret,
                std::function<void(plugin::Failure)> done) override {
        last = request;
        if (holds) return held.push_back([done] { done({}); });
        if (fails) return done({plugin::FailureClass::kTransient, "not now", "", -1});
        if (("&" + request.query + "&").find("&proof=" + std::string{secret.reveal()} + "&") !=
            std::string::npos)
            return done({});
        done({plugin::FailureClass::kAuthDenied, "no proof", "", -1});
    }
    void stop(std::chrono::milliseconds, std::function<void()> stopped) override { stopped(); }
    void let_it_verify() {
        manifest_.verifies_webhooks = true;
        manifest_.proof_headers = {"X-Proof"};
        manifest_.proof_parameters = {"proof"};
    }

    plugin::WebhookRequest last;
    bool fails = false;
    bool words = false;  // answers for who waits
    bool holds = false;  // completes handshakes and verifications when the test says so
    std::vector<std::function<void()>> held;

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
    explicit World(std::uint64_t pending_bytes_max = 1 << 30, std::string message_id_header = "",
                   const std::function<void(Route&)>& configure = {}) {
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
        intake::SignatureOptions signature;
        signature.header = "X-Signature";
        signature.prefix = "sha256=";
        signature.keys.push_back({core::Secret{"secret"}, std::nullopt, ""});
        route.verifiers->push_back(std::move(*Verifier::make(signature)));
        if (configure) configure(route);
        std::vector<Route> routes;
        routes.push_back(std::move(route));
        intake = std::make_unique<Intake>(io, *store, core::system_clock(), std::move(routes));
    }
    ~World() {
        source->held.clear();  // who waits there holds its route, and that the source
        store->stop();
    }

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
        return wait(begin(std::move(request)));
    }
    std::shared_ptr<Exchange> begin(http_server::Request request) {
        auto exchange = std::make_shared<Exchange>();
        intake->handle(std::move(request), http_server::Responder{exchange});
        return exchange;
    }
    http_server::Response wait(const std::shared_ptr<Exchange>& exchange) {
        run_until([&] { return exchange->response.has_value(); });
        return *exchange->response;
    }
    template <class Condition>
    void run_until(Condition condition) {
        auto work = boost::asio::make_work_guard(io);
        auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < give_up);
            io.restart();
            io.run_one_for(100ms);
        }
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

inline std::string code_of(const http_server::Response& response) {
    auto body = record::parse_json(response.body);
    REQUIRE(body.has_value());
    return std::string{body->at("code").as_string()};
}

inline std::string header_of(const http_server::Response& response, std::string_view name) {
    for (const auto& [field, value] : response.headers) {
        if (field == name) return value;
    }
    return "";
}

}  // namespace syncline::test
