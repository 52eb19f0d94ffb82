// A name that changes its address between two questions: what is checked has to be what is
// connected to. This program plays the network: its getaddrinfo(), connect() and getpeername() are
// found before the library's, also by libcurl.

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "fixture.hpp"

using namespace syncline::test;

namespace {

constexpr const char* kName = "flip.example";
constexpr const char* kMute = "mute.example";  // is resolved when the test lets it
constexpr const char* kPublicIp = "8.8.8.8";
constexpr const char* kRefusingIp = "8.8.4.4";
constexpr const char* kPrivateIp = "10.1.2.3";
constexpr const char* kMetadataIp = "169.254.169.254";
constexpr const char* kLoopbackIp = "127.0.0.1";

using Addresses = std::vector<std::string>;

// What the world looks like to this program. The resolver asks on a thread of libcurl's.
struct Network {
    std::mutex mutex;
    std::vector<Addresses> answers;  // to the questions for kName, in order; the last one stays
    std::size_t questions = 0;
    std::vector<std::string> connected;     // the addresses that somebody wanted to connect to
    std::map<int, sockaddr_in> led_astray;  // by descriptor: where it believes to be connected to
    std::condition_variable changed;
    bool is_mute = false;
    int asking = 0;  // threads that wait for kMute
};

Network& network() {
    static Network instance;
    return instance;
}

template <class Function>
Function* real(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void set_answers(std::vector<Addresses> answers) {
    const std::lock_guard lock{network().mutex};
    network().answers = std::move(answers);
    network().questions = 0;
    network().connected.clear();
}

std::vector<std::string> connected() {
    const std::lock_guard lock{network().mutex};
    return network().connected;
}

// The answer as the library would give it: one list for freeaddrinfo().
int answer(const char* service, const addrinfo* hints, addrinfo** result) {
    Addresses addresses;
    {
        const std::lock_guard lock{network().mutex};
        const std::size_t last = network().answers.size() - 1;
        addresses = network().answers[std::min(network().questions++, last)];
    }
    static auto* const real_getaddrinfo = real<decltype(::getaddrinfo)>("getaddrinfo");
    addrinfo numeric = hints == nullptr ? addrinfo{} : *hints;
    numeric.ai_flags |= AI_NUMERICHOST;
    addrinfo** end = result;
    for (const std::string& address : addresses) {
        if (const int error = real_getaddrinfo(address.c_str(), service, &numeric, end))
            return error;
        while (*end != nullptr) end = &(*end)->ai_next;
    }
    return 0;
}

void be_mute() {
    Network& world = network();
    std::unique_lock lock{world.mutex};
    ++world.asking;
    world.changed.notify_all();
    world.changed.wait_for(lock, std::chrono::seconds{60}, [&] { return !world.is_mute; });
    --world.asking;
    world.changed.notify_all();
}

EgressPolicy policy_for_name(bool is_literal) {
    EgressPolicy policy;
    (is_literal ? policy.literal_hosts : policy.hosts) = {kName, kMute};
    policy.allow_plain_http = true;
    return policy;
}

struct Rebinding {
    Fixture f;
    Peer peer{f.io, [](const Seen&) { return Action{ok("secret"), Action::Then::kClose}; }};

    // By a pool of its own: a pool remembers the addresses of a name for a minute.
    std::string get(bool is_literal = false) {
        const PoolId pool = f.client->open_pool(policy_of(policy_for_name(is_literal)));
        const std::string url = std::string{"http://"} + kName + ":" + std::to_string(peer.port());
        std::string what = outcome(f.exchange(pool, syncline::test::get(url)));
        f.client->close_pool(pool);
        return what;
    }
};

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
    if (node != nullptr && std::strcmp(node, kName) == 0) return answer(service, hints, result);
    if (node != nullptr && std::strcmp(node, kMute) == 0) {
        be_mute();
        return EAI_AGAIN;
    }
    static auto* const real_getaddrinfo = real<decltype(::getaddrinfo)>("getaddrinfo");
    return real_getaddrinfo(node, service, hints, result);
}

// Nothing leaves the machine: what is not loopback is led there, or refused.
extern "C" int connect(int fd, const sockaddr* address, socklen_t size) {
    static auto* const real_connect = real<decltype(::connect)>("connect");
    if (address->sa_family != AF_INET) return real_connect(fd, address, size);
    sockaddr_in to{};
    std::memcpy(&to, address, sizeof to);
    char text[INET_ADDRSTRLEN]{};
    ::inet_ntop(AF_INET, &to.sin_addr, text, sizeof text);
    {
        const std::lock_guard lock{network().mutex};
        network().connected.emplace_back(text);
    }
    if (std::strcmp(text, kRefusingIp) == 0) {
        errno = ECONNREFUSED;
        return -1;
    }
    {
        const std::lock_guard lock{network().mutex};
        network().led_astray[fd] = to;
    }
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return real_connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

extern "C" int getpeername(int fd, sockaddr* address, socklen_t* size) {
    static auto* const real_getpeername = real<decltype(::getpeername)>("getpeername");
    const int result = real_getpeername(fd, address, size);
    const std::lock_guard lock{network().mutex};
    const auto found = network().led_astray.find(fd);
    if (result == 0 && address->sa_family == AF_INET && found != network().led_astray.end()) {
        std::memcpy(address, &found->second, sizeof found->second);
    }
    return result;
}

TEST_CASE("rebinding: a name that turns to a forbidden address does not reach it",
          "[http_client][H7][C7]") {
    for (const char* forbidden : {kLoopbackIp, kMetadataIp, kPrivateIp}) {
        CAPTURE(forbidden);
        Rebinding world;
        set_answers({{kPublicIp}, {forbidden}});

        // One question for each exchange, so that nothing can change between check and use.
        CHECK(world.get() == "200");
        CHECK(network().questions == 1);
        CHECK(world.get() == "http_client.address_not_allowed");
        CHECK(network().questions == 2);
        CHECK(connected() == Addresses{kPublicIp});
        CHECK(world.peer.connections() == 1);
    }
}

TEST_CASE("rebinding: a forbidden address behind one that does not answer is not tried",
          "[http_client][H7]") {
    for (const char* forbidden : {kLoopbackIp, kMetadataIp, kPrivateIp}) {
        CAPTURE(forbidden);
        Rebinding world;
        set_answers({{kRefusingIp, forbidden}});

        CHECK(world.get() == "http_client.address_not_allowed");
        CHECK(connected() == Addresses{kRefusingIp});
        CHECK(world.peer.connections() == 0);
    }
}

// What the tests above refuse would arrive: for a host that the operator wrote himself the same
// addresses are allowed, but for the metadata's.
TEST_CASE("rebinding: the same requests arrive where the address is allowed", "[http_client][H7]") {
    for (const char* allowed : {kLoopbackIp, kPrivateIp}) {
        CAPTURE(allowed);
        Rebinding world;
        set_answers({{kPublicIp}, {allowed}, {kRefusingIp, allowed}, {kMetadataIp}});

        CHECK(world.get(true) == "200");
        CHECK(world.get(true) == "200");
        CHECK(world.get(true) == "200");
        CHECK(world.peer.connections() == 3);
        CHECK(world.get(true) == "http_client.address_not_allowed");
        CHECK(connected() == Addresses{kPublicIp, allowed, kRefusingIp, allowed});
    }
}

TEST_CASE("resolve: a resolver that is silent costs a connect time-out and delays no one else [C7]",
          "[http_client][C7]") {
    Network& world = network();
    world.is_mute = true;
    {
        ClientOptions options;
        options.connect_timeout = std::chrono::milliseconds{300};
        Fixture f(options);
        Peer peer(f.io, [](const Seen&) { return Action{ok("")}; });
        const PoolId pool = f.client->open_pool(policy_of(policy_for_name(true)));
        std::vector<std::string> order;
        f.client->send(pool, post(std::string{"http://"} + kMute + "/", "x"),
                       [&](syncline::http_client::Result r) {
                           order.push_back(outcome(r));
                           CHECK_FALSE(r.failure->request_may_have_been_processed);
                       });
        f.client->send(f.pool, syncline::test::get(peer.url()),
                       [&](syncline::http_client::Result r) { order.push_back(outcome(r)); });
        run_until(f.io, [&] { return order.size() == 2; });
        CHECK(order == std::vector<std::string>{"200", "http_client.timeout"});
        // The thread that asks is still there, and nothing has waited for it.
        const std::lock_guard lock{world.mutex};
        CHECK(world.asking == 1);
    }
    std::unique_lock lock{world.mutex};
    world.is_mute = false;
    world.changed.notify_all();
    CHECK(
        world.changed.wait_for(lock, std::chrono::seconds{60}, [&] { return world.asking == 0; }));
}
