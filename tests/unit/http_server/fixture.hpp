// A server on a thread of its own, and a client that sends raw bytes.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "http_server/server.hpp"

namespace syncline::test {

constexpr std::chrono::milliseconds kNever{3'600'000};
constexpr std::chrono::milliseconds kSoon{40};  // a test waits that long, never less

inline http_server::ListenOptions with(const http_server::Limits& limits) {
    http_server::ListenOptions options;
    options.limits = limits;
    return options;
}

// Echoes the body unless a test says otherwise; remembers what it saw.
class TestHandler final : public http_server::Handler {
  public:
    using Handle = std::function<void(http_server::Request, http_server::Responder)>;

    http_server::Admission admission;  // set both before the server starts
    Handle on_handle;

    http_server::Admission admit(const http_server::Request&) override {
        ++admitted;
        return admission;
    }
    void handle(http_server::Request request, http_server::Responder respond) override {
        {
            const std::lock_guard lock(mutex_);
            seen_.push_back(request);
        }
        if (on_handle) return on_handle(std::move(request), std::move(respond));
        http_server::Response response;
        response.body = request.body;
        respond(std::move(response));
    }

    std::vector<http_server::Request> seen() const {
        const std::lock_guard lock(mutex_);
        return seen_;
    }
    std::atomic<int> admitted{0};

  private:
    mutable std::mutex mutex_;
    std::vector<http_server::Request> seen_;
};

class LiveServer {
  public:
    explicit LiveServer(http_server::ListenOptions options = {}, TestHandler* handler = nullptr)
        : handler_(handler != nullptr ? *handler : own_handler_),
          server_(http_server::Server::listen(io_, handler_, std::move(options)).value()),
          thread_([this] { io_.run(); }) {}
    LiveServer(const LiveServer&) = delete;
    LiveServer& operator=(const LiveServer&) = delete;
    ~LiveServer() {
        on_io([this] { server_.reset(); });
        work_.reset();
        thread_.join();
    }

    // Runs on the io thread and waits for it.
    void on_io(const std::function<void()>& work) {
        std::packaged_task<void()> task(work);
        boost::asio::post(io_, [&task] { task(); });
        task.get_future().get();
    }

    std::uint16_t port() const { return server_->port(); }
    http_server::Server& server() { return *server_; }
    boost::asio::io_context& io() { return io_; }
    TestHandler& handler() { return handler_; }
    http_server::Counters counters() {
        http_server::Counters result;
        on_io([&] { result = server_->counters(); });
        return result;
    }

  private:
    TestHandler own_handler_;
    TestHandler& handler_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        io_.get_executor()};
    std::unique_ptr<http_server::Server> server_;
    std::thread thread_;
};

struct Reply {
    int status = 0;
    std::string head;
    std::string body;

    bool closes() const { return head.find("\r\nConnection: close\r\n") != std::string::npos; }
};

// Takes the next response out of what was received; `receive` adds to it, false at the end.
template <class Receive>
Reply take_reply(std::string& received, Receive receive, bool has_body) {
    Reply reply;
    std::size_t end;
    while ((end = received.find("\r\n\r\n")) == std::string::npos) {
        if (!receive()) return reply;
    }
    reply.head = received.substr(0, end + 4);
    received.erase(0, end + 4);
    reply.status = std::stoi(reply.head.substr(9, 3));
    const std::size_t field = reply.head.find("Content-Length: ");
    if (!has_body || field == std::string::npos) return reply;
    const std::size_t size = std::stoul(reply.head.substr(field + 16));
    while (received.size() < size) {
        if (!receive()) return Reply{};
    }
    reply.body = received.substr(0, size);
    received.erase(0, size);
    return reply;
}

// Blocking, and bounded: what takes 20 s is a failure.
class RawClient {
  public:
    RawClient() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) { bound_waits(); }
    explicit RawClient(std::uint16_t port) : RawClient() { connect(port); }
    explicit RawClient(const std::string& unix_path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        bound_waits();
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, unix_path.data(), unix_path.size());
        connect(reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    RawClient(RawClient&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;
    ~RawClient() { close(); }

    void connect(std::uint16_t port) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connect(reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }

    // False when the server has closed the connection.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void finish_sending() { ::shutdown(fd_, SHUT_WR); }

    // Whether there is something to read, or the end of the connection.
    bool has_input() const {
        char byte;
        return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
    }

    // The next response; status 0 when the connection ended before one.
    Reply read_reply(bool has_body = true) {
        return take_reply(
            received_, [this] { return receive(); }, has_body);
    }

    // What there is next; empty at the end of the connection.
    std::string read_some() {
        if (received_.empty()) receive();
        return std::exchange(received_, {});
    }

    // Everything up to the end of the connection.
    std::string read_to_end() {
        while (receive()) {
        }
        return std::exchange(received_, {});
    }

    Reply ask(std::string_view bytes) {
        send(bytes);
        return read_reply();
    }

    // Ends the connection with a reset, as a client does that crashes.
    void reset() {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

  private:
    void bound_waits() const {
        const timeval limit{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    void connect(const sockaddr* to, socklen_t size) const {
        if (::connect(fd_, to, size) != 0) throw std::runtime_error("the client can't connect");
    }
    // False at the end of the connection, orderly or not.
    bool receive() {
        char bytes[16 * 1024];
        const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            throw std::runtime_error("the server does not answer");
        }
        if (count <= 0) return false;
        received_.append(bytes, static_cast<std::size_t>(count));
        return true;
    }

    int fd_;
    std::string received_;
};

// Lets the process open no more file descriptors until it goes.
class NoMoreFds {
  public:
    NoMoreFds() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        fillers_.push_back(next);
        rlimit lowered = before_;
        lowered.rlim_cur = static_cast<rlim_t>(next) + 1;
        ::setrlimit(RLIMIT_NOFILE, &lowered);
        for (int fd = next; fd >= 0;) {
            fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (fd >= 0) fillers_.push_back(fd);
        }
    }
    NoMoreFds(const NoMoreFds&) = delete;
    NoMoreFds& operator=(const NoMoreFds&) = delete;
    ~NoMoreFds() {
        for (const int fd : fillers_) ::close(fd);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }

  private:
    rlimit before_{};
    std::vector<int> fillers_;
};

inline std::string post_of(const std::string& body, const std::string& lines = "") {
    return "POST /in HTTP/1.1\r\nHost: a\r\n" + lines +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline std::string chunked_of(const std::string& body, const std::string& lines = "") {
    return "POST /in HTTP/1.1\r\nHost: a\r\n" + lines + "Transfer-Encoding: chunked\r\n\r\n" + body;
}
inline std::string get_of(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

}  // namespace syncline::test
