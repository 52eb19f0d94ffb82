#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <fstream>
#include <limits>
#include <optional>

#include "app/descriptors.hpp"
#include "app/doctor.hpp"
#include "http_client/client.hpp"
#include "http_server/tls.hpp"

namespace syncline::app {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60;
constexpr std::uint64_t kMemoryWanted = 128 * 1024 * 1024;  // beside what waits to be applied

// The number behind a word at the beginning of a line, as in /proc/meminfo; or alone in its file.
std::optional<std::uint64_t> number_in(const char* file, const std::string& word) {
    std::ifstream stream{file};
    std::string first;
    std::uint64_t number = 0;
    if (word.empty()) return stream >> number ? std::optional{number} : std::nullopt;
    while (stream >> first) {
        if (first == word && stream >> number) return number;
        stream.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return std::nullopt;
}

constexpr const char* kPort = "port";

// Where webhooks come in according to the file.
std::string place_of(const config::Hub& hub) {
    if (!hub.listen_socket.empty()) return "unix:" + hub.listen_socket.string();
    const bool is_v6 = hub.listen_address.find(':') != std::string::npos;
    return (is_v6 ? "[" + hub.listen_address + "]" : hub.listen_address) + ":" +
           std::to_string(hub.listen_port);
}

bool is_same_place(const config::Hub& hub, const std::string& serving) {
    if (!hub.listen_socket.empty()) return serving == place_of(hub);
    if (serving.starts_with("unix:")) return false;
    return hub.listen_port == 0 || serving.ends_with(":" + std::to_string(hub.listen_port));
}

void examine_port(const config::Hub& hub, Findings& findings) {
    namespace ip = boost::asio::ip;
    boost::system::error_code error;
    const ip::address address = ip::make_address(hub.listen_address, error);
    if (error) return;  // the configuration holds addresses only
    boost::asio::io_context io;
    ip::tcp::acceptor acceptor{io};
    const ip::tcp::endpoint endpoint{address, hub.listen_port};
    // It does not listen: nobody who connects just now gets lost.
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(ip::tcp::acceptor::reuse_address{true}, error);
    if (!error) acceptor.bind(endpoint, error);
    if (error)
        findings.fail(kPort, "can't listen on " + place_of(hub) + ": " + error.message(),
                      "stop the other program, or choose another hub.listen");
    else
        findings.ok(kPort, place_of(hub) + " is free");
}

bool has_listener(const std::filesystem::path& socket) {
    using boost::asio::local::stream_protocol;
    boost::asio::io_context io;
    stream_protocol::socket probe{io};
    boost::system::error_code error;
    probe.connect(stream_protocol::endpoint{socket.string()}, error);
    return !error;
}

}  // namespace

void examine_socket(const config::Hub& hub, const std::filesystem::path& socket,
                    const std::string& name, const std::string& key, Findings& findings) {
    struct stat status {};
    const bool is_there = ::lstat(socket.c_str(), &status) == 0;
    const std::filesystem::path folder = socket.parent_path();
    if (is_there && !S_ISSOCK(status.st_mode))
        findings.fail(name, socket.string() + " is no socket",
                      "remove it, or write another " + key);
    else if (is_there && has_listener(socket))
        findings.fail(name, "another program listens on " + socket.string(),
                      "stop the other program, or choose another " + key);
    else if (folder != hub.data_dir && ::access(folder.c_str(), W_OK | X_OK) != 0)
        findings.fail(name, "this user can't create " + socket.string(),
                      "make its folder writable, or write another " + key);
    else
        findings.ok(name, socket.string() + (is_there ? " is left over; the next start replaces it"
                                                      : " will be created"));
}

void examine_listener(const config::Hub& hub, const std::string& serving, Findings& findings) {
    const std::string name = hub.listen_socket.empty() ? kPort : "webhook socket";
    if (serving.empty() && hub.listen_socket.empty())
        examine_port(hub, findings);
    else if (serving.empty())
        examine_socket(hub, hub.listen_socket, name, "hub.listen", findings);
    else if (is_same_place(hub, serving))
        findings.ok(name, "the hub serves " + serving);
    else
        findings.warn(name, "the hub serves " + serving + ", and the file says " + place_of(hub),
                      "start the hub again to make the change take effect");
}

void examine_tls(const config::Hub& hub, Findings& findings) {
    if (!hub.listen_socket.empty()) {
        findings.ok("tls", "not needed; webhooks come in on a Unix socket");
        return;
    }
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(hub.listen_address, error);
    if (!hub.tls) {
        if (error || address.is_loopback()) {
            findings.ok("tls", "not configured; webhooks come in on loopback");
            return;
        }
        findings.warn("tls", "webhooks on " + hub.listen_address + " are not encrypted",
                      "configure hub.tls, unless the network is trusted");
        return;
    }
    const auto loaded =
        http_server::load_tls({hub.tls->certificate, hub.tls->key, hub.tls->client_ca});
    if (!loaded.has_value()) {
        findings.fail("tls", loaded.error());
        return;
    }
    constexpr std::int64_t kSoonDays = 14;
    const std::int64_t days = http_server::seconds_left(*loaded) / kDay;
    const std::string what = "the certificate is valid for " + std::to_string(days) + " more days";
    if (days < kSoonDays)
        findings.warn("tls", what, "renew it; the hub reads it when it changes");
    else
        findings.ok("tls", what);
}

void examine_http_client(Findings& findings) {
    if (const auto loaded = http_client::load_libcurl(); !loaded)
        findings.fail("libcurl", loaded.error());
    else
        findings.ok("libcurl", "it can be loaded");
}

void examine_limits(const config::Config& config, Findings& findings) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const std::uint64_t files =
        config.hub.limits.connections_max + descriptors_of_hub(config.accounts.size());
    const std::string allowed = std::to_string(limit.rlim_max);
    if (limit.rlim_max < files)
        findings.warn("open files",
                      "this shell may have " + allowed + ", the hub wants " + std::to_string(files),
                      "raise it (LimitNOFILE=), or lower hub.limits.connections_max");
    else
        findings.ok("open files", allowed + " allowed, " + std::to_string(files) + " wanted");

    const std::uint64_t wanted = kMemoryWanted + config.hub.limits.unapplied_bytes_max;
    std::optional<std::uint64_t> free = number_in("/proc/meminfo", "MemAvailable:");
    if (free) *free *= 1024;
    if (const auto most = number_in("/sys/fs/cgroup/memory.max", "")) {
        const std::uint64_t used = number_in("/sys/fs/cgroup/memory.current", "").value_or(0);
        free = std::min(free.value_or(*most), *most - std::min(*most, used));
    }
    if (!free) return;  // a system that does not tell
    const std::string what = bytes_in_words(*free) + " available";
    if (*free < wanted)
        findings.warn("memory", what + ", " + bytes_in_words(wanted) + " wanted",
                      "add memory, or lower hub.limits.unapplied_bytes_max");
    else
        findings.ok("memory", what);
}

}  // namespace syncline::app
