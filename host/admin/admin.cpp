#include "admin/admin.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

#include "admin/errc.hpp"
#include "admin/views.hpp"
#include "core/redact.hpp"
#include "record/record.hpp"
#include "record/redact.hpp"
#include "store/errc.hpp"

namespace syncline::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kLettersPath = "/v1/dlq";
constexpr std::string_view kExplainPath = "/v1/explain";
constexpr std::string_view kEventsPath = "/v1/events/";
constexpr std::string_view kAccountsPath = "/v1/accounts/";
constexpr std::string_view kConnectionsPath = "/v1/connections/";
constexpr std::string_view kConnectorsPath = "/v1/connectors";
constexpr std::string_view kSyncPath = "/sync";
constexpr std::string_view kAuthorisationPath = "/authorisation";
constexpr std::string_view kCheckPath = "/check";
constexpr std::string_view kDiscoverPath = "/discover";
constexpr std::string_view kReloadPath = "/v1/reload";
constexpr std::string_view kBackupPath = "/v1/backup";
constexpr std::string_view kCancelPath = "/cancel";
constexpr std::string_view kEditPath = "/edit";
constexpr std::size_t kLettersPageMax = 200;  // a page: questions to the state are short

// The one way out: nothing that is told holds a secret, whoever brought it.
http_server::Response answer(int status, json::value body) {
    record::redact(body);
    http_server::Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = json::serialize(body) + "\n";
    return response;
}

int status_of(const Error& error) {
    if (error.is(kMethodNotAllowed)) return 405;
    if (error.is(kBadArgument) || error.is(kBodyInvalid)) return 400;
    if (error.is(store::kNotEditable) || error.is(kBodyHidden) || error.is(store::kBackupPlace))
        return 409;
    if (error.code().starts_with("auth.") || error.code() == "pipeline.sync_running" ||
        error.code() == "app.not_readable" || error.code() == "app.not_supported" ||
        error.code().starts_with("plugin."))
        return 409;
    switch (error.error_class()) {
        case core::ErrorClass::kConfig:
            return 404;
        case core::ErrorClass::kTransient:
            return 503;
        default:
            return 500;
    }
}

http_server::Response refusal(const Error& error) {
    http_server::Response response = answer(
        status_of(error),
        json::object{{"code", error.code()}, {"error", error.what()}, {"remedy", error.remedy()}});
    response.text = core::redact(error.what());
    return response;
}

http_server::Response answer(Result<json::value> result) {
    if (!result.has_value()) return refusal(result.error());
    return answer(200, json::object{{"result", std::move(*result)}});
}

// A responder in something copyable, for std::function.
std::shared_ptr<http_server::Responder> share(http_server::Responder respond) {
    return std::make_shared<http_server::Responder>(std::move(respond));
}

}  // namespace

Admin::Admin(boost::asio::io_context& io, store::Store& store, Options options)
    : io_(io),
      store_(store),
      options_(std::move(options)),
      scrape_(io, store, options_.metrics),
      explainer_(store),
      letter_bodies_(store),
      backups_(store, *options_.clock, options_.version) {}

http_server::Admission Admin::admit(const http_server::Request& request) {
    http_server::Admission admission;
    const bool is_edit =
        request.path.starts_with(kLettersPath) && request.path.ends_with(kEditPath);
    admission.body_bytes_max = is_edit ? record::kRecordBytesMax : 64 * 1024;
    return admission;
}

json::array Admin::paused_view() const {
    json::array names;
    if (!options_.paused) return names;
    for (const std::string& name : options_.paused()) names.push_back(json::string{name});
    return names;
}

json::array Admin::sealed_view() const {
    json::array names;
    if (!options_.sealed) return names;
    for (const std::string& name : options_.sealed()) names.push_back(json::string{name});
    return names;
}

json::object Admin::accounts_view() const {
    json::object accounts;
    if (!options_.accounts) return accounts;
    for (const AccountView& account : options_.accounts()) {
        json::object view{{"state", account.state}};
        if (!account.why.empty()) view.emplace("why", text_view(account.why));
        accounts.emplace(account.name, std::move(view));
    }
    return accounts;
}

