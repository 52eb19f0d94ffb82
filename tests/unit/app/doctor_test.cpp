#include "app/doctor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "store/store.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

struct Idle final : store::Store::Observer {
    Result<std::optional<std::chrono::nanoseconds>> on_state(store::State&) override {
        return std::optional<std::chrono::nanoseconds>{};
    }
};
Idle idle;

std::unique_ptr<store::Store> open_store(const test::TempDir& folder, const core::Clock& clock) {
    store::Store::Options options;
    options.data_dir = folder.path();
    options.clock = &clock;
    options.version = "1.2.3";
    options.allow_unsafe_filesystem = true;
    options.on_fatal = [](const Error& error) { FAIL(error.to_string()); };
    auto opened = store::Store::open(std::move(options));
    REQUIRE(opened.has_value());
    REQUIRE((*opened)->start(&idle).has_value());
    return std::move(*opened);
}

const Finding& find(const Findings& findings, const std::string& name) {
    for (const Finding& finding : findings.list())
        if (finding.name == name) return finding;
    FAIL("nothing was found of " << name);
    std::abort();
}

}  // namespace

TEST_CASE("doctor: the exit code is that of the worst finding", "[app][doctor]") {
    Findings findings;
    findings.ok("a", "fine");
    findings.warn("b", "nearly", "look");
    CHECK(findings.exit_code() == core::ExitCode::kDone);
    findings.fail("c", "broken", "mend", core::ExitCode::kRuntime);
    CHECK(findings.exit_code() == core::ExitCode::kRuntime);
    findings.fail("d", "no disk", "buy");
    CHECK(findings.exit_code() == core::ExitCode::kEnvironment);
    findings.fail("e", "wrong file", "write", core::ExitCode::kInvalidInput);
    CHECK(findings.exit_code() == core::ExitCode::kInvalidInput);
    CHECK(findings.count(Health::kFail) == 3);
}

TEST_CASE("doctor: a store that is in use names its process and is left alone", "[app][doctor]") {
    const test::TempDir folder;
    test::FakeClock clock;
    const auto store = open_store(folder, clock);
    Findings findings;
    CHECK(examine_store(folder.path(), clock, findings) == std::to_string(::getpid()));
    CHECK(find(findings, "store").what == "not looked at, because it is in use");
    CHECK(findings.count(Health::kFail) == 0);
    store->stop();
}

TEST_CASE("doctor: a clock behind the newest fact is a warning", "[app][doctor]") {
    const test::TempDir folder;
    test::FakeClock clock;
    open_store(folder, clock)->stop();
    Findings now, before;
    CHECK(examine_store(folder.path(), clock, now).empty());
    CHECK(find(now, "clock").health == Health::kOk);
    CHECK(find(now, "journal").health == Health::kOk);
    CHECK(find(now, "state").health == Health::kOk);
    clock.jump_wall(-std::chrono::seconds{1});
    CHECK(examine_store(folder.path(), clock, before).empty());
    CHECK(find(before, "clock").health == Health::kWarn);
    CHECK(before.exit_code() == core::ExitCode::kDone);
}

TEST_CASE("doctor: looking does not keep the hub from its lock", "[app][doctor]") {
    const test::TempDir folder;
    test::FakeClock clock;
    open_store(folder, clock)->stop();
    Findings findings;
    examine_store(folder.path(), clock, findings);
    open_store(folder, clock)->stop();
    CHECK(find(findings, "lock").health == Health::kOk);
}

TEST_CASE("doctor: a data directory that is missing would be made, and is not", "[app][doctor]") {
    const test::TempDir folder;
    config::Hub hub;
    hub.data_dir = folder / "some/where";
    Findings findings;
    CHECK_FALSE(examine_data_dir(hub, findings));
    CHECK(find(findings, "data directory").health == Health::kOk);
    CHECK_FALSE(std::filesystem::exists(folder / "some"));
    hub.data_dir = folder.path();
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    Findings open;
    CHECK(examine_data_dir(hub, open));
    CHECK(find(open, "data directory").health == Health::kWarn);
    REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
    Findings closed;
    CHECK(examine_data_dir(hub, closed));
    CHECK(find(closed, "data directory").health == Health::kOk);
}

