// Outbound HTTP: libcurl's multi interface driven by Asio, with one policy for every request.
//
// Purpose: the only way by which bytes leave the hub towards a platform.
// Policy (libcurl is not trusted to limit itself): no redirects, no proxy or netrc from the
// environment, no cookies,
//   HTTP/1.1, TLS 1.2 or later and verified, addresses checked after resolution on every connection
//   and again before a reused one is used, response headers and body capped in the callbacks (after
//   decompression), low-speed and total deadlines. A request that may have arrived is never sent
//   again by itself unless its method is idempotent.
// Concurrency: everything is [io] unless tagged otherwise: call it on the io_context's thread.
// Loading: libcurl is loaded by the first request, or by load_libcurl().
// Lifetime: destroy the Client on the io thread, or after that has ended. The destructor completes
// what is pending with
//   `http_client.cancelled`; nothing completes after it. Meanwhile send() takes nothing: it returns
//   0 and drops the completion. A Client with an open pool keeps io_context::run() from returning.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace syncline::http_client {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Where requests of one account may go. Immutable, shared by all its requests.
//
// A request is allowed when its URL's host matches an entry of `hosts` (exact name, or
// `*.example.com` for any sub-domain; compared without case) and the address it resolves to is
// public. Private, loopback, link-local, and other special addresses are reachable only through
// `literal_hosts`: hosts that the operator wrote into the configuration (name or address, as they
// stand in the URL), and cloud metadata addresses never. Requests are made by https, and by plain
// http where the operator's own URL says so: to that host and port.
struct EgressPolicy {
    std::vector<std::string> hosts;
    std::vector<std::string> literal_hosts;
    std::vector<std::string> plain_origins;  // host:port
    bool allow_plain_http = false;           // everywhere
};

// One pool of connections per account: never shared, because libcurl matches reused connections too
// generously.
using PoolId = std::uint64_t;

struct Request {
    std::string method = "GET";
    std::string url;
    Headers headers;  // names and values are checked: no control characters, no header that the
                      // host owns
    std::string body;
    std::chrono::milliseconds timeout{30'000};  // the whole exchange, from send() on; at least 1 ms
    std::size_t response_bytes_max = 32 * 1024 * 1024;  // after decompression
};

struct Response {
    int status = 0;
    Headers headers;  // names in lower case
    std::string body;
};

// What is known when no response could be used.
struct Failure {
    Error error;  // http_client.* (see errc.hpp)
    bool request_may_have_been_processed =
        false;  // a byte of it may have left: the outcome is unknown
};

struct Result {
    std::unique_ptr<Response> response;  // exactly one of the two is set
    std::unique_ptr<Failure> failure;
};

using RequestId = std::uint64_t;  // never 0, never reused
using Completion = std::function<void(Result)>;

struct ClientOptions {
    std::chrono::milliseconds connect_timeout{5'000};  // resolution, connection, and TLS
    long low_speed_bytes_per_s = 1024;  // over low_speed_time; silence counts as slow
    std::chrono::seconds low_speed_time{15};
    std::size_t header_bytes_max = 64 * 1024;
    long connections_per_pool_max = 32;  // exchanges at once; further requests wait in order
    std::string ca_file =
        "/etc/ssl/certs/ca-certificates.crt";  // trusted authorities, PEM; no others are
};

class Client {
  public:
    explicit Client(boost::asio::io_context& io, ClientOptions options = {});
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    // Opens a pool for one account.
    PoolId open_pool(std::shared_ptr<const EgressPolicy> policy);

    // Cancels the pool's requests (each completes once) and closes its connections. An unknown id
    // is ignored.
    void close_pool(PoolId pool);

    // Starts an exchange. The completion is called exactly once, on the io thread, never from
    // inside send().
    RequestId send(PoolId pool, Request request, Completion done);

    // Completes the request with `http_client.cancelled` unless it has completed. Idempotent.
    void cancel(RequestId request);

  private:
    class Impl;
    std::shared_ptr<Impl>
        impl_;  // shared with a call that is being made while the Client is destroyed
};

// Loads libcurl, some 5 ms, for which the first request would wait. Error: kLibraryMissing, as
// every request would have it. [any]
syncline::Result<void> load_libcurl();

// Whether the policy allows the URL, as far as that is known without resolving. [any]
syncline::Result<void> check_url(const std::string& url, const EgressPolicy& policy);

// The host of a URL as a policy's `literal_hosts` spells it. Errors: http_client.url_invalid. [any]
syncline::Result<std::string> host_of(const std::string& url);

// The operator wrote this URL: its host is a literal one, and, if the URL is http, plain http is
// for its host and port. Errors: http_client.url_invalid. [any]
syncline::Result<void> grant(EgressPolicy& policy, const std::string& url);

}  // namespace syncline::http_client
