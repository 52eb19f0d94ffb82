#include "intake/intake.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "auth/url.hpp"
#include "core/fault.hpp"
#include "core/hash.hpp"
#include "core/log.hpp"
#include "http_server/response.hpp"
#include "intake/errc.hpp"
#include "intake/responses.hpp"
#include "store/errc.hpp"
#include "store/message_id.hpp"

namespace syncline::intake {
namespace {

constexpr std::string_view kHooksPrefix = "/hooks/";

http_server::Response refusal(const http_server::Verdict& verdict) {
    return http_server::make_error(verdict.status, verdict.reason);
}

http_server::Response coding_refusal() {
    http_server::Response response =
        refusal({415, "The Content-Encoding is none of gzip and deflate, or more than one."});
    response.headers.emplace_back("Accept-Encoding", http_server::kDecodableCodings);
    return response;
}

class Headers final : public HeaderLookup {
  public:
    explicit Headers(const http_server::Headers& fields) : fields_(fields) {}
    std::optional<std::string_view> only_value(std::string_view name) const override {
        std::optional<std::string_view> value;
        for (const auto& [field, text] : fields_) {
            if (!auth::equal_names(field, name)) continue;
            if (value) return std::nullopt;
            value = text;
        }
        return value;
    }

  private:
    const http_server::Headers& fields_;
};

Message message_of(const http_server::Request& request, const Headers& lookup, core::WallTime now) {
    return {lookup, request.body, request.method,           request.target,
            now,    request.peer, request.certificate.get()};
}

void erase_header(http_server::Headers& headers, std::string_view name) {
    std::erase_if(headers,
                  [&](const auto& header) { return auth::equal_names(header.first, name); });
}

void erase_proof(http_server::Request& request, const std::vector<std::string>& headers,
                 const std::vector<std::string>& parameters) {
    for (const std::string& name : headers) erase_header(request.headers, name);
    for (const std::string& name : parameters) request.erase_query_parameter(name);
}

// admit() lets only codings through that are known.
http_server::Coding coding_of(const http_server::Headers& headers) {
    return http_server::content_coding(headers).value_or(http_server::Coding::kIdentity);
}

// What describes the coded body and not the one that is handed on.
void erase_coding(http_server::Headers& headers) {
    erase_header(headers, "content-encoding");
    erase_header(headers, "content-length");
}

plugin::WebhookRequest to_webhook(http_server::Request request, std::string_view rest) {
    plugin::WebhookRequest webhook;
    webhook.method = std::move(request.method);
    webhook.path = rest;
    webhook.query = std::move(request.query);
    webhook.headers = std::move(request.headers);
    webhook.body = std::move(request.body);
    return webhook;
}

bool fits(const plugin::RequestPattern& pattern, const http_server::Request& request) {
    bool has_method = pattern.methods.empty() ||
                      std::find(pattern.methods.begin(), pattern.methods.end(), request.method) !=
                          pattern.methods.end();
    return has_method &&
           std::all_of(pattern.query.begin(), pattern.query.end(), [&](const auto& wanted) {
               return request.query_parameter(wanted.first) == wanted.second;
           });
}

bool fits_one(const std::vector<plugin::RequestPattern>& patterns,
              const http_server::Request& request) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const auto& pattern) { return fits(pattern, request); });
}

// 503 for what may pass; 403 for who is known and not allowed; 401 for everybody else.
http_server::Response not_verified(const Error& error) {
    if (error.error_class() == core::ErrorClass::kTransient) return busy(error);
    const bool is_known = error.is(kAddressRefused) || error.is(kCertificateRefused);
    return intake::refusal(is_known ? 403 : 401, error);
}

// What was used up for a name stays used up.
void go_on_from(const Route& before, Route& route) {
    if (before.proof == route.proof && !route.proof.empty()) {
        route.verifiers = before.verifiers;
        return;
    }
    // Each nonce cache goes to one rule: two that look at the same header do not share one.
    std::vector<const Verifier*> left;
    for (const Verifier& verifier : *before.verifiers) left.push_back(&verifier);
    for (Verifier& verifier : *route.verifiers) {
        const auto found = std::find_if(left.begin(), left.end(), [&](const Verifier* other) {
            return verifier.go_on_from(*other);
        });
        if (found != left.end()) left.erase(found);
    }
}

