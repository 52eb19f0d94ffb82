// A listening socket: bind, listen, and what is left on the disk afterwards. [any]
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace syncline::http_server {

// Closes the file descriptor that it owns; -1 for none.
class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    explicit operator bool() const { return fd_ >= 0; }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1);

  private:
    int fd_ = -1;
};

struct ListenSocket {
    UniqueFd fd;             // non-blocking
    std::uint16_t port = 0;  // the real one; 0 on a Unix socket
    std::string unix_path;   // to be removed in the end; "" for TCP
};

// The arguments are as in ListenOptions.
// Errors: `http_server.address_in_use`, `.address_invalid`, `.permission`, `.out_of_resources`.
Result<ListenSocket> open_listen_socket(const std::string& address, std::uint16_t port,
                                        mode_t unix_mode);

}  // namespace syncline::http_server
