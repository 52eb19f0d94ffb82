// The bytes of one client: a socket, with or without TLS on it.
//
// Purpose: a connection reads and writes alike over both. Without TLS every call is the socket's
//   own, behind one branch.
// Lifetime: completion handlers may run after the stream is gone; they do not touch it. [io]
#pragma once

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "http_server/hub.hpp"
#include "http_server/tls_session.hpp"

namespace syncline::http_server {

class Stream {
  public:
    using Socket =
        boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, IoExecutor>;
    using error_code = boost::system::error_code;

    // `tls` is null without TLS; its socket is this one.
    Stream(Socket socket, std::unique_ptr<TlsSession> tls)
        : socket_(std::move(socket)), tls_(std::move(tls)) {}

    // Calls handler(error, bytes); never from inside. The error try_again: nothing yet, but it is
    // worth to read again.
    template <class Handler>
    void async_read_some(boost::asio::mutable_buffer into, Handler handler) {
        if (!tls_) return socket_.async_read_some(into, std::move(handler));
        error_code error;
        const std::size_t bytes = tls_->read_some(into, error);
        if (error != boost::asio::error::would_block) {
            boost::asio::post(socket_.get_executor(), [handler = std::move(handler), error,
                                                       bytes]() mutable { handler(error, bytes); });
            return;
        }
        socket_.async_wait(tls_->waits_for(),
                           [handler = std::move(handler)](const error_code& failure) mutable {
                               const error_code again = boost::asio::error::try_again;
                               handler(failure ? failure : again, 0);
                           });
    }

    // Writes what goes without waiting; would_block when that is not all.
    std::size_t write_some(const std::array<boost::asio::const_buffer, 2>& from,
                           error_code& error) {
        return tls_ ? tls_->write_some(from, error) : socket_.write_some(from, error);
    }

    // Calls handler(error) when it is worth to write again.
    template <class Handler>
    void async_wait_to_write(Handler handler) {
        socket_.async_wait(tls_ ? tls_->waits_for() : Socket::wait_write, std::move(handler));
    }

    std::shared_ptr<const ClientCertificate> client_certificate() {
        return tls_ ? tls_->client_certificate() : nullptr;
    }

    void finish_sending() {
        if (tls_) tls_->finish_sending();
        error_code ignored;
        socket_.shutdown(Socket::shutdown_send, ignored);
    }

  private:
    Socket socket_;
    std::unique_ptr<TlsSession> tls_;  // goes first: it says goodbye on the socket
};

}  // namespace syncline::http_server