Error sealed() {
    return Error{kRouteSealed, "who sends can't be verified now"};
}

// A place among the requests that are with the connector before anyone knows who sent them; false
// when there is none. One that is larger than all may be is alone.
bool take_place(Route& route, std::size_t bytes) {
    const bool has_room =
        route.unproven < kUnprovenMax &&
        (route.unproven == 0 || route.unproven_bytes + bytes <= kUnprovenBytesMax);
    if (!has_room) return false;
    ++route.unproven;
    route.unproven_bytes += bytes;
    return true;
}

void leave_place(Route& route, std::size_t bytes) {
    --route.unproven;
    route.unproven_bytes -= bytes;
}

http_server::Response no_place() {
    return busy(Error{kTooManyWait, "too many wait for the connector"});
}

// Does the sender wait for the outcome?
bool waits(const Route& route, const http_server::Request& request) {
    if (route.answering == 0 || route.answer == AnswerWhen::kNever) return false;
    return route.answer == AnswerWhen::kAlways ||
           fits_one(route.source->manifest().answered, request);
}

}  // namespace

Intake::Intake(boost::asio::io_context& io, store::Store& store, const core::Clock& clock,
               std::vector<Route> routes)
    : io_(io),
      store_(store),
      clock_(clock),
      routes_(std::make_shared<const Routes>()),
      answers_(io, store, clock) {
    change(std::move(routes));
}

void Intake::change(std::vector<Route> routes) {
    auto next = std::make_shared<Routes>();
    for (Route& route : routes) {
        auto& tally = tallies_[route.name];
        if (!tally) tally = route.tally;
        route.tally = tally;
        const auto before = routes_->find(route.name);
        if (before != routes_->end()) go_on_from(*before->second, route);
        std::string name = route.name;
        next->emplace(std::move(name), std::make_shared<Route>(std::move(route)));
    }
    const std::lock_guard lock{routes_mutex_};
    routes_ = std::move(next);
}

std::shared_ptr<const Intake::Routes> Intake::routes() const {
    const std::lock_guard lock{routes_mutex_};
    return routes_;
}

Intake::~Intake() {
    bodies_.join();
}

Intake::Hold Intake::find(std::string_view path, std::string_view* rest) {
    if (!path.starts_with(kHooksPrefix)) return nullptr;
    std::string_view name = path.substr(kHooksPrefix.size());
    std::size_t slash = name.find('/');
    if (rest != nullptr)
        *rest = slash == std::string_view::npos ? std::string_view{} : name.substr(slash);
    auto at = routes_->find(name.substr(0, slash));
    return at == routes_->end() ? nullptr : at->second;
}

http_server::Admission Intake::admit(const http_server::Request& request) {
    http_server::Admission admission;
    const Hold route = find(request.path, nullptr);
    if (route == nullptr) {
        admission.refusal = refusal(404, Error{kUnknownRoute, "there is no webhook at this path"});
        return admission;
    }
    admission.tally = route->tally.get();
    if (route->is_sealed)
        admission.refusal = busy(sealed());
    else if (!http_server::content_coding(request.headers))
        admission.refusal = coding_refusal();
    admission.body_bytes_max = route->body_bytes_max;
    return admission;
}