void Admin::handle(http_server::Request request, http_server::Responder respond) {
    bool is_look = request.method == "GET" || request.method == "HEAD";
    bool is_change = request.path.starts_with(std::string{kLettersPath} + "/") ||
                     request.path.starts_with(kAccountsPath) ||
                     request.path.starts_with(kConnectionsPath) ||
                     request.path.starts_with(std::string{kConnectorsPath} + "/") ||
                     request.path.starts_with(kBackupPath) || request.path == kReloadPath;
    if (!is_look && !is_change) return respond(refusal(Error{kMethodNotAllowed, "use GET"}));
    if (request.path == "/healthz" || request.path == "/readyz") {
        return ask(std::move(respond),
                   [](store::State&) -> Result<json::value> { return json::value("ok"); });
    }
    if (request.path == "/metrics") return handle_metrics(std::move(respond));
    if (request.path == "/v1/status") {
        return ask(std::move(respond), [this](store::State& state) -> Result<json::value> {
            store::StoreStatus status = store_.status();
            return json::value(json::object{{"version", options_.version},
                                            {"listen", options_.listen},
                                            {"applied", store::to_string(status.applied)},
                                            {"committed", store::to_string(status.committed)},
                                            {"pending_bytes", status.pending_bytes},
                                            {"unapplied_bytes", status.unapplied_bytes},
                                            {"altered_repeats", status.altered_repeats},
                                            {"accepting", status.has_room},
                                            {"paused", paused_view()},
                                            {"sealed", sealed_view()},
                                            {"accounts", accounts_view()},
                                            {"ledger", ledger_view(state)}});
        });
    }
    if (request.path == kExplainPath) return handle_explain(request, std::move(respond));
    if (request.path == kLettersPath) return handle_letters(request, std::move(respond));
    if (request.path.starts_with(std::string{kLettersPath} + "/"))
        return handle_letter(request, std::move(respond));
    if (request.path.starts_with(kAccountsPath)) return handle_account(request, std::move(respond));
    if (request.path.starts_with(kConnectionsPath)) return handle_sync(request, std::move(respond));
    if (request.path == kConnectorsPath ||
        request.path.starts_with(std::string{kConnectorsPath} + "/"))
        return handle_connectors(request, std::move(respond));
    if (request.path == kBackupPath || request.path.starts_with(std::string{kBackupPath} + "/"))
        return handle_backup(request, std::move(respond));
    if (request.path == kReloadPath || request.path.starts_with(std::string{kReloadPath} + "/"))
        return handle_reload(request, std::move(respond));
    if (request.path.starts_with(kEventsPath)) return handle_event(request, std::move(respond));
    respond(refusal(Error{kNotFound, "there is nothing at this path"}));
}

void Admin::handle_account(const http_server::Request& request, http_server::Responder respond) {
    std::string_view rest = std::string_view{request.path}.substr(kAccountsPath.size());
    for (const auto& [path, ask] : {std::pair{kCheckPath, &options_.questions.check},
                                    std::pair{kDiscoverPath, &options_.questions.discover}}) {
        if (!rest.ends_with(path) || !*ask) continue;
        if (request.method != "POST") return respond(refusal(Error{kMethodNotAllowed, "use POST"}));
        rest.remove_suffix(path.size());
        return (*ask)(std::string{rest}, answer_to(std::move(respond)));
    }
    if (!rest.ends_with(kAuthorisationPath) || !options_.authorise)
        return respond(refusal(Error{kNotFound, "there is nothing at this path"}));
    if (request.method != "POST") return respond(refusal(Error{kMethodNotAllowed, "use POST"}));
    rest.remove_suffix(kAuthorisationPath.size());
    const std::string account{rest};
    options_.authorise(
        account, [account, done = answer_to(std::move(respond))](Result<void> taken) {
            if (!taken.has_value()) return done(taken.error());
            done(json::value(json::object{{"account", account}, {"state", "authorised"}}));
        });
}

void Admin::handle_sync(const http_server::Request& request, http_server::Responder respond) {
    std::string_view rest = std::string_view{request.path}.substr(kConnectionsPath.size());
    const bool is_begin = request.method == "POST";
    const auto& question = is_begin ? options_.syncs.begin : options_.syncs.look;
    if (!rest.ends_with(kSyncPath) || !question)
        return respond(refusal(Error{kNotFound, "there is nothing at this path"}));
    if (!is_begin && request.method != "GET" && request.method != "HEAD")
        return respond(refusal(Error{kMethodNotAllowed, "use GET or POST"}));
    rest.remove_suffix(kSyncPath.size());
    respond(answer(question(std::string{rest})));
}

