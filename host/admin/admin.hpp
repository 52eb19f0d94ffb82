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
//   POST /v1/accounts/NAME/authorisation   somebody has authorised the account anew (OAuth 2.0):
//                                      what waits for that goes on; {"account", "state"}
//   POST /v1/accounts/NAME/check       asks the platform whether its credentials are good
//   POST /v1/accounts/NAME/discover    asks it for streams and fields; {"account", "streams"}
//   POST /v1/backup                    {"to": FOLDER}: begins one, and answers {"id"}
//   GET  /v1/backup/ID                 how far it is, or how it ended; it has to be asked now and
//                                      then, or the backup is cancelled
//   POST /v1/backup/ID/cancel          ends it
//   POST /v1/reload?check=1            asks for a reload of the configuration (with `check`:
//   whether
//                                      it could be), and answers {"id"}
//   GET  /v1/reload/ID                 {"stage", ...}: how far it is, or how it ended
//   POST /v1/connections/NAME/sync     reads the source of the connection, page by page: begins, or
//                                      goes on where a run was cut off
//   GET  /v1/connections/NAME/sync     {"stage", "pages", "records", ...}: how far it is
//   GET  /v1/connectors                {"connectors", "events"}: what serves, what served before,
//   what
//                                      is on trial or quarantined, and what became of new versions
//   POST /v1/connectors/ID/rollback    begins to go back to the previous version: {"after":
//   NUMBER};
//                                      an event with a higher number says how it ended
//   POST /v1/connectors/ID/release?sha256=HEX   this quarantined version may come back
//   POST /v1/connectors/ID/remove      forgets the connector, which no account may use
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

#include "admin/backups.hpp"
#include "admin/connectors.hpp"
#include "admin/explain.hpp"
#include "admin/letter_bodies.hpp"
#include "admin/questions.hpp"
#include "admin/reloads.hpp"
#include "admin/scrape.hpp"
#include "admin/syncs.hpp"
#include "http_server/server.hpp"
#include "store/store.hpp"

namespace syncline::admin {

// An account with OAuth 2.0, for the status.
struct AccountView {
    std::string name;
    std::string state;  // `authorised`, `failing`, `needs_authorisation`
    std::string why;    // empty when it is authorised
};

class Admin final : public http_server::Handler {
  public:
    using Authorised = std::function<void(Result<void>)>;  // on the io thread

    struct Options {
        std::string version;
        std::string listen;  // where webhooks are served, for people
        const core::Clock* clock = nullptr;
        Scrape::Source metrics{};  // what /metrics says besides the store's
        // Names of connections whose platform is left alone. [any]
        std::function<std::vector<std::string>()> paused{};
        // What waits because a secret can't be opened: `account pangolin`, `webhook acme`. [any]
        std::function<std::vector<std::string>()> sealed{};
        std::function<std::vector<AccountView>()> accounts{};  // [any]
        // Takes up an account that a person has authorised. [io]
        std::function<void(const std::string& account, Authorised done)> authorise{};
        AccountQuestions questions{};
        Syncs syncs{};
        Connectors connectors{};
        Reloads reloads{};
    };

    Admin(boost::asio::io_context& io, store::Store& store, Options options);

    http_server::Admission admit(const http_server::Request& request) override;
    void handle(http_server::Request request, http_server::Responder respond) override;

  private:
    using Answer = std::function<Result<boost::json::value>(store::State&)>;
    boost::json::array paused_view() const;
    boost::json::array sealed_view() const;
    boost::json::object accounts_view() const;
    std::function<void(Result<boost::json::value>)> answer_to(http_server::Responder respond);
    void ask(http_server::Responder respond, Answer answer);
    void handle_metrics(http_server::Responder respond);
    void command(store::Command command, std::function<void(Result<boost::json::value>)> done);
    void handle_account(const http_server::Request& request, http_server::Responder respond);
    void handle_sync(const http_server::Request& request, http_server::Responder respond);
    void handle_connectors(const http_server::Request& request, http_server::Responder respond);
    void handle_reload(const http_server::Request& request, http_server::Responder respond);
    void handle_event(const http_server::Request& request, http_server::Responder respond);
    void handle_letters(const http_server::Request& request, http_server::Responder respond);
    void handle_letter(http_server::Request& request, http_server::Responder respond);
    void handle_edit(http_server::Request& request, std::uint64_t letter,
                     http_server::Responder respond);
    void handle_backup(const http_server::Request& request, http_server::Responder respond);
    void handle_explain(const http_server::Request& request, http_server::Responder respond);

    boost::asio::io_context& io_;
    store::Store& store_;
    const Options options_;
    Scrape scrape_;
    Explainer explainer_;
    LetterBodies letter_bodies_;
    Backups backups_;
};

}  // namespace syncline::admin
