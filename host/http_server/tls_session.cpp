#include "http_server/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <cerrno>

#include "core/assert.hpp"

namespace syncline::http_server {
namespace {

// One TLS record holds as much; a larger write becomes several.
constexpr std::size_t kRecordBytesMax = 16 * 1024;

// OpenSSL's own socket BIO would raise SIGPIPE when the client has gone.
int finish(BIO* bio, ssize_t count, bool is_write) {
    BIO_clear_retry_flags(bio);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        if (is_write)
            BIO_set_retry_write(bio);
        else
            BIO_set_retry_read(bio);
    }
    return static_cast<int>(count);
}

int fd_of(BIO* bio) {
    return *static_cast<int*>(BIO_get_data(bio));
}

int bio_write(BIO* bio, const char* data, int size) {
    return finish(
        bio, ::send(fd_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT),
        true);
}

int bio_read(BIO* bio, char* data, int size) {
    return finish(bio, ::recv(fd_of(bio), data, static_cast<std::size_t>(size), MSG_DONTWAIT),
                  false);
}

long bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;  // nothing is held back
}

const BIO_METHOD* socket_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        SYNCLINE_ASSERT(made != nullptr);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

}  // namespace

void TlsSession::Free::operator()(ssl_st* session) const {
    SSL_free(session);
}

TlsSession::TlsSession(const TlsContext& context, int fd)
    : fd_(fd), session_(SSL_new(context.get())) {
    BIO* bio = BIO_new(socket_method());
    SYNCLINE_ASSERT(session_ != nullptr && bio != nullptr);
    BIO_set_data(bio, &fd_);
    BIO_set_init(bio, 1);
    SSL_set_bio(session_.get(), bio, bio);
    SSL_set_accept_state(session_.get());
}

TlsSession::~TlsSession() {
    finish_sending();
}

std::size_t TlsSession::read_some(boost::asio::mutable_buffer into, error_code& error) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(session_.get(), into.data(), into.size(), &count);
    error = result == 1 ? error_code{} : classify(result);
    return count;
}

std::size_t TlsSession::write_some(const std::array<boost::asio::const_buffer, 2>& from,
                                   error_code& error) {
    std::size_t total = 0;
    error = {};
    // A short answer goes out in one record. What was refused for want of room is offered again by
    // the caller, with the same bytes in front, as OpenSSL demands.
    std::string joined;
    std::array<boost::asio::const_buffer, 2> parts = from;
    const bool is_joined = from[0].size() > 0 && from[1].size() > 0 &&
                           from[0].size() + from[1].size() <= kRecordBytesMax;
    if (is_joined) {
        for (const auto& part : from)
            joined.append(static_cast<const char*>(part.data()), part.size());
        parts = {boost::asio::buffer(joined), boost::asio::const_buffer{}};
    }
    for (boost::asio::const_buffer part : parts) {
        while (part.size() > 0) {
            ERR_clear_error();
            std::size_t count = 0;
            const int result = SSL_write_ex(session_.get(), part.data(), part.size(), &count);
            total += count;
            part += count;
            if (result == 1) continue;
            error = classify(result);
            return total;
        }
    }
    return total;
}

TlsSession::error_code TlsSession::classify(int result) {
    switch (SSL_get_error(session_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            waits_for_ = Wait::wait_read;
            return boost::asio::error::would_block;
        case SSL_ERROR_WANT_WRITE:
            waits_for_ = Wait::wait_write;
            return boost::asio::error::would_block;
        case SSL_ERROR_ZERO_RETURN:
            return boost::asio::error::eof;
        default:
            // A broken handshake, a broken record, or a client that has gone: nothing may follow.
            is_broken_ = true;
            ERR_clear_error();
            return boost::asio::error::connection_aborted;
    }
}

std::shared_ptr<const ClientCertificate> TlsSession::client_certificate() {
    if (!client_certificate_) client_certificate_ = read_client_certificate(session_.get());
    return *client_certificate_;
}

void TlsSession::finish_sending() {
    if (is_broken_ || !SSL_is_init_finished(session_.get())) return;
    if ((SSL_get_shutdown(session_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
    ERR_clear_error();
    SSL_shutdown(session_.get());
    ERR_clear_error();
}

}  // namespace syncline::http_server
