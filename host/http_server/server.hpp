// Inbound HTTP/1.1, with or without TLS: a listener with a strict framing gate, limits and
// deadlines, that hands whole requests to a handler.
//
// Purpose: nothing ambiguous, oversized or endless gets past here. Boost.Beast 1.81 accepts framing
// that a front-end proxy
//   may read differently (request smuggling); the gate refuses all of it with 4xx and closes.
// Concurrency: everything is [io] that does not say otherwise: one thread runs the io_context.
// Lifetime: destroy after the io_context stopped, or stop() and let it run empty.
// Limits: see Limits; one request in flight per connection.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "http_server/client_certificate.hpp"
#include "http_server/limits.hpp"
#include "http_server/tally.hpp"

namespace syncline::http_server {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;  // as sent: "POST"
    std::string path;    // percent-decoded once, starts with '/'; or "*" (OPTIONS only)
    std::string query;   // raw, without '?'
    Headers headers;  // snapshot at the end of the header section (trailers never get in); names in
                      // lower case
    std::string body;
    std::string peer;    // address of the client, "" on a Unix socket
    std::string target;  // as sent, path and query; what signatures are over
    // What the client's TLS has shown; null without TLS, `client_ca`, or a certificate.
    std::shared_ptr<const ClientCertificate> certificate;

    // The first value of a header (name in lower case), or an empty view. Valid while the request
    // lives and is unchanged.
    std::string_view header(std::string_view name) const;
    // The decoded value of a query parameter, first one wins; empty when absent.
    std::string query_parameter(std::string_view name) const;
    // Removes every parameter of that name from `query` and leaves the others as they were sent.
    void erase_query_parameter(std::string_view name);
};

// The decoded values of all parameters of that name in a raw query, in their order. [any]
std::vector<std::string> query_values(std::string_view query, std::string_view name);

struct Response {
    int status = 200;
    Headers headers;  // Content-Length, Connection and Date are the server's
    std::string body;
    // Of an error: the same as one sentence, sent in place of the body to a client that prefers
    // text/plain. Empty: there is only the body.
    std::string text;
    bool close = false;
    Refusal refusal = Refusal::kByStatus;  // what it counts as, when it is no success
};

// Answers one request, exactly once; a responder that dies unused answers 500. Movable. Call it on
// the io thread; it is harmless after the client has gone.
class Responder {
  public:
    struct Exchange {
        virtual ~Exchange() = default;
        virtual void respond(Response response) = 0;
    };
    explicit Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    Responder(Responder&&) noexcept = default;
    Responder& operator=(Responder&& other) noexcept {
        std::swap(exchange_, other.exchange_);  // the one that goes answers when `other` dies
        return *this;
    }
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;
    ~Responder();

    void operator()(Response response);

  private:
    std::shared_ptr<Exchange> exchange_;
};

// What the handler's owner decides when the header section is complete, before the body is read.
struct Admission {
    std::size_t body_bytes_max = 1024 * 1024;
    std::optional<Response> refusal;  // answer at once with this, and close
    Tally* tally = nullptr;  // where the answer counts; null: with those that nobody claimed
};

struct Handler {
    virtual ~Handler() = default;
    // `request` has no body yet.
    virtual Admission admit(const Request& request) = 0;
    virtual void handle(Request request, Responder respond) = 0;
};

// PEM files: the certificate with its chain behind it, and its private key, which only its owner
// may read. They are read again when they change.
struct TlsFiles {
    std::filesystem::path certificate, key;
    // Authorities of clients. With it, clients are asked for a certificate; those without one, or
    // with one that can't be trusted, are served all the same: see Request::certificate.
    std::filesystem::path client_ca = {};
    std::chrono::milliseconds check_interval{1'000};  // the least between two looks
};

struct ListenOptions {
    std::string address = "127.0.0.1";  // or "unix:/path"; a stale file is replaced
    std::uint16_t port = 0;             // 0: any free port
    // Of the file of a Unix socket, whatever the umask is. Who may write to it may connect; by
    // default that is its owner alone.
    mode_t unix_mode = 0600;
    Limits limits;
    std::optional<TlsFiles> tls;  // none: plain HTTP
};

struct Counters {
    std::uint64_t connections = 0;  // now open
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;  // by the gate or a limit
};

class Server {
  public:
    // Binds and listens, and starts to accept as soon as the io_context runs. The handler must
    // outlive the server. Errors: `http_server.address_in_use`, `http_server.address_invalid`,
    // `http_server.permission`, and those of load_tls().
    static Result<std::unique_ptr<Server>> listen(boost::asio::io_context& io, Handler& handler,
                                                  ListenOptions options);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    std::uint16_t port() const;  // the real one; 0 on a Unix socket
    Counters counters() const;   // [any]
    // Of requests that no tally of the handler's has. [any]
    const Tally& unclaimed() const;

    // Stops accepting and closes idle connections; requests in flight are answered with
    // `Connection: close`.
    void stop();

  private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::http_server
