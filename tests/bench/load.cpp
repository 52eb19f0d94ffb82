// Load on an HTTP server of this machine, lean enough to leave the processors to the server:
// prepared requests over connections that stay open, one at a time on each, without pauses.
//
//   bench_load URL BODIES CONNECTIONS SECONDS [FIRST]
//
//   URL      http://127.0.0.1:PORT/PATH, or http://unix:SOCKET:/PATH
//   BODIES   a file with a request in each line, sent in a circle: type, signature and body,
//            separated by tabs
//   FIRST    the request in that file, from 0, to begin with (0)
//
// Prints one object of JSON: what was `answered` with 2xx and what was `refused` within `seconds`,
// `p50_ms` and `p99_ms` of both, and the request that comes `next`.
// Exit codes: 0 measured; 1 a server that is silent for 10 s, closes a connection, or answers
// otherwise than with a Content-Length; 2 wrong arguments.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kLookEvery{1};  // for answers that are overdue
constexpr std::size_t kAnswerBytesMax = 1024 * 1024;

[[noreturn]] void fail(const std::string& why, int code = 1) {
    std::fprintf(stderr, "bench_load: %s\n", why.c_str());
    std::exit(code);
}

[[noreturn]] void fail_with_errno(const std::string& what) {
    fail(what + ": " + std::strerror(errno));
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

struct Target {
    std::uint16_t port = 0;
    std::string socket;  // of a Unix socket, instead of the port
    std::string path;
};

// Empty for what is neither of the two.
std::optional<Target> parse_url(std::string_view url) {
    constexpr std::string_view kUnix = "http://unix:", kLoopback = "http://127.0.0.1:";
    const bool is_unix = url.starts_with(kUnix);
    if (!is_unix && !url.starts_with(kLoopback)) return std::nullopt;
    url.remove_prefix(is_unix ? kUnix.size() : kLoopback.size());
    const std::size_t end = url.find(is_unix ? ":/" : "/");
    if (end == url.npos) return std::nullopt;
    Target target;
    target.path = url.substr(is_unix ? end + 1 : end);
    if (is_unix) {
        target.socket = url.substr(0, end);
        const bool is_fit =
            !target.socket.empty() && target.socket.size() < sizeof(sockaddr_un::sun_path);
        return is_fit ? std::optional{target} : std::nullopt;
    }
    const auto port = parse<std::uint16_t>(url.substr(0, end));
    target.port = port.value_or(0);
    return port ? std::optional{target} : std::nullopt;
}

// Spelled once, before the clock starts.
std::vector<std::string> read_requests(const char* file, const std::string& path) {
    std::ifstream lines{file};
    std::vector<std::string> requests;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t type_end = line.find('\t');
        const std::size_t signature_end = line.find('\t', type_end + 1);
        if (type_end == line.npos || signature_end == line.npos)
            fail(std::string{file} + ": line " + std::to_string(requests.size() + 1) +
                 " is not type, signature and body");
        const std::string type = line.substr(0, type_end);
        const std::string signature = line.substr(type_end + 1, signature_end - type_end - 1);
        const std::string body = line.substr(signature_end + 1);
        requests.push_back("POST " + path + "?type=" + type +
                           " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                           "X-HMAC: " +
                           signature + "\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\n\r\n" + body);
    }
    if (requests.empty()) fail(std::string{file} + " has no requests");
    return requests;
}

struct Answer {
    int status = 0;
    std::size_t bytes = 0;  // with head and body
};

bool is_same_word(std::string_view one, std::string_view other) {
    return one.size() == other.size() && ::strncasecmp(one.data(), other.data(), one.size()) == 0;
}

// Empty until its head is complete.
std::optional<Answer> read_head(std::string_view bytes) {
    constexpr std::string_view kVersion = "HTTP/1.1 ", kEnd = "\r\n\r\n";
    const std::size_t end = bytes.find(kEnd);
    if (end == bytes.npos) return std::nullopt;
    const auto status =
        bytes.starts_with(kVersion) ? parse<int>(bytes.substr(kVersion.size(), 3)) : std::nullopt;
    if (status.value_or(0) < 200)
        fail("this is no answer in HTTP/1.1: " + std::string{bytes.substr(0, bytes.find('\r'))});
    std::optional<std::size_t> body_bytes;
    if (*status == 204 || *status == 304) body_bytes = 0;
    for (std::size_t at = bytes.find("\r\n"); at < end;) {
        const std::size_t begin = at + 2;
        at = bytes.find("\r\n", begin);
        const std::string_view line = bytes.substr(begin, at - begin);
        const std::size_t colon = line.find(':');
        const std::string_view name = line.substr(0, colon);
        std::string_view value = colon == line.npos ? "" : line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        if (is_same_word(name, "Content-Length") && !body_bytes)
            body_bytes = parse<std::size_t>(value);
        else if (is_same_word(name, "Transfer-Encoding"))
            fail("an answer is sent as `" + std::string{value} + "`, not with a length");
        else if (is_same_word(name, "Connection") && is_same_word(value, "close"))
            fail("the server closes a connection with status " + std::to_string(*status));
    }
    if (!body_bytes || *body_bytes > kAnswerBytesMax)
        fail("an answer has no length, or one over " + std::to_string(kAnswerBytesMax) + " bytes");
    return Answer{*status, end + kEnd.size() + *body_bytes};
}

