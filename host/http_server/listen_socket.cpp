#include "http_server/listen_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>
#include <system_error>

#include "http_server/errc.hpp"

namespace syncline::http_server {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

const core::ErrorCode& code_of(int error) {
    switch (error) {
        case EADDRINUSE:
            return kAddressInUse;
        case EACCES:
        case EPERM:
        case EROFS:
            return kPermission;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return kOutOfResources;
        default:
            return kAddressInvalid;
    }
}

Error make_failure(int error, const std::string& address) {
    return Error(code_of(error),
                 "can't listen on " + address + ": " + std::generic_category().message(error));
}

UniqueFd open_socket(int family) {
    return UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

Result<std::uint16_t> port_of(int fd, const std::string& name) {
    boost::asio::ip::tcp::endpoint bound;
    auto size = static_cast<socklen_t>(bound.capacity());
    if (::getsockname(fd, bound.data(), &size) != 0) return make_failure(errno, name);
    return bound.port();
}

Result<ListenSocket> open_tcp(const std::string& address, std::uint16_t port) {
    boost::system::error_code error;
    const auto ip = boost::asio::ip::make_address(address, error);
    if (error) return Error(kAddressInvalid, "`" + address + "` is not an IP address");
    const boost::asio::ip::tcp::endpoint endpoint(ip, port);
    std::ostringstream name_stream;
    name_stream << endpoint;  // `[::1]:80`
    const std::string name = name_stream.str();

    ListenSocket listener;
    listener.fd = open_socket(ip.is_v6() ? AF_INET6 : AF_INET);
    if (!listener.fd) return make_failure(errno, name);
    const int fd = listener.fd.get();
    const int on = 1;  // a restart does not wait for connections of the last run to time out
    const auto size = static_cast<socklen_t>(endpoint.size());
    if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd, endpoint.data(), size) != 0 || ::listen(fd, SOMAXCONN) != 0) {
        return make_failure(errno, name);
    }
    SYNCLINE_TRY(listener.port, port_of(fd, name));
    return listener;
}

// Removes the socket file that a dead process left behind.
Result<void> remove_stale(const std::string& name, const sockaddr_un& where) {
    struct stat status {};
    if (::lstat(where.sun_path, &status) != 0) {
        if (errno == ENOENT) return {};
        return make_failure(errno, name);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return Error(kAddressInvalid,
                     "can't listen on " + name + ": a file is there that is no socket");
    }
    const UniqueFd probe = open_socket(AF_UNIX);
    if (!probe) return make_failure(errno, name);
    const bool is_refused =
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 &&
        errno == ECONNREFUSED;
    if (!is_refused) return make_failure(EADDRINUSE, name);
    if (::unlink(where.sun_path) != 0 && errno != ENOENT) return make_failure(errno, name);
    return {};
}

Result<ListenSocket> open_unix(const std::string& name, const std::string& path, mode_t mode) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof where.sun_path ||
        path.find('\0') != std::string::npos) {
        return Error(kAddressInvalid, "the path of the Unix socket is empty or longer than " +
                                          std::to_string(sizeof where.sun_path - 1) + " bytes");
    }
    std::memcpy(where.sun_path, path.data(), path.size());
    SYNCLINE_CHECK(remove_stale(name, where));

    ListenSocket listener;
    listener.fd = open_socket(AF_UNIX);
    if (!listener.fd) return make_failure(errno, name);
    // The mode of the socket before bind() is the most that the file gets, so it is never open to
    // others. What the umask took of it, which is the process's and stays as it is, is given back
    // before anyone can connect.
    const int fd = listener.fd.get();
    if (::fchmod(fd, mode) != 0 ||
        ::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
        return make_failure(errno, name);
    }
    listener.unix_path = path;
    if (::fchmodat(AT_FDCWD, where.sun_path, mode, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::listen(fd, SOMAXCONN) != 0) {
        return make_failure(errno, name);
    }
    return listener;
}

}  // namespace

void UniqueFd::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

Result<ListenSocket> open_listen_socket(const std::string& address, std::uint16_t port,
                                        mode_t unix_mode) {
    if (address.starts_with(kUnixPrefix)) {
        return open_unix(address, address.substr(kUnixPrefix.size()), unix_mode);
    }
    return open_tcp(address, port);
}

}  // namespace syncline::http_server