void Admin::handle_connectors(const http_server::Request& request, http_server::Responder respond) {
    const Connectors& connectors = options_.connectors;
    const Error nothing{kNotFound, "there is nothing at this path"};
    if (!connectors.look) return respond(refusal(nothing));
    if (request.path == kConnectorsPath) return respond(answer(connectors.look()));
    if (request.method != "POST") return respond(refusal(Error{kMethodNotAllowed, "use POST"}));
    const std::string_view rest = std::string_view{request.path}.substr(kConnectorsPath.size() + 1);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string id{rest.substr(0, slash)};
    const std::string_view verb = rest.substr(slash);
    if (verb == "/rollback") return respond(answer(connectors.roll_back(id)));
    if (verb == "/remove") return connectors.remove(id, answer_to(std::move(respond)));
    if (verb != "/release") return respond(refusal(nothing));
    connectors.release(id, request.query_parameter("sha256"), answer_to(std::move(respond)));
}

void Admin::handle_reload(const http_server::Request& request, http_server::Responder respond) {
    const bool is_begin = request.path == kReloadPath;
    if (!options_.reloads.begin)
        return respond(refusal(Error{kNotFound, "there is nothing at this path"}));
    if (is_begin != (request.method == "POST"))
        return respond(refusal(Error{kMethodNotAllowed, is_begin ? "use POST" : "use GET"}));
    if (is_begin) {
        const std::uint64_t id = options_.reloads.begin(request.query_parameter("check") == "1");
        return respond(answer(json::value(json::object{{"id", id}})));
    }
    const std::string_view text = std::string_view{request.path}.substr(kReloadPath.size() + 1);
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc{} || end != text.data() + text.size())
        return respond(refusal(Error{kBadArgument, "this is not the id of a reload"}));
    respond(answer(options_.reloads.look(id)));
}

// The outcome of an event whose sender waited for it.
void Admin::handle_event(const http_server::Request& request, http_server::Responder respond) {
    std::string id = request.path.substr(kEventsPath.size());
    auto position = parse_letter_id(id);
    if (!position) return respond(refusal(Error{kBadArgument, "this is not the id of an event"}));
    ask(std::move(respond),
        [event = store::Position{*position}, id](store::State& state) -> Result<json::value> {
            SYNCLINE_TRY(auto outcome, state.outcome(event));
            if (!outcome) {
                return Error{kNotFound, "no outcome of an event " + id +
                                            " is kept: nobody waited for it, or it is too old"};
            }
            return json::value(outcome_view(state, event, *outcome));
        });
}

void Admin::handle_letters(const http_server::Request& request, http_server::Responder respond) {
    std::uint64_t after = 0;
    if (std::string text = request.query_parameter("after"); !text.empty()) {
        auto id = parse_letter_id(text);
        if (!id)
            return respond(refusal(Error{kBadArgument, "`after` is not the id of a dead letter"}));
        after = *id;
    }
    std::size_t limit = kLettersPageMax;
    if (std::string text = request.query_parameter("limit"); !text.empty()) {
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
        if (error != std::errc{} || end != text.data() + text.size() || limit == 0 ||
            limit > kLettersPageMax) {
            return respond(refusal(Error{kBadArgument, "`limit` is a number from 1 to 200"}));
        }
    }
    ask(std::move(respond), [after, limit](store::State& state) -> Result<json::value> {
        SYNCLINE_TRY(auto letters, state.letters(after, limit));
        json::array list;
        for (const store::Letter& letter : letters)
            list.push_back(letter_view(state, letter, false));
        bool has_more = letters.size() == limit;
        json::object page{{"letters", std::move(list)}};
        if (has_more) page.emplace("next", store::to_string(store::Position{letters.back().id}));
        return json::value(std::move(page));
    });
}

void Admin::handle_letter(http_server::Request& request, http_server::Responder respond) {
    std::string_view rest = std::string_view{request.path}.substr(kLettersPath.size() + 1);
    std::size_t slash = rest.find('/');
    std::string_view verb =
        slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    std::string id_text{rest.substr(0, slash)};
    auto id = parse_letter_id(id_text);
    if (!id) return respond(refusal(Error{kBadArgument, "this is not the id of a dead letter"}));
    if (slash == std::string_view::npos) {
        if (request.method != "GET" && request.method != "HEAD")
            return respond(refusal(Error{kMethodNotAllowed, "use GET"}));
        return ask(std::move(respond),
                   [id = *id, id_text](store::State& state) -> Result<json::value> {
                       SYNCLINE_TRY(auto letter, state.letter(id));
                       if (!letter) return Error{kNotFound, "there is no dead letter " + id_text};
                       return json::value(letter_view(state, *letter, true));
                   });
    }
    if (verb == "edit") return handle_edit(request, *id, std::move(respond));
    if (verb != "replay" && verb != "discard") {
        return respond(refusal(Error{kNotFound, "there is nothing at this path"}));
    }
    if (request.method != "POST") return respond(refusal(Error{kMethodNotAllowed, "use POST"}));
    store::Command command;
    command.kind =
        verb == "replay" ? store::CommandKind::kReplayLetter : store::CommandKind::kDiscardLetter;
    command.letter = *id;
    command.is_forced = request.query_parameter("force") == "1";
    command.at_ns = options_.clock->wall_ns();
    this->command(std::move(command), answer_to(std::move(respond)));
}

