#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fstream>
#include <limits>
#include <optional>

#include "app/descriptors.hpp"
#include "app/doctor.hpp"
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

}  // namespace

void examine_listener(const config::Hub& hub, const std::string& serving, Findings& findings) {
    namespace ip = boost::asio::ip;
    constexpr const char* kName = "port";
    boost::system::error_code error;
    const ip::address address = ip::make_address(hub.listen_address, error);
    if (error) return;  // the configuration holds addresses only
    const std::string place =
        (address.is_v6() ? "[" + hub.listen_address + "]" : hub.listen_address) + ":" +
        std::to_string(hub.listen_port);
    if (!serving.empty()) {
        const bool is_same =
            hub.listen_port == 0 || serving.ends_with(":" + std::to_string(hub.listen_port));
        if (is_same)
            findings.ok(kName, "the hub serves " + serving);
        else
            findings.warn(kName, "the hub serves " + serving + ", and the file says " + place,
                          "start the hub again to make the change take effect");
        return;
    }
    boost::asio::io_context io;
    ip::tcp::acceptor acceptor{io};
    const ip::tcp::endpoint endpoint{address, hub.listen_port};
    // It does not listen: nobody who connects just now gets lost.
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(ip::tcp::acceptor::reuse_address{true}, error);
    if (!error) acceptor.bind(endpoint, error);
    if (error)
        findings.fail(kName, "can't listen on " + place + ": " + error.message(),
                      "stop the other program, or choose another hub.listen");
    else
        findings.ok(kName, place + " is free");
}

void examine_tls(const config::Hub& hub, Findings& findings) {
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
