#include "admin/admin.hpp"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

#include "admin/errc.hpp"
#include "admin/views.hpp"
#include "record/record.hpp"
#include "store/errc.hpp"

namespace syncline::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kLettersPath = "/v1/dlq";
constexpr std::string_view kExplainPath = "/v1/explain";
constexpr std::string_view kEventsPath = "/v1/events/";
constexpr std::string_view kEditPath = "/edit";
constexpr std::size_t kLettersMax = 200;  // a page: questions to the state are short

http_server::Response answer(int status, json::object body) {
    http_server::Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = json::serialize(body) + "\n";
    return response;
}

int status_of(const Error& error) {
    if (error.is(kMethodNotAllowed)) return 405;
    if (error.is(kBadArgument) || error.is(kBodyInvalid)) return 400;
    if (error.is(store::kNotEditable)) return 409;
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
    http_server::Response response =
        answer(status_of(error),
               {{"code", error.code()}, {"error", error.what()}, {"remedy", error.remedy()}});
    response.text = error.what();
    return response;
}

http_server::Response answer(Result<json::value> result) {
    if (!result.has_value()) return refusal(result.error());
    return answer(200, {{"result", std::move(*result)}});
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
      letter_bodies_(store) {}

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
    for (const std::string& name : options_.sealed) names.push_back(json::string{name});
    return names;
}

void Admin::handle(http_server::Request request, http_server::Responder respond) {
    bool is_look = request.method == "GET" || request.method == "HEAD";
    bool is_change = request.path.starts_with(std::string{kLettersPath} + "/");
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
                                            {"ledger", ledger_view(state)}});
        });
    }
    if (request.path == kExplainPath) return handle_explain(request, std::move(respond));
    if (request.path == kLettersPath) return handle_letters(request, std::move(respond));
    if (request.path.starts_with(std::string{kLettersPath} + "/"))
        return handle_letter(request, std::move(respond));
    if (request.path.starts_with(kEventsPath)) return handle_event(request, std::move(respond));
    respond(refusal(Error{kNotFound, "there is nothing at this path"}));
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
    std::size_t limit = kLettersMax;
    if (std::string text = request.query_parameter("limit"); !text.empty()) {
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
        if (error != std::errc{} || end != text.data() + text.size() || limit == 0 ||
            limit > kLettersMax) {
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
        response.body = std::move(*page);
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
