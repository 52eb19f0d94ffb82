// Webhooks: /hooks/<name> and everything below it.
//
// The way of a request: route -> handshake? -> authenticity on the raw bytes -> decoding, when they
// are compressed -> journal -> durable -> 2xx (invariant 1), or what became of it (answers.hpp).
// Answers are JSON: {"status":"accepted","event":"<id>"}, or
// {"error":"<sentence>","code":"<code>"}. Concurrency: [io]; what the journal's thread reports
// comes back to io in one hop for everyone who waited together. A thread of its own decodes bodies,
// and verifies and flushes large ones.
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
// Of a route, with its connector before anyone knows who sent them.
inline constexpr std::size_t kUnprovenMax = 1024;
inline constexpr std::size_t kUnprovenBytesMax = 64 * 1024 * 1024;
// A larger one is verified on the thread of bodies: a megabyte takes 2 to 3 ms for each key.
inline constexpr std::size_t kBodyOnIoBytesMax = 64 * 1024;

class Intake final : public http_server::Handler {
  public:
    Intake(boost::asio::io_context& io, store::Store& store, const core::Clock& clock,
           std::vector<Route> routes);
    ~Intake() override;

    http_server::Admission admit(const http_server::Request& request) override;
    void handle(http_server::Request request, http_server::Responder respond) override;

    // Other routes from the next request on that has come whole: what is being handled ends on the
    // route that it found. What was counted for a name stays.
    void change(std::vector<Route> routes);

    using Routes = std::map<std::string, std::shared_ptr<Route>, std::less<>>;
    // As they are now; their tallies and the uses of keys are [any]. [any]
    std::shared_ptr<const Routes> routes() const;
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
    using Hold = std::shared_ptr<Route>;
    using Answerer = void (Intake::*)(const Hold&, plugin::WebhookRequest, http_server::Responder);

    Hold find(std::string_view path, std::string_view* rest);
    void decode_for(Answerer answerer, const Hold& route, http_server::Request request,
                    std::string_view rest, http_server::Responder respond);
    void shake_hands(const Hold& route, plugin::WebhookRequest request,
                     http_server::Responder respond);
    void ask_destination(const Hold& route, plugin::WebhookRequest request,
                         http_server::Responder respond);
    void count(store::Fact fact);
    // What proved the sender must not lie in the journal.
    static void remove_proof(const Route& route, http_server::Request& request);
    // By the rules that read the body [any], or by the others. The errors of Verifier.
    Result<void> verify(const Route& route, const http_server::Request& request,
                        bool reads_body) const;
    void on_verified(const Hold& route, http_server::Request request, std::string rest,
                     const Result<void>& proof, http_server::Responder respond);
    // Nonces are used up, and what proved the sender is removed.
    Result<void> use_proof(Route& route, http_server::Request& request) const;
    void ask_connector(const Hold& route, http_server::Request request, std::string rest,
                       http_server::Responder respond);
    void take(const Hold& route, http_server::Request request, std::string_view rest,
              http_server::Responder respond);
    void receive(const Hold& route, http_server::Request request, std::string_view rest,
                 http_server::Responder respond);
    void receive_body(store::Received event, std::string body, http_server::Coding coding,
                      const Hold& route, std::shared_ptr<Client> client);
    void append(store::Received event, std::shared_ptr<Client> client);
    void answer_later(Answered answered);
    void drop_body(const std::string& file);  // [any]
    void drain_answers();

    boost::asio::io_context& io_;
    store::Store& store_;
    const core::Clock& clock_;
    mutable std::mutex routes_mutex_;
    std::shared_ptr<const Routes> routes_;  // under routes_mutex_, but for reading on [io]
    // Of all names that there were: the server counts what it has begun to read.
    std::map<std::string, std::shared_ptr<http_server::Tally>, std::less<>> tallies_;
    boost::asio::thread_pool bodies_{1};  // what takes too long for io

    Answers answers_;

    std::mutex durable_mutex_;
    std::vector<Answered> durable_;
};

}  // namespace syncline::intake