int connect_to(const Target& target) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, target.socket.data(), target.socket.size());
    sockaddr_in loopback{};
    loopback.sin_family = AF_INET;
    loopback.sin_port = htons(target.port);
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_unix = !target.socket.empty();
    const int fd = ::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail_with_errno("socket");
    // Of connecting and sending; for answers there is a look at all connections.
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int on = 1;
    if (!is_unix) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int failed =
        is_unix ? ::connect(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local)
                : ::connect(fd, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback);
    if (failed != 0) fail_with_errno("can't connect");
    return fd;
}

class Load {
  public:
    Load(const Target& target, std::vector<std::string> requests, std::size_t first,
         std::size_t connections)
        : requests_(std::move(requests)),
          next_(first % requests_.size()),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (epoll_ < 0) fail_with_errno("epoll");
        for (std::size_t i = 0; i < connections; ++i) {
            connections_.push_back({connect_to(target), {}, {}});
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = i;
            if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event) != 0)
                fail_with_errno("epoll");
        }
        latencies_ms_.reserve(4 * 1024 * 1024);
    }

    void run(Clock::duration length) {
        const Clock::time_point begin = Clock::now(), end = begin + length;
        for (Connection& connection : connections_) send(connection);
        Clock::time_point look_at = begin + kLookEvery;
        std::array<epoll_event, 256> events;
        for (Clock::time_point now = begin; now < end; now = Clock::now()) {
            if (now >= look_at) {
                look_for_overdue(now);
                look_at = now + kLookEvery;
            }
            const auto wait =
                std::chrono::ceil<std::chrono::milliseconds>(std::min(end, look_at) - now);
            const int count =
                ::epoll_wait(epoll_, events.data(), events.size(), static_cast<int>(wait.count()));
            if (count < 0 && errno != EINTR) fail_with_errno("epoll");
            for (const epoll_event& event :
                 std::span{events}.first(static_cast<std::size_t>(std::max(count, 0))))
                receive(connections_[event.data.u64]);
        }
        seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
    }

    void print() {
        if (latencies_ms_.empty()) fail("there was no answer");
        std::printf(
            "{\"answered\": %zu, \"refused\": %zu, \"seconds\": %.6f, \"p50_ms\": %.4f, "
            "\"p99_ms\": %.4f, \"next\": %zu}\n",
            answered_, latencies_ms_.size() - answered_, seconds_, percentile(50), percentile(99),
            next_);
    }

  private:
    struct Connection {
        int fd;  // open until the process ends
        std::string unread;
        Clock::time_point sent;
    };

    void send(Connection& connection) {
        const std::string& request = requests_[next_];
        next_ = next_ + 1 == requests_.size() ? 0 : next_ + 1;
        connection.sent = Clock::now();
        const ssize_t sent = ::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(request.size())) fail_with_errno("can't send a request");
    }

    void receive(Connection& connection) {
        std::array<char, 16 * 1024> buffer;
        const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got < 0) fail_with_errno("can't receive an answer");
        if (got == 0) fail("the server has closed a connection");
        std::string_view bytes{buffer.data(), static_cast<std::size_t>(got)};
        std::string& unread = connection.unread;
        if (!unread.empty()) bytes = unread.append(bytes);  // seldom: most come in one piece
        const std::optional<Answer> answer = read_head(bytes);
        if (!answer || bytes.size() < answer->bytes) {
            if (bytes.size() > 2 * kAnswerBytesMax) fail("the head of an answer has no end");
            if (unread.empty()) unread = bytes;
            return;
        }
        if (bytes.size() > answer->bytes) fail("there is more than the answer");
        if (answer->status < 300) ++answered_;
        latencies_ms_.push_back(
            std::chrono::duration<float, std::milli>(Clock::now() - connection.sent).count());
        unread.clear();
        send(connection);
    }

    void look_for_overdue(Clock::time_point now) const {
        for (const Connection& connection : connections_)
            if (now - connection.sent > kPatience)
                fail("no answer within " + std::to_string(kPatience.count()) + " s");
    }

    double percentile(std::size_t share) {
        const auto at =
            latencies_ms_.begin() + static_cast<std::ptrdiff_t>(latencies_ms_.size() * share / 100);
        std::nth_element(latencies_ms_.begin(), at, latencies_ms_.end());
        return static_cast<double>(*at);
    }

    const std::vector<std::string> requests_;
    std::size_t next_;
    const int epoll_;
    std::vector<Connection> connections_;
    std::vector<float> latencies_ms_;
    std::size_t answered_ = 0;
    double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string_view> words{argv + 1, argv + argc};
    const bool is_complete = words.size() == 4 || words.size() == 5;
    const auto target = is_complete ? parse_url(words[0]) : std::nullopt;
    const std::size_t connections = is_complete ? parse<std::size_t>(words[2]).value_or(0) : 0;
    const double seconds = is_complete ? parse<double>(words[3]).value_or(0) : 0;
    const auto first = parse<std::size_t>(words.size() == 5 ? words[4] : "0");
    if (!target || connections == 0 || seconds <= 0 || !first)
        fail(
            "bench_load URL BODIES CONNECTIONS SECONDS [FIRST], with the URL "
            "http://127.0.0.1:PORT/PATH or http://unix:SOCKET:/PATH",
            2);
    Load load{*target, read_requests(argv[2], target->path), *first, connections};
    load.run(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
    load.print();
    return 0;
}
