// The operator's API: what the verbs of the command line ask of the running hub. JSON over HTTP on
// a Unix socket whose file mode is the permission.
//
//   GET  /healthz                      the process and its store work
//   GET  /readyz                       200 when the hub serves
//   GET  /v1/status                    version, positions, ledger
//   GET  /v1/dlq?after=ID&limit=N      dead letters, oldest first
//   GET  /v1/dlq/ID                    one, with record or event
//   POST /v1/dlq/ID/replay?force=1     back to its lane
//   POST /v1/dlq/ID/discard            given up
//   GET  /v1/events/ID                 what became of an event whose sender waits, or waited
//
// A change is answered when it is durable and applied.
// Answers are {"result": ...} or {"code": ..., "error": ..., "remedy": ...}.
// Concurrency: [io]; questions travel to the state's thread and back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string>

#include "http_server/server.hpp"
#include "store/store.hpp"

namespace syncline::admin {

class Admin final : public http_server::Handler {
  public:
    struct Options {
        std::string version;
        std::string listen;  // where webhooks are served, for people
        const core::Clock* clock = nullptr;
    };

    Admin(boost::asio::io_context& io, store::Store& store, Options options);

    http_server::Admission admit(const http_server::Request& request) override;
    void handle(http_server::Request request, http_server::Responder respond) override;

  private:
    using Answer = std::function<Result<boost::json::value>(store::State&)>;
    void ask(http_server::Responder respond, Answer answer);
    void command(http_server::Responder respond, store::Command command);
    void handle_event(const http_server::Request& request, http_server::Responder respond);
    void handle_letters(const http_server::Request& request, http_server::Responder respond);
    void handle_letter(const http_server::Request& request, http_server::Responder respond);

    boost::asio::io_context& io_;
    store::Store& store_;
    const Options options_;
};

}  // namespace syncline::admin
