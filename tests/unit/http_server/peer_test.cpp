// The server against programs that others wrote: curl as a client, nginx as a proxy in front.
// Skipped where they are not installed.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "fixture.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "vectors.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;

namespace {

constexpr const char* kCurl = "/usr/bin/curl";
constexpr const char* kNginx = "/usr/sbin/nginx";

std::string curl(const std::string& arguments) {
    const std::string command =
        std::string(kCurl) + " -sS --max-time 20 --noproxy '*' " + arguments;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string output;
    char bytes[4096];
    for (std::size_t count; (count = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;) {
        output.append(bytes, count);
    }
    ::pclose(pipe);
    return output;
}

// A reverse proxy with keep-alive to the server. Its listening socket is opened here and inherited
// (as in a binary upgrade of nginx), so that the port is known and clients can connect before it
// has started.
class Nginx {
  public:
    explicit Nginx(std::uint16_t upstream_port) {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&where), size) == 0);
        REQUIRE(::listen(listener, 64) == 0);
        REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size) == 0);
        port_ = ntohs(where.sin_port);
        write_config(upstream_port);
        start(listener);
        ::close(listener);
    }
    Nginx(const Nginx&) = delete;
    Nginx& operator=(const Nginx&) = delete;
    ~Nginx() {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }

    std::uint16_t port() const { return port_; }

  private:
    void write_config(std::uint16_t upstream_port) const {
        std::ofstream config(dir_ / "nginx.conf");
        config << "daemon off; user root; worker_processes 1; pid nginx.pid;\n"
               << "events {}\nhttp {\n  access_log off;\n";
        for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
            config << "  " << kind << "_temp_path temp_" << kind << ";\n";
        }
        config << "  upstream hub { server 127.0.0.1:" << upstream_port << "; keepalive 4; }\n"
               << "  server { listen 127.0.0.1:" << port_ << ";\n"
               << "    location / { proxy_pass http://hub; proxy_http_version 1.1;\n"
               << "      proxy_set_header Connection ''; proxy_request_buffering off; } }\n}\n";
    }
    void start(int listener) {
        const std::string prefix = dir_.path();
        const std::string config = dir_ / "nginx.conf";
        const std::string errors = dir_ / "error.log";
        const std::string inherited = "NGINX=" + std::to_string(listener) + ";";
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a crashed test leaves no proxy behind
        char* const environment[] = {const_cast<char*>(inherited.c_str()), nullptr};
        ::execle(kNginx, kNginx, "-p", prefix.c_str(), "-c", config.c_str(), "-e", errors.c_str(),
                 static_cast<char*>(nullptr), environment);
        ::_exit(127);
    }

    TempDir dir_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

// Each hides `GET /smuggled` where one of two readers might take it for a request.
std::vector<Vector> smugglers() {
    const std::string hidden = get_of("/smuggled");
    const std::string chunked_hidden = "0\r\n\r\n" + hidden;
    const std::string length = "Content-Length: " + std::to_string(chunked_hidden.size()) + "\r\n";
    const auto post = [](const std::string& lines, const std::string& body) {
        return "POST /in HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body;
    };
    const std::string te = "Transfer-Encoding: chunked\r\n";
    return {
        {"CL.TE", post(length + te, chunked_hidden)},
        {"TE.CL", post(te + "Content-Length: 4\r\n", "5c\r\n" + hidden + "\r\n0\r\n\r\n")},
        {"TE gzip with CL", post(length + "Transfer-Encoding: gzip\r\n", chunked_hidden)},
        {"TE identity", post("Transfer-Encoding: identity\r\n", hidden)},
        {"TE xchunked", post(length + "Transfer-Encoding: xchunked\r\n", chunked_hidden)},
        {"TE with a space before the colon",
         post(length + "Transfer-Encoding : chunked\r\n", chunked_hidden)},
        {"TE folded", post(length + "Transfer-Encoding:\r\n chunked\r\n", chunked_hidden)},
        {"TE with a vertical tab",
         post(length + "Transfer-Encoding:\vchunked\r\n", chunked_hidden)},
        {"TE twice", post(te + "Transfer-Encoding: identity\r\n", chunked_hidden)},
        {"TE with an underscore", post(length + "Transfer_Encoding: chunked\r\n", chunked_hidden)},
        {"TE after a bare LF",
         post(length + "X: y\nTransfer-Encoding: chunked\r\n", chunked_hidden)},
        {"TE after a bare CR",
         post(length + "X: y\rTransfer-Encoding: chunked\r\n", chunked_hidden)},
        {"CL twice", post("Content-Length: 0\r\n" + length, chunked_hidden)},
        {"CL list", post("Content-Length: 0, 40\r\n", hidden)},
        {"CL with a plus", post("Content-Length: +40\r\n", hidden)},
        {"CL with a leading zero", post("Content-Length: 0" + length.substr(16), chunked_hidden)},
        {"a chunk extension with an LF", post(te, "5;a=\"\n\"\r\nhello\r\n" + chunked_hidden)},
        {"a chunk that ends in a bare LF", post(te, "5\r\nhello\n0\r\n\r\n")},
        {"a chunk of negative size", post(te, "-1\r\n" + hidden)},
        {"a chunk above 64 bits", post(te, "10000000000000000\r\n" + hidden)},
        {"HTTP/1.0 chunked",
         "POST /in HTTP/1.0\r\nHost: a\r\n" + te + length + "\r\n" + chunked_hidden},
    };
}

