#include "http_server/server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cerrno>

#include "core/log.hpp"
#include "http_server/connection.hpp"
#include "http_server/hub.hpp"
#include "http_server/listen_socket.hpp"

namespace syncline::http_server {
namespace {

using boost::system::error_code;
using Descriptor = boost::asio::posix::basic_stream_descriptor<IoExecutor>;

constexpr int kAcceptsPerTurn = 64;  // then others get a turn
constexpr std::chrono::milliseconds kAcceptPause{100};

bool is_out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

UniqueFd open_spare() {
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// "" on a Unix socket.
std::string name_of(const boost::asio::ip::tcp::endpoint& peer, int family) {
    if (family != AF_INET && family != AF_INET6) return {};
    const auto ip = peer.address();
    if (ip.is_v6() && ip.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, ip.to_v6()).to_string();
    }
    return ip.to_string();
}

// Accepts; its completion handlers share it with the server, so that one that runs late finds it.
class Acceptor final : public std::enable_shared_from_this<Acceptor> {
  public:
    Acceptor(boost::asio::io_context& io, std::shared_ptr<Hub> hub, UniqueFd fd)
        : hub_(std::move(hub)),
          listener_(std::in_place, io.get_executor(), fd.release()),
          pause_(std::in_place, io.get_executor()),
          spare_(open_spare()) {}

    void wait() {
        listener_->async_wait(Descriptor::wait_read,
                              [self = shared_from_this()](const error_code& error) {
                                  if (!error) self->accept();
                              });
    }

    void close() {
        listener_.reset();
        pause_.reset();
    }

  private:
    void accept() {
        for (int i = 0; i < kAcceptsPerTurn && listener_; ++i) {
            if (!accept_one()) return;
        }
        if (listener_) wait();
    }

    // Returns whether to go on at once; if not, something is armed that will.
    bool accept_one() {
        boost::asio::ip::tcp::endpoint peer;
        auto size = static_cast<socklen_t>(peer.capacity());
        UniqueFd fd(::accept4(listener_->native_handle(), peer.data(), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd) {
            const int family = peer.data()->sa_family;
            serve(std::move(fd), family, name_of(peer, family));
            return true;
        }
        const int error = errno;
        if (is_out_of_resources(error)) {
            shed(error);
            return false;
        }
        if (error == EAGAIN || error == EWOULDBLOCK) {
            wait();
            return false;
        }
        return true;  // a client that gave up while it waited, or a signal
    }

    void serve(UniqueFd fd, int family, std::string peer) {
        if (hub_->has_room(peer)) {
            serve_connection(hub_, fd.release(), family, std::move(peer));
        } else {
            refuse_connection(hub_, fd.release());
        }
    }

    // No descriptor is left: the spare one serves to turn a client away, who would hang otherwise;
    // then a pause, since the listener stays readable and would be asked in a busy loop.
    void shed(int error) {
        core::log_warning("http_server", "a client was turned away for want of resources",
                          {{"error", std::generic_category().message(error)}});
        spare_.reset();
        const int fd =
            ::accept4(listener_->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) refuse_connection(hub_, fd);
        spare_ = open_spare();
        pause_->expires_after(kAcceptPause);
        pause_->async_wait([self = shared_from_this()](const error_code& failure) {
            if (!failure && self->listener_) self->accept();
        });
    }

    std::shared_ptr<Hub> hub_;
    std::optional<Descriptor> listener_;
    std::optional<SteadyTimer> pause_;
    UniqueFd spare_;
};

}  // namespace

class Server::Impl {
  public:
    Impl(boost::asio::io_context& io, Handler& handler, const Limits& limits,
         std::unique_ptr<TlsKeeper> tls, ListenSocket listener)
        : hub_(std::make_shared<Hub>(io, handler, limits, std::move(tls))),
          port_(listener.port),
          unix_path_(std::move(listener.unix_path)),
          acceptor_(std::make_shared<Acceptor>(io, hub_, std::move(listener.fd))) {
        acceptor_->wait();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        close_listener();
        hub_->abandon();
    }

    std::uint16_t port() const { return port_; }
    const Hub& hub() const { return *hub_; }
    void stop() {
        close_listener();
        hub_->stop();
    }

  private:
    void close_listener() {
        if (!acceptor_) return;
        if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
        acceptor_->close();
        acceptor_.reset();
    }

    std::shared_ptr<Hub> hub_;
    std::uint16_t port_;
    std::string unix_path_;
    std::shared_ptr<Acceptor> acceptor_;
};

Result<std::unique_ptr<Server>> Server::listen(boost::asio::io_context& io, Handler& handler,
                                               ListenOptions options) {
    std::unique_ptr<TlsKeeper> tls;
    if (options.tls) {
        SYNCLINE_TRY(tls, TlsKeeper::open(std::move(*options.tls)));
    }
    SYNCLINE_TRY(ListenSocket listener,
                 open_listen_socket(options.address, options.port, options.unix_mode));
    auto impl =
        std::make_unique<Impl>(io, handler, options.limits, std::move(tls), std::move(listener));
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

std::uint16_t Server::port() const {
    return impl_->port();
}
Counters Server::counters() const {
    return impl_->hub().counters();
}

const Tally& Server::unclaimed() const {
    return impl_->hub().unclaimed();
}
void Server::stop() {
    impl_->stop();
}

}  // namespace syncline::http_server