void Intake::handle(http_server::Request request, http_server::Responder respond) {
    std::string path = request.path;
    std::string_view rest;
    const Hold route = find(path, &rest);
    if (route == nullptr)
        return respond(refusal(404, Error{kUnknownRoute, "there is no webhook at this path"}));
    if (route->is_sealed) return respond(busy(sealed()));  // since it was admitted
    if (fits_one(route->source->manifest().handshakes, request)) {
        remove_proof(*route, request);
        return decode_for(&Intake::shake_hands, route, std::move(request), rest,
                          std::move(respond));
    }
    // What costs little comes first.
    if (Result<void> proof = verify(*route, request, false); !proof.has_value())
        return respond(not_verified(proof.error()));
    const bool is_quick =
        request.body.size() <= kBodyOnIoBytesMax ||
        std::none_of(route->verifiers->begin(), route->verifiers->end(),
                     [](const Verifier& verifier) { return verifier.reads_body(); });
    if (is_quick) {
        const Result<void> proof = verify(*route, request, true);
        return on_verified(route, std::move(request), std::string{rest}, proof, std::move(respond));
    }
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    auto large = std::make_shared<http_server::Request>(std::move(request));
    boost::asio::post(bodies_, [this, shared, large, route, below = std::string{rest}] {
        const Result<void> proof = verify(*route, *large, true);
        boost::asio::post(io_, [this, shared, large, route, below, proof] {
            on_verified(route, std::move(*large), below, proof, std::move(*shared));
        });
    });
}

void Intake::on_verified(const Hold& route, http_server::Request request, std::string rest,
                         const Result<void>& proof, http_server::Responder respond) {
    if (!proof.has_value()) return respond(not_verified(proof.error()));
    if (Result<void> used = use_proof(*route, request); !used.has_value())
        return respond(not_verified(used.error()));
    if (route->source->manifest().verifies_webhooks)
        return ask_connector(route, std::move(request), std::move(rest), std::move(respond));
    take(route, std::move(request), rest, std::move(respond));
}

// The platform's own proof, on the body as it came.
void Intake::ask_connector(const Hold& route, http_server::Request request, std::string rest,
                           http_server::Responder respond) {
    const std::size_t bytes = request.body.size();
    if (!take_place(*route, bytes)) return respond(no_place());
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    auto asked = std::make_shared<http_server::Request>(std::move(request));
    plugin::WebhookRequest webhook = to_webhook(*asked, rest);
    webhook.received_ns = clock_.wall_ns();
    auto verified = [this, shared, asked, route, rest, bytes](plugin::Failure failure) {
        boost::asio::post(io_, [this, shared, asked, route, rest, bytes, why = std::move(failure)] {
            leave_place(*route, bytes);
            if (why.failure_class == plugin::FailureClass::kNone) {
                const plugin::Manifest& manifest = route->source->manifest();
                erase_proof(*asked, manifest.proof_headers, manifest.proof_parameters);
                return take(route, std::move(*asked), rest, std::move(*shared));
            }
            const bool is_refused = why.failure_class == plugin::FailureClass::kAuthDenied;
            const core::ErrorCode& code = is_refused ? kNotAuthentic : kNotVerified;
            (*shared)(refusal(is_refused ? 401 : 503, Error{code, why.message}));
        });
    };
    route->source->verify(std::move(webhook), route->connector_key, std::move(verified));
}

// Who sent it is known.
void Intake::take(const Hold& route, http_server::Request request, std::string_view rest,
                  http_server::Responder respond) {
    if (route->query) {
        return decode_for(&Intake::ask_destination, route, std::move(request), rest,
                          std::move(respond));
    }
    receive(route, std::move(request), rest, std::move(respond));
}

// The connector sees every body decoded.
void Intake::decode_for(Answerer answerer, const Hold& route, http_server::Request request,
                        std::string_view rest, http_server::Responder respond) {
    const http_server::Coding coding = coding_of(request.headers);
    plugin::WebhookRequest webhook = to_webhook(std::move(request), rest);
    webhook.received_ns = clock_.wall_ns();
    if (coding == http_server::Coding::kIdentity)
        return (this->*answerer)(route, std::move(webhook), std::move(respond));
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    boost::asio::post(
        bodies_, [this, answerer, shared, route, coding, coded = std::move(webhook)]() mutable {
            http_server::Decoded decoded =
                http_server::decode(coding, coded.body, route->body_bytes_max);
            coded.body = std::move(decoded.body);
            erase_coding(coded.headers);
            boost::asio::post(io_, [this, answerer, shared, route, verdict = decoded.verdict,
                                    plain = std::move(coded)]() mutable {
                if (!verdict.accepted()) return (*shared)(refusal(verdict));
                (this->*answerer)(route, std::move(plain), std::move(*shared));
            });
        });
}

