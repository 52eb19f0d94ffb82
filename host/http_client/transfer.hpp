// One exchange: the request given to libcurl, and what comes back from it.
//
// Purpose: the only file that sets options of an easy handle, so that no request escapes the
// policy. Lifecycle: made by the client, begun by a pool when a connection's slot is free, finished
// once. It must not move. Concurrency: [io].
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http_client/address.hpp"
#include "http_client/client.hpp"
#include "http_client/libcurl.hpp"
#include "http_client/url.hpp"

namespace syncline::http_client {

http_client::Result failed(Error error, bool request_may_have_been_processed);

class Transfer {
  public:
    Transfer(RequestId id, PoolId pool, Request request, Target target, Completion done);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer();

    RequestId id() const { return id_; }
    PoolId pool() const { return pool_; }
    Completion take_completion() { return std::move(done_); }

    // Sets every option of a fresh or reset handle. False when the request's time is already over.
    bool begin(CURL* easy, const ClientOptions& options);

    // The handle, while the exchange runs.
    CURL* easy() const { return easy_; }
    void end() { easy_ = nullptr; }

    // The outcome, to be asked for before end(). A transfer that never began has timed out.
    http_client::Result finish(CURLcode code);
    http_client::Result cancel();

  private:
    enum class Stop { kNone, kAddress, kResend, kHeaderBytes, kBodyBytes };

    void set_policy(const ClientOptions& options);
    void set_limits(const ClientOptions& options, std::chrono::milliseconds remaining);
    void set_callbacks();
    void set_request();
    void set_headers();
    Error error_of(CURLcode code) const;
    Error error_of_stop() const;
    Error error_of_time() const;
    std::string reason(CURLcode code) const;
    bool has_sent_something() const;
    bool allow(AddressClass address_class);
    bool on_header_line(std::string_view line);

    static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
    static int on_before_request(void* self, char* address, char* local, int port, int local_port);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

    const RequestId id_;
    const PoolId pool_;
    Request request_;
    Target target_;
    Completion done_;
    const std::chrono::steady_clock::time_point deadline_;

    CURL* easy_ = nullptr;  // borrowed from the pool
    curl_slist* header_list_ = nullptr;
    std::unique_ptr<Response> response_ = std::make_unique<Response>();
    std::size_t header_bytes_ = 0;
    std::size_t header_bytes_max_ = 0;
    bool body_began_ = false;
    Stop stop_ = Stop::kNone;
    AddressClass refused_class_ = AddressClass::kUnknown;
    char message_[CURL_ERROR_SIZE] = {};
};

}  // namespace syncline::http_client