void Admin::handle_edit(http_server::Request& request, std::uint64_t letter,
                        http_server::Responder respond) {
    if (request.method != "POST" && request.method != "GET" && request.method != "HEAD")
        return respond(refusal(Error{kMethodNotAllowed, "use GET or POST"}));
    auto done = answer_to(std::move(respond));
    if (request.method != "POST") {
        return letter_bodies_.read(letter, [done](Result<std::string> body) {
            if (!body.has_value()) return done(body.error());
            // What is shown comes back as the record: it has to be whole.
            if (core::has_secret(*body))
                return done(Error{kBodyHidden, "the body holds a secret of the hub"});
            done(json::value(json::object{{"body", text_view(*body)}}));
        });
    }
    letter_bodies_.keep(letter, std::move(request.body),
                        [this, letter, done](Result<store::Body> body) {
                            if (!body.has_value()) return done(body.error());
                            store::Command command;
                            command.kind = store::CommandKind::kEditLetter;
                            command.letter = letter;
                            command.at_ns = options_.clock->wall_ns();
                            command.body = std::move(*body);
                            this->command(std::move(command), done);
                        });
}

void Admin::handle_metrics(http_server::Responder respond) {
    auto shared = share(std::move(respond));
    scrape_.start([shared](Result<std::string> page) {
        if (!page.has_value()) return (*shared)(refusal(page.error()));
        http_server::Response response;
        response.headers.emplace_back("Content-Type", MetricsPage::kContentType);
        response.body = core::redact(std::move(*page));
        (*shared)(std::move(response));
    });
}

void Admin::handle_explain(const http_server::Request& request, http_server::Responder respond) {
    std::string event = request.query_parameter("event");
    std::string connection = request.query_parameter("connection");
    std::string key = request.query_parameter("key");
    auto done = answer_to(std::move(respond));
    if (event.empty()) {
        if (connection.empty() || key.empty())
            return done(Error{kBadArgument, "name a `connection` and a `key`, or an `event`"});
        return explainer_.explain_key(std::move(connection), std::move(key), std::move(done));
    }
    auto id = parse_letter_id(event);
    if (!id) return done(Error{kBadArgument, "`event` is not the id of an event"});
    explainer_.explain_event(store::Position{*id}, std::move(done));
}

void Admin::handle_backup(const http_server::Request& request, http_server::Responder respond) {
    const bool is_change = request.method == "POST";
    std::string_view rest = std::string_view{request.path}.substr(kBackupPath.size());
    const bool is_cancel = rest.ends_with(kCancelPath);
    if (is_change != (rest.empty() || is_cancel))
        return respond(refusal(Error{kMethodNotAllowed, is_change ? "use GET" : "use POST"}));
    if (rest.empty()) return respond(answer(backups_.begin(request.body)));
    if (is_cancel) rest.remove_suffix(kCancelPath.size());
    const std::string_view id = rest.substr(std::min<std::size_t>(1, rest.size()));
    respond(answer(is_cancel ? backups_.cancel(id) : backups_.look(id)));
}

// Whoever has the result calls this, on any thread.
std::function<void(Result<json::value>)> Admin::answer_to(http_server::Responder respond) {
    return [this, shared = share(std::move(respond))](Result<json::value> result) {
        boost::asio::post(io_, [shared, response = answer(std::move(result))]() mutable {
            (*shared)(std::move(response));
        });
    };
}

void Admin::ask(http_server::Responder respond, Answer question) {
    auto done = answer_to(std::move(respond));
    auto look = [done, question = std::move(question)](store::State& state) {
        done(question(state));
    };
    if (!store_.ask(std::move(look))) done(Error{kStopping, "the hub is stopping"});
}

// Rule 7: the command is a fact; the answer waits until it is durable and applied.
void Admin::command(store::Command command, std::function<void(Result<json::value>)> done) {
    store::Append append;
    append.facts.emplace_back(std::move(command));
    append.on_durable = [done](Result<store::Position> position) {
        if (!position.has_value()) done(position.error());
    };
    append.on_applied = [done](std::optional<Error> rejection) {
        if (rejection) return done(std::move(*rejection));
        done(json::value(json::object{{"done", true}}));
    };
    store_.append(std::move(append));
}

}  // namespace syncline::admin
