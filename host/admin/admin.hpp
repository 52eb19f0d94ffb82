// The operator's API: what the verbs of the command line ask of the running hub. JSON over HTTP on
// a Unix socket whose file mode is the permission.
//
//   GET  /healthz                      the process and its store work
//   GET  /readyz                       200 when the hub serves
//   GET  /metrics                      what was counted, for Prometheus (METRICS.md)
//   GET  /v1/status                    version, positions, ledger, what is paused
//   GET  /v1/dlq?after=ID&limit=N      dead letters, oldest first
//   GET  /v1/dlq/ID                    one, with record or event
//   GET  /v1/explain?connection=NAME&key=KEY   what became of a key's records
//   GET  /v1/explain?event=ID          what became of an event
//   GET  /v1/dlq/ID/edit               {"body"}: what the next replay sends, to be corrected
//   POST /v1/dlq/ID/edit               the request's body, a JSON object, takes its place; other
//                                      connections get the record as it came
//   POST /v1/dlq/ID/replay?force=1     back to its lane
//   POST /v1/dlq/ID/discard            given up
//   GET  /v1/events/ID                 what became of an event whose sender waits, or waited
//
// A change is answered when it is durable and applied.
// Answers but /metrics are {"result": ...} or {"code": ..., "error": ..., "remedy": ...}.
// Concurrency: [io]; questions travel to the state's thread and back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/explain.hpp"
#include "admin/letter_bodies.hpp"
#include "admin/scrape.hpp"
#include "http_server/server.hpp"
#include "store/store.hpp"

namespace syncline::admin {

class Admin final : public http_server::Handler {
  public:
    struct Options {
        std::string version;
        std::string listen;  // where webhooks are served, for people
        const core::Clock* clock = nullptr;
        Scrape::Source metrics{};  // what /metrics says besides the store's
        // Names of connections whose platform is left alone. [any]
        std::function<std::vector<std::string>()> paused{};
        // What waits because a secret can't be opened: `account pangolin`, `webhook acme`.
        std::vector<std::string> sealed{};
    };

    Admin(boost::asio::io_context& io, store::Store& store, Options options);

    http_server::Admission admit(const http_server::Request& request) override;
    void handle(http_server::Request request, http_server::Responder respond) override;

  private:
    using Answer = std::function<Result<boost::json::value>(store::State&)>;
    boost::json::array paused_view() const;
    boost::json::array sealed_view() const;
    std::function<void(Result<boost::json::value>)> answer_to(http_server::Responder respond);
    void ask(http_server::Responder respond, Answer answer);
    void handle_metrics(http_server::Responder respond);
    void command(store::Command command, std::function<void(Result<boost::json::value>)> done);
    void handle_event(const http_server::Request& request, http_server::Responder respond);
    void handle_letters(const http_server::Request& request, http_server::Responder respond);
    void handle_letter(http_server::Request& request, http_server::Responder respond);
    void handle_edit(http_server::Request& request, std::uint64_t letter,
                     http_server::Responder respond);
    void handle_explain(const http_server::Request& request, http_server::Responder respond);

    boost::asio::io_context& io_;
    store::Store& store_;
    const Options options_;
    Scrape scrape_;
    Explainer explainer_;
    LetterBodies letter_bodies_;
};

}  // namespace syncline::admin
