// Webhooks: /hooks/<name> and everything below it.
//
// The way of a request: route -> handshake? -> authenticity on the raw bytes -> decoding, when they
// are compressed -> journal -> durable -> 2xx (invariant 1), or what became of it (answers.hpp).
// Answers are JSON: {"status":"accepted","event":"<id>"}, or
// {"error":"<sentence>","code":"<code>"}. Concurrency: [io]; what the journal's thread reports
// comes back to io in one hop for everyone who waited together. A thread of its own decodes bodies
// and flushes large ones.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "http_server/coding.hpp"
#include "http_server/server.hpp"
#include "intake/answers.hpp"
#include "intake/route.hpp"
#include "store/store.hpp"

namespace syncline::intake {

inline constexpr std::size_t kQueriesOutMax = 64;  // of a route

class Intake final : public http_server::Handler {
  public:
    Intake(boost::asio::io_context& io, store::Store& store, const core::Clock& clock,
           std::vector<Route> routes);
    ~Intake() override;

    http_server::Admission admit(const http_server::Request& request) override;
    void handle(http_server::Request request, http_server::Responder respond) override;

    // Unchanged while the intake lives; their tallies are [any].
    const std::map<std::string, Route, std::less<>>& routes() const { return routes_; }
    // Nobody waits for an outcome any more.
    void stop() { answers_.stop(); }

  private:
    // Who is answered when the event is durable, or, with a place among the waiting, later.
    struct Client {
        http_server::Responder respond;
        int success_status;
        std::shared_ptr<Answers::Sender> sender;
    };
    struct Answered {
        std::shared_ptr<Client> client;
        Result<store::Position> position;
    };
    using Answerer = void (Intake::*)(Route&, plugin::WebhookRequest, http_server::Responder);

    Route* find(std::string_view path, std::string_view* rest);
    void decode_for(Answerer answerer, Route& route, http_server::Request request,
                    std::string_view rest, http_server::Responder respond);
    void shake_hands(Route& route, plugin::WebhookRequest request, http_server::Responder respond);
    void ask_destination(Route& route, plugin::WebhookRequest request,
                         http_server::Responder respond);
    void count(store::Fact fact);
    // The answer for who is not authentic; otherwise what proved the sender is removed.
    std::optional<http_server::Response> authenticate(Route& route, http_server::Request& request);
    void ask_connector(Route& route, http_server::Request request, std::string rest,
                       http_server::Responder respond);
    void take(Route& route, http_server::Request request, std::string_view rest,
              http_server::Responder respond);
    void receive(Route& route, http_server::Request request, std::string_view rest,
                 http_server::Responder respond);
    void receive_body(store::Received event, std::string body, http_server::Coding coding,
                      const Route& route, std::shared_ptr<Client> client);
    void append(store::Received event, std::shared_ptr<Client> client);
    void answer_later(Answered answered);
    void drain_answers();

    boost::asio::io_context& io_;
    store::Store& store_;
    const core::Clock& clock_;
    std::map<std::string, Route, std::less<>> routes_;
    boost::asio::thread_pool bodies_{1};  // what takes too long for io

    Answers answers_;

    std::mutex durable_mutex_;
    std::vector<Answered> durable_;
};

}  // namespace syncline::intake