// Answered by the connector, without effect: nothing is stored but the count.
void Intake::shake_hands(const Hold& route, plugin::WebhookRequest request,
                         http_server::Responder respond) {
    const std::size_t bytes = request.body.size();
    if (!take_place(*route, bytes)) return respond(no_place());
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    auto answered = [this, shared, route, bytes](plugin::Failure failure,
                                                 plugin::WebhookReply reply) {
        http_server::Response response;
        if (failure.failure_class != plugin::FailureClass::kNone) {
            response = refusal(500, Error{kHandshakeFailed, failure.message});
        } else {
            response.status = reply.status;
            response.body = std::move(reply.body);
            if (!reply.content_type.empty())
                response.headers.emplace_back("Content-Type", reply.content_type);
            count(store::HandshakeAnswered{route->id});
        }
        boost::asio::post(io_, [shared, route, bytes, answer = std::move(response)]() mutable {
            leave_place(*route, bytes);
            (*shared)(std::move(answer));
        });
    };
    route->source->handshake(std::move(request), std::move(answered));
}

// Answered by a destination with what it holds: nothing is stored but the count.
void Intake::ask_destination(const Hold& route, plugin::WebhookRequest request,
                             http_server::Responder respond) {
    if (route->queries_out >= kQueriesOutMax)
        return respond(busy(Error{kTooManyWait, "too many wait for an answer"}));
    ++route->queries_out;
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    route->query(std::move(request), [this, shared, route](plugin::FetchResult result) {
        boost::asio::post(io_, [this, shared, route, answer = std::move(result)]() mutable {
            --route->queries_out;
            if (answer.kind != plugin::FetchKind::kFailed) count(store::QueryAnswered{route->id});
            (*shared)(query_response(std::move(answer)));
        });
    });
}

// Anyone can send handshakes, so that counting them must not fill the journal's reserve, which is
// for results.
void Intake::count(store::Fact fact) {
    if (!store_.status().has_room) return;
    store::Append append;
    append.facts.push_back(std::move(fact));
    store_.append(std::move(append));
}

Result<void> Intake::verify(const Route& route, const http_server::Request& request,
                            bool reads_body) const {
    const Headers lookup{request.headers};
    const Message message = message_of(request, lookup, clock_.wall_ns());
    for (Verifier& verifier : *route.verifiers)
        if (verifier.reads_body() == reads_body) SYNCLINE_CHECK(verifier.verify(message));
    return {};
}

// A nonce is used up by a request that is taken, not by one that another rule refuses.
Result<void> Intake::use_proof(Route& route, http_server::Request& request) const {
    const Headers lookup{request.headers};
    const Message message = message_of(request, lookup, clock_.wall_ns());
    for (Verifier& verifier : *route.verifiers) SYNCLINE_CHECK(verifier.take_nonce(message));
    remove_proof(route, request);
    return {};
}

void Intake::remove_proof(const Route& route, http_server::Request& request) {
    for (const Verifier& verifier : *route.verifiers)
        erase_proof(request, verifier.authenticating_headers(),
                    verifier.authenticating_parameters());
}

void Intake::receive(const Hold& route, http_server::Request request, std::string_view rest,
                     http_server::Responder respond) {
    store::Received event;
    if (!route->message_id_header.empty()) {
        std::string_view id = request.header(route->message_id_header);
        if (id.empty()) {
            http_server::Response missing = refusal(
                400, Error{kMessageIdMissing, "the request has no " + route->message_id_header});
            missing.refusal = http_server::Refusal::kMessageIdMissing;
            return respond(std::move(missing));
        }
        event.message_id = store::message_id(id, request.body, store_.hash_seed());
    }
    if (core::is_planted(core::PlantedBug::kDedupByBody)) {
        event.message_id = core::hash128(request.query + request.body, 0).view();
    }
    bool is_awaited = waits(*route, request);
    event.route = route->id;
    event.received_ns = clock_.wall_ns();
    event.method = std::move(request.method);
    event.path = rest;
    event.query = std::move(request.query);
    event.headers = std::move(request.headers);
    auto client = std::make_shared<Client>(std::move(respond), route->success_status, nullptr);
    const http_server::Coding coding = coding_of(event.headers);
    const bool is_plain = coding == http_server::Coding::kIdentity;
    if (is_awaited) {
        event.answering = route->answering;
        std::size_t bytes = is_plain ? request.body.size() : route->body_bytes_max;
        client->sender = answers_.admit(route, event, bytes);
        if (!client->sender)
            return client->respond(busy(Error{kTooManyWait, "too many wait for an outcome"}));
    }
    if (is_plain && request.body.size() <= store::kInlineBodyBytesMax) {
        if (client->sender) client->sender->request.body = request.body;
        event.body = store::Body::inline_text(std::move(request.body));
        return append(std::move(event), std::move(client));
    }
    receive_body(std::move(event), std::move(request.body), coding, route, std::move(client));
}

