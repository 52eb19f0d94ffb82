#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "fixture.hpp"
#include "http_server/errc.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;

namespace {

ListenOptions at(std::string address, std::uint16_t port = 0) {
    ListenOptions options;
    options.address = std::move(address);
    options.port = port;
    return options;
}

Error failure_of(ListenOptions options) {
    boost::asio::io_context io;
    TestHandler handler;
    const auto server = Server::listen(io, handler, std::move(options));
    REQUIRE_FALSE(server.has_value());
    return server.error();
}

}  // namespace

TEST_CASE("http listener: a port that is taken is an error of the environment",
          "[http_server][listen]") {
    LiveServer live;
    const Error error = failure_of(at("127.0.0.1", live.port()));
    CHECK(error.is(kAddressInUse));
    CHECK(error.exit_code() == core::ExitCode::kEnvironment);
    CHECK(error.what().find("127.0.0.1:" + std::to_string(live.port())) != std::string::npos);
}

TEST_CASE("http listener: what is no address of this machine is refused", "[http_server][listen]") {
    for (const char* address : {"", "example.com", "127.0.0.1:80", "300.0.0.1", "203.0.113.7",
                                "unix:", "unix:/nonexistent-folder/socket"}) {
        INFO(address);
        CHECK(failure_of(at(address)).is(kAddressInvalid));
    }
    CHECK(failure_of(at("unix:/tmp/" + std::string(200, 'x'))).is(kAddressInvalid));
}

TEST_CASE("http listener: a folder that may not be written to is a matter of permission",
          "[http_server][listen]") {
    const TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms::owner_read);
    const uid_t user = ::geteuid();
    if (user == 0) REQUIRE(::seteuid(65534) == 0);  // root may write anywhere
    const Error error = failure_of(at("unix:" + (dir / "socket").string()));
    if (user == 0) REQUIRE(::seteuid(0) == 0);
    CHECK(error.is(kPermission));
}

TEST_CASE("http listener: IPv6 works where the machine has it", "[http_server][listen]") {
    boost::asio::io_context io;
    TestHandler handler;
    const auto server = Server::listen(io, handler, at("::1"));
    if (server)
        CHECK((*server)->port() != 0);
    else
        CHECK(server.error().is(kAddressInvalid));
}

TEST_CASE("http listener: a Unix socket serves, is private, and goes with the server",
          "[http_server][listen]") {
    const TempDir dir;
    const std::string path = dir / "socket";
    const mode_t umask_before = ::umask(0);
    {
        LiveServer live(at("unix:" + path));
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK(S_ISSOCK(status.st_mode));
        CHECK((status.st_mode & 0777U) == 0600U);
        CHECK(live.port() == 0);

        RawClient client(path);
        CHECK(client.ask(post_of("hello")).body == "hello");
        CHECK(live.handler().seen().at(0).peer.empty());
    }
    ::umask(umask_before);
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("http listener: the file of a Unix socket has the mode that was asked for",
          "[http_server][listen]") {
    const TempDir dir;
    const std::string path = dir / "socket";
    ListenOptions options = at("unix:" + path);
    options.unix_mode = 0660;
    for (const mode_t umask : {0U, 022U, 077U}) {
        CAPTURE(umask);
        const mode_t umask_before = ::umask(umask);
        const LiveServer live(options);
        ::umask(umask_before);
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777U) == 0660U);
    }
}

TEST_CASE("http listener: the limit per address does not hold for a Unix socket",
          "[http_server][listen]") {
    const TempDir dir;
    const std::string path = dir / "socket";
    ListenOptions options = at("unix:" + path);
    options.limits.connections_per_ip_max = 1;
    LiveServer live(options);
    RawClient first(path);
    CHECK(first.ask(get_of("/")).status == 200);
    RawClient second(path);
    CHECK(second.ask(get_of("/")).status == 200);
}

TEST_CASE("http listener: a Unix socket on which someone listens is in use",
          "[http_server][listen]") {
    const TempDir dir;
    const std::string path = dir / "socket";
    LiveServer live(at("unix:" + path));

    CHECK(failure_of(at("unix:" + path)).is(kAddressInUse));

    RawClient client(path);
    CHECK(client.ask(get_of("/")).status == 200);
}

TEST_CASE("http listener: a stale Unix socket is replaced", "[http_server][listen]") {
    const TempDir dir;
    const std::string path = dir / "socket";
    {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        std::memcpy(where.sun_path, path.data(), path.size());
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
        ::close(fd);
    }
    REQUIRE(std::filesystem::exists(path));

    LiveServer live(at("unix:" + path));
    RawClient client(path);
    CHECK(client.ask(get_of("/")).status == 200);
}

TEST_CASE("http listener: a file that is no socket is left alone", "[http_server][listen]") {
    const TempDir dir;
    const std::string path = dir / "precious";
    std::ofstream(path) << "data";

    CHECK(failure_of(at("unix:" + path)).is(kAddressInvalid));
    CHECK(std::filesystem::file_size(path) == 4);
}

TEST_CASE("http listener: without file descriptors listening fails with advice",
          "[http_server][listen][A9]") {
#ifdef __SANITIZE_ADDRESS__
    SUCCEED("UBSan needs file descriptors itself: it looks at memory through a pipe");
    return;
#endif
    boost::asio::io_context io;
    TestHandler handler;
    const NoMoreFds none;
    const auto server = Server::listen(io, handler, {});
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().is(kOutOfResources));
}
