#include "intake/intake.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "core/fault.hpp"
#include "core/hash.hpp"
#include "core/log.hpp"
#include "http_server/response.hpp"
#include "intake/errc.hpp"
#include "store/errc.hpp"
#include "store/message_id.hpp"

namespace syncline::intake {
namespace {

constexpr std::string_view kPrefix = "/hooks/";

http_server::Response json_response(int status, const boost::json::object& body) {
    http_server::Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = boost::json::serialize(body);
    return response;
}

http_server::Response refusal(int status, const Error& error) {
    http_server::Response response =
        json_response(status, {{"error", error.what()}, {"code", error.code()}});
    response.text = error.what();
    return response;
}

// A full disk takes longer to mend than a busy moment.
const char* retry_after_s(const Error& error) {
    return error.is(store::kDiskFull) ? "120" : "2";
}

http_server::Refusal reason_of(const Error& error) {
    if (error.is(store::kDiskFull)) return http_server::Refusal::kDiskFull;
    return error.is(store::kQuota) ? http_server::Refusal::kQuota : http_server::Refusal::kBusy;
}

http_server::Response busy(const Error& error) {
    http_server::Response response = refusal(503, error);
    response.refusal = reason_of(error);
    response.headers.emplace_back("Retry-After", retry_after_s(error));
    return response;
}

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
            bool is_same = std::equal(
                field.begin(), field.end(), name.begin(), name.end(), [](char a, char b) {
                    return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32)
                                                      : b);  // fields are lower case already
                });
            if (!is_same) continue;
            if (value) return std::nullopt;
            value = text;
        }
        return value;
    }

  private:
    const http_server::Headers& fields_;
};

void erase_header(http_server::Headers& headers, std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    std::erase_if(headers, [&](const auto& header) { return header.first == name; });
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

}  // namespace

Intake::Intake(boost::asio::io_context& io, store::Store& store, const core::Clock& clock,
               std::vector<Route> routes)
    : io_(io), store_(store), clock_(clock) {
    for (Route& route : routes) {
        std::string name = route.name;
        routes_.emplace(std::move(name), std::move(route));
    }
}

Intake::~Intake() {
    bodies_.join();
}

Route* Intake::find(std::string_view path, std::string_view* rest) {
    if (!path.starts_with(kPrefix)) return nullptr;
    std::string_view name = path.substr(kPrefix.size());
    std::size_t slash = name.find('/');
    if (rest != nullptr)
        *rest = slash == std::string_view::npos ? std::string_view{} : name.substr(slash);
    auto at = routes_.find(name.substr(0, slash));
    return at == routes_.end() ? nullptr : &at->second;
}

http_server::Admission Intake::admit(const http_server::Request& request) {
    http_server::Admission admission;
    Route* route = find(request.path, nullptr);
    if (route == nullptr) {
        admission.refusal = refusal(404, Error{kUnknownRoute, "there is no webhook at this path"});
        return admission;
    }
    admission.tally = route->tally.get();
    if (!http_server::content_coding(request.headers)) admission.refusal = coding_refusal();
    admission.body_bytes_max = route->body_bytes_max;
    return admission;
}

void Intake::handle(http_server::Request request, http_server::Responder respond) {
    std::string path = request.path;
    std::string_view rest;
    Route* route = find(path, &rest);
    if (route == nullptr)
        return respond(refusal(404, Error{kUnknownRoute, "there is no webhook at this path"}));
    if (may_be_handshake(*route, request))
        return decode_handshake(*route, std::move(request), rest, std::move(respond));
    receive(*route, std::move(request), rest, std::move(respond));
}

bool Intake::may_be_handshake(const Route& route, const http_server::Request& request) const {
    for (const plugin::RequestPattern& pattern : route.source->manifest().handshakes) {
        bool has_method =
            pattern.methods.empty() || std::find(pattern.methods.begin(), pattern.methods.end(),
                                                 request.method) != pattern.methods.end();
        bool has_query =
            std::all_of(pattern.query.begin(), pattern.query.end(), [&](const auto& wanted) {
                return request.query_parameter(wanted.first) == wanted.second;
            });
        if (has_method && has_query) return true;
    }
    return false;
}

// The connector sees every body decoded.
void Intake::decode_handshake(Route& route, http_server::Request request, std::string_view rest,
                              http_server::Responder respond) {
    const http_server::Coding coding = coding_of(request.headers);
    if (coding == http_server::Coding::kIdentity)
        return shake_hands(route, std::move(request), rest, std::move(respond));
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    boost::asio::post(bodies_, [this, shared, &route, coding, path = std::string{rest},
                                coded = std::move(request)]() mutable {
        http_server::Decoded decoded =
            http_server::decode(coding, coded.body, route.body_bytes_max);
        coded.body = std::move(decoded.body);
        erase_coding(coded.headers);
        boost::asio::post(io_, [this, shared, &route, verdict = decoded.verdict,
                                under = std::move(path), plain = std::move(coded)]() mutable {
            if (!verdict.accepted()) return (*shared)(refusal(verdict));
            shake_hands(route, std::move(plain), under, std::move(*shared));
        });
    });
}