TEST_CASE("doctor: a backlog that does not fit the disk is a warning", "[app][doctor]") {
    const test::TempDir folder;
    config::Hub hub;
    hub.data_dir = folder.path();
    hub.limits.pending_bytes_max = std::uint64_t{1} << 60;
    Findings findings;
    examine_data_dir(hub, findings);
    CHECK(find(findings, "disk space").health == Health::kWarn);
}

TEST_CASE("doctor: more clients than descriptors are a warning", "[app][doctor]") {
    config::Config config;
    config.hub.limits.connections_max = 1;
    config.hub.limits.unapplied_bytes_max = 0;
    Findings few, many;
    examine_limits(config, few);
    config.hub.limits.connections_max = std::size_t{1} << 40;
    config.hub.limits.unapplied_bytes_max = std::uint64_t{1} << 60;
    examine_limits(config, many);
    CHECK(find(few, "open files").health == Health::kOk);
    CHECK(find(many, "open files").health == Health::kWarn);
    CHECK(find(many, "memory").health == Health::kWarn);
}

TEST_CASE("doctor: webhooks in the clear on a network are a warning", "[app][doctor]") {
    config::Hub hub;
    Findings local, open;
    examine_tls(hub, local);
    hub.listen_address = "0.0.0.0";
    examine_tls(hub, open);
    CHECK(find(local, "tls").health == Health::kOk);
    CHECK(find(open, "tls").health == Health::kWarn);
    hub.listen_socket = "/run/hub.sock";
    Findings socket;
    examine_tls(hub, socket);
    CHECK(find(socket, "tls").health == Health::kOk);
}

TEST_CASE("doctor: a Unix socket for webhooks is free, left over, or in use", "[app][doctor]") {
    const test::TempDir folder;
    config::Hub hub;
    hub.listen_socket = folder / "hub.sock";
    const std::string place = "unix:" + hub.listen_socket.string();
    const auto look = [&](const std::string& serving = "") {
        Findings findings;
        examine_listener(hub, serving, findings);
        return find(findings, "webhook socket");
    };
    CHECK(look().what == hub.listen_socket.string() + " will be created");
    boost::asio::io_context io;
    {
        boost::asio::local::stream_protocol::acceptor other{io, hub.listen_socket.string()};
        CHECK(look().health == Health::kFail);
        CHECK(look(place).what == "the hub serves " + place);
        CHECK(look("http://127.0.0.1:8080").health == Health::kWarn);
    }
    CHECK(look().what == hub.listen_socket.string() + " is left over; the next start replaces it");
    hub.listen_socket = folder / "nowhere/hub.sock";
    CHECK(look().health == Health::kFail);
    hub.listen_socket = folder.path();
    CHECK(look().what == folder.path().string() + " is no socket");
}

TEST_CASE("doctor: a hub on a Unix socket does not serve the port of the file", "[app][doctor]") {
    config::Hub hub;
    hub.listen_port = 0;
    Findings findings;
    examine_listener(hub, "unix:/run/hub.sock", findings);
    CHECK(find(findings, "port").health == Health::kWarn);
}

TEST_CASE("doctor: sizes are words for people", "[app][doctor]") {
    CHECK(bytes_in_words(0) == "0 B");
    CHECK(bytes_in_words(1023) == "1023 B");
    CHECK(bytes_in_words(4096) == "4.0 KiB");
    CHECK(bytes_in_words(std::uint64_t{8} << 30) == "8.0 GiB");
    CHECK(bytes_in_words(~std::uint64_t{0}) == "16.0 EiB");
}