// The journal gets the decoded body, so that what is counted against the limits is what will be
// worked on, and nobody behind it needs to know of codings.
void Intake::receive_body(store::Received event, std::string body, http_server::Coding coding,
                          const Hold& route, std::shared_ptr<Client> client) {
    boost::asio::post(
        bodies_, [this, client = std::move(client), coding, bytes_max = route->body_bytes_max,
                  text = std::move(body), waiting = std::move(event)]() mutable {
            std::optional<http_server::Response> refused;
            if (coding != http_server::Coding::kIdentity) {
                http_server::Decoded decoded = http_server::decode(coding, text, bytes_max);
                if (!decoded.verdict.accepted()) refused = refusal(decoded.verdict);
                text = std::move(decoded.body);
                erase_coding(waiting.headers);
            }
            if (client->sender) {
                erase_coding(client->sender->request.headers);
                client->sender->request.body = text;
            }
            if (!refused && text.size() > store::kInlineBodyBytesMax) {
                Result<store::Body> kept = store_.bodies().keep(std::move(text));
                if (kept.has_value())
                    waiting.body = std::move(*kept);
                else
                    refused = busy(kept.error());
            } else {
                waiting.body = store::Body::inline_text(std::move(text));
            }
            boost::asio::post(io_, [this, client = std::move(client), refused = std::move(refused),
                                    taken = std::move(waiting)]() mutable {
                if (refused) return client->respond(std::move(*refused));
                append(std::move(taken), std::move(client));
            });
        });
}

void Intake::append(store::Received event, std::shared_ptr<Client> client) {
    core::fail_point("intake.before-append");
    std::string body_file = event.body.file;
    Result<void> taken = store_.append_event(
        std::move(event), [this, client, body_file](Result<store::Position> position) {
            // After any other failure the fact may be there.
            if (position.has_error() && position.error().is(store::kDiskFull)) drop_body(body_file);
            answer_later(Answered{client, std::move(position)});
        });
    if (taken.has_value()) return;
    drop_body(body_file);
    client->respond(busy(taken.error()));
}

// No fact names it.
void Intake::drop_body(const std::string& file) {
    if (file.empty()) return;
    boost::asio::post(bodies_, [this, file] { store_.bodies().remove({file}); });
}

// On the journal's thread: everyone who waited for the same flush is answered in one hop.
void Intake::answer_later(Answered answered) {
    bool is_first = false;
    {
        std::lock_guard lock{durable_mutex_};
        is_first = durable_.empty();
        durable_.push_back(std::move(answered));
    }
    if (is_first) boost::asio::post(io_, [this] { drain_answers(); });
}

void Intake::drain_answers() {
    std::vector<Answered> durable;
    {
        std::lock_guard lock{durable_mutex_};
        durable.swap(durable_);
    }
    core::fail_point("intake.before-answer");
    for (Answered& answered : durable) {
        Client& client = *answered.client;
        if (!answered.position.has_value()) {
            client.respond(busy(answered.position.error()));
        } else if (client.sender) {
            answers_.wait(std::move(client.sender), *answered.position, std::move(client.respond));
        } else {
            client.respond(accepted(client.success_status, *answered.position));
        }
    }
}

}  // namespace syncline::intake