bool has_seen(const TestHandler& handler, const std::string& path) {
    for (const Request& request : handler.seen()) {
        if (request.path == path) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("peers: curl posts, with and without lengths", "[http_server][peers]") {
    if (!std::filesystem::exists(kCurl)) {
        SUCCEED("curl is not installed");
        return;
    }
    TestHandler handler;
    handler.admission.body_bytes_max = 3'000'000;
    LiveServer live({}, &handler);
    const TempDir dir;
    const std::string file = dir / "body";
    std::ofstream(file) << std::string(2'000'000, 'x');
    const std::string url = "http://127.0.0.1:" + std::to_string(live.port()) + "/in";

    CHECK(curl("-d hello " + url) == "hello");
    CHECK(curl("-d one " + url + " --next -sS -d two " + url) == "onetwo");
    CHECK(curl("--data-binary @" + file + " " + url).size() == 2'000'000);
    CHECK(curl("-H 'Expect: 100-continue' --data-binary @" + file + " " + url).size() == 2'000'000);
    CHECK(curl("-H 'Transfer-Encoding: chunked' --data-binary @" + file + " " + url).size() ==
          2'000'000);
    CHECK(curl("-0 -d old " + url) == "old");
    CHECK(curl("-I " + url).find("HTTP/1.1 200 OK\r\n") == 0);
    CHECK(curl("-o /dev/null -w '%{http_code}' --path-as-is " + url + "/../x") == "400");
    const std::string large = dir / "large";
    std::ofstream(large) << std::string(4'000'000, 'x');
    CHECK(curl("-o /dev/null -w '%{http_code}' --data-binary @" + large + " " + url) == "413");
}

TEST_CASE("peers: curl reaches a Unix socket", "[http_server][peers]") {
    if (!std::filesystem::exists(kCurl)) {
        SUCCEED("curl is not installed");
        return;
    }
    const TempDir dir;
    const std::string path = dir / "socket";
    ListenOptions options;
    options.address = "unix:" + path;
    LiveServer live(options);
    CHECK(curl("--unix-socket " + path + " -d hello http://a/in") == "hello");
}

TEST_CASE("peers: no smuggled request reaches the handler, directly", "[http_server][peers][E3]") {
    LiveServer live;
    for (const Vector& vector : smugglers()) {
        INFO(vector.name);
        RawClient client(live.port());
        client.send(vector.bytes);
        client.finish_sending();
        client.read_to_end();
        CHECK_FALSE(has_seen(live.handler(), "/smuggled"));
    }
}

TEST_CASE(
    "peers: no smuggled request reaches the handler through nginx, and none gets another's answer",
    "[http_server][peers][E3]") {
    if (!std::filesystem::exists(kNginx)) {
        SUCCEED("nginx is not installed");
        return;
    }
    TestHandler handler;
    handler.on_handle = [](Request request, Responder respond) {
        Response response;
        response.body = request.path;
        respond(std::move(response));
    };
    LiveServer live({}, &handler);
    const Nginx proxy(live.port());
    const auto check_honest = [&](const std::string& path) {
        RawClient honest(proxy.port());
        CHECK(honest.ask(get_of(path)).body == path);
    };
    check_honest("/first");
    int count = 0;
    for (const Vector& vector : smugglers()) {
        INFO(vector.name);
        {
            RawClient client(proxy.port());
            client.send(vector.bytes);
            client.finish_sending();
            client.read_to_end();
        }
        check_honest("/honest/" + std::to_string(++count));
    }
    CHECK_FALSE(has_seen(handler, "/smuggled"));
}