// Answered by the connector, without effect: nothing is stored but the count.
void Intake::shake_hands(Route& route, http_server::Request request, std::string_view rest,
                         http_server::Responder respond) {
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    store::RouteId id = route.id;
    route.source->handshake(
        to_webhook(std::move(request), rest),
        [this, shared, id](plugin::Failure failure, plugin::WebhookReply reply) {
            http_server::Response response;
            if (failure.failure_class != plugin::FailureClass::kNone) {
                response = refusal(500, Error{kHandshakeFailed, failure.message});
            } else {
                response.status = reply.status;
                response.body = std::move(reply.body);
                if (!reply.content_type.empty())
                    response.headers.emplace_back("Content-Type", reply.content_type);
                count_handshake(id);
            }
            boost::asio::post(io_, [shared, answer = std::move(response)]() mutable {
                (*shared)(std::move(answer));
            });
        });
}

// Anyone can send handshakes, so that counting them must not fill the journal's reserve, which is
// for results.
void Intake::count_handshake(store::RouteId route) {
    if (!store_.status().has_room) return;
    store::Append append;
    append.facts.emplace_back(store::HandshakeAnswered{route});
    store_.append(std::move(append));
}

void Intake::receive(Route& route, http_server::Request request, std::string_view rest,
                     http_server::Responder respond) {
    Headers lookup{request.headers};
    for (Verifier& verifier : route.verifiers) {
        if (Result<void> verified = verifier.verify(lookup, request.body); !verified.has_value()) {
            return respond(refusal(401, verified.error()));
        }
    }
    store::Received event;
    if (!route.message_id_header.empty()) {
        std::string_view id = request.header(route.message_id_header);
        if (id.empty()) {
            http_server::Response missing = refusal(
                400, Error{kMessageIdMissing, "the request has no " + route.message_id_header});
            missing.refusal = http_server::Refusal::kMessageIdMissing;
            return respond(std::move(missing));
        }
        event.message_id = store::message_id(id, request.body, store_.hash_seed());
    }
    if (core::is_planted(core::PlantedBug::kDedupByBody)) {
        event.message_id = core::hash128(request.query + request.body, 0).view();
    }
    // What proved the sender must not lie in the journal.
    for (const Verifier& verifier : route.verifiers) {
        for (std::string& name : verifier.authenticating_headers())
            erase_header(request.headers, std::move(name));
    }
    event.route = route.id;
    event.received_ns = clock_.wall_ns();
    event.method = std::move(request.method);
    event.path = rest;
    event.query = std::move(request.query);
    event.headers = std::move(request.headers);
    const http_server::Coding coding = coding_of(event.headers);
    if (coding == http_server::Coding::kIdentity &&
        request.body.size() <= store::kInlineBodyBytesMax) {
        event.body = store::Body::inline_text(std::move(request.body));
        return append(std::move(event), route.success_status, std::move(respond));
    }
    receive_body(std::move(event), std::move(request.body), coding, route, std::move(respond));
}

// The journal gets the decoded body, so that what is counted against the limits is what will be
// worked on, and nobody behind it needs to know of codings.
void Intake::receive_body(store::Received event, std::string body, http_server::Coding coding,
                          const Route& route, http_server::Responder respond) {
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    boost::asio::post(bodies_, [this, shared, coding, status = route.success_status,
                                bytes_max = route.body_bytes_max, text = std::move(body),
                                waiting = std::move(event)]() mutable {
        std::optional<http_server::Response> refused;
        if (coding != http_server::Coding::kIdentity) {
            http_server::Decoded decoded = http_server::decode(coding, text, bytes_max);
            if (!decoded.verdict.accepted()) refused = refusal(decoded.verdict);
            text = std::move(decoded.body);
            erase_coding(waiting.headers);
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
        boost::asio::post(io_, [this, shared, status, refused = std::move(refused),
                                taken = std::move(waiting)]() mutable {
            if (refused) return (*shared)(std::move(*refused));
            append(std::move(taken), status, std::move(*shared));
        });
    });
}

void Intake::append(store::Received event, int success_status, http_server::Responder respond) {
    core::fail_point("intake.before-append");
    std::string body_file = event.body.file;
    auto shared = std::make_shared<http_server::Responder>(std::move(respond));
    Result<void> taken = store_.append_event(
        std::move(event), [this, shared, success_status](Result<store::Position> position) {
            answer_later(Answered{std::move(*shared), success_status, std::move(position)});
        });
    if (taken.has_value()) return;
    if (!body_file.empty()) {
        boost::asio::post(bodies_, [this, file = std::move(body_file)] {
            store_.bodies().remove({file});  // no fact names it
        });
    }
    (*shared)(busy(taken.error()));
}

// On the journal's thread: everyone who waited for the same flush is answered in one hop.
void Intake::answer_later(Answered answered) {
    bool is_first = false;
    {
        std::lock_guard lock{answers_mutex_};
        is_first = answers_.empty();
        answers_.push_back(std::move(answered));
    }
    if (is_first) boost::asio::post(io_, [this] { drain_answers(); });
}

void Intake::drain_answers() {
    std::vector<Answered> answers;
    {
        std::lock_guard lock{answers_mutex_};
        answers.swap(answers_);
    }
    core::fail_point("intake.before-answer");
    for (Answered& answered : answers) {
        if (!answered.position.has_value()) {
            answered.respond(busy(answered.position.error()));
            continue;
        }
        http_server::Response response;
        response.status = answered.success_status;
        response.headers.emplace_back("Content-Type", "application/json");
        response.body =
            R"({"status":"accepted","event":")" + store::to_string(*answered.position) + "\"}";
        answered.respond(std::move(response));
    }
}

}  // namespace syncline::intake
