// Webhooks: /hooks/<name> and everything below it.
//
// The way of a request: route -> handshake? -> authenticity on the raw bytes -> decoding, when they
// are compressed -> journal -> durable -> 2xx (invariant 1). Answers are JSON:
// {"status":"accepted","event":"<id>"}, or {"error":"<sentence>","code":"<code>"}.
// Concurrency: [io]; what the journal's thread reports comes back to io in one hop for everyone who
// waited together. A thread of its own decodes bodies and flushes large ones.
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
#include "http_server/tally.hpp"
#include "intake/verify.hpp"
#include "plugin/connector.hpp"
#include "store/store.hpp"

namespace syncline::intake {

struct Route {
    store::RouteId id = 0;
    std::string name;
    std::vector<Verifier> verifiers;  // all must hold; empty: `verify: none`
    std::string message_id_header;    // lower case; empty: no deduplication
    int success_status = 202;
    std::size_t body_bytes_max = 1024 * 1024;
    std::shared_ptr<plugin::Instance> source;
    std::unique_ptr<http_server::Tally> tally = std::make_unique<http_server::Tally>();
};

class Intake final : public http_server::Handler {
  public:
    Intake(boost::asio::io_context& io, store::Store& store, const core::Clock& clock,
           std::vector<Route> routes);
    ~Intake() override;

    http_server::Admission admit(const http_server::Request& request) override;
    void handle(http_server::Request request, http_server::Responder respond) override;

    // Unchanged while the intake lives; their tallies are [any].
    const std::map<std::string, Route, std::less<>>& routes() const { return routes_; }

  private:
    struct Answered {
        http_server::Responder respond;
        int success_status;
        Result<store::Position> position;
    };

    Route* find(std::string_view path, std::string_view* rest);
    bool may_be_handshake(const Route& route, const http_server::Request& request) const;
    void decode_handshake(Route& route, http_server::Request request, std::string_view rest,
                          http_server::Responder respond);
    void shake_hands(Route& route, http_server::Request request, std::string_view rest,
                     http_server::Responder respond);
    void count_handshake(store::RouteId route);
    void receive(Route& route, http_server::Request request, std::string_view rest,
                 http_server::Responder respond);
    void receive_body(store::Received event, std::string body, http_server::Coding coding,
                      const Route& route, http_server::Responder respond);
    void append(store::Received event, int success_status, http_server::Responder respond);
    void answer_later(Answered answered);
    void drain_answers();

    boost::asio::io_context& io_;
    store::Store& store_;
    const core::Clock& clock_;
    std::map<std::string, Route, std::less<>> routes_;
    boost::asio::thread_pool bodies_{1};  // what takes too long for io

    std::mutex answers_mutex_;
    std::vector<Answered> answers_;
};

}  // namespace syncline::intake
