// TLS on one accepted socket, the server's side.
//
// Purpose: nothing waits in here. The handshake happens inside the first reads; what can't go on
//   says `would_block`, and waits_for() says for what.
// Lifetime: the socket belongs to the caller and outlives the session; destroying the session tells
//   the client that no more comes, if that is possible without waiting. [io]
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http_server/tls.hpp"

struct ssl_st;

namespace syncline::http_server {

class TlsSession {
  public:
    using error_code = boost::system::error_code;
    using Wait = boost::asio::socket_base::wait_type;

    // `fd` is connected and does not block.
    TlsSession(const TlsContext& context, int fd);
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
    ~TlsSession();

    // Returns the bytes that were moved; `error` is unset, would_block, eof or another end.
    std::size_t read_some(boost::asio::mutable_buffer into, error_code& error);
    std::size_t write_some(const std::array<boost::asio::const_buffer, 2>& from, error_code& error);

    // For what to wait after would_block.
    Wait waits_for() const { return waits_for_; }

    // What the client has shown in the handshake, which is over.
    std::shared_ptr<const ClientCertificate> client_certificate();

    // Tells the client that no more comes.
    void finish_sending();

  private:
    struct Free {
        void operator()(ssl_st* session) const;
    };

    // The error that the result of the last call stands for.
    error_code classify(int result);

    int fd_;
    std::unique_ptr<ssl_st, Free> session_;
    // From the first time that it was asked for.
    std::optional<std::shared_ptr<const ClientCertificate>> client_certificate_;
    bool is_broken_ = false;
    Wait waits_for_ = Wait::wait_read;
};

}  // namespace syncline::http_server
