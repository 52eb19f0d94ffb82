// A new version of a connector takes over from one that serves.
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <future>
#include <mutex>
#include <thread>

#include "plugin/errc.hpp"
#include "plugin/probe.hpp"
#include "service.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

using Counted = std::array<std::uint64_t, 4>;  // taken, refused, pinned, stuck

}  // namespace

TEST_CASE("swap: a new version answers the same account, and the old one is unloaded",
          "[plugin][swap][B14]") {
    Service service;
    for (int round = 1; round <= 10; ++round) {
        const auto old = service.staged_file();
        const bool is_second = round % 2 == 1;
        service.replace_by(is_second ? "chaos_2" : "chaos");
        CHECK(service.version() == (is_second ? "2.0.0" : "1.0.0"));
        CHECK(service.counted() == Counted{static_cast<std::uint64_t>(round), 0, 0, 0});
        CHECK(::dlopen(old.c_str(), RTLD_NOLOAD | RTLD_LAZY) == nullptr);
        CHECK(service.staged() == 1);
        CHECK(service.catalog->find("chaos")->version == (is_second ? "2.0.0" : "1.0.0"));
    }
}

TEST_CASE("swap: the same bytes again are no new version", "[plugin][swap]") {
    Service service;
    service.refresh();
    service.replace_by("chaos");
    CHECK(service.counted() == Counted{0, 0, 0, 0});
    service.site.install("chaos", "other");  // under a second name
    service.refresh();
    CHECK(service.counted() == Counted{0, 0, 0, 0});
}

TEST_CASE("swap: what can't serve is refused, and the old version serves on",
          "[plugin][swap][B12][B15][B17]") {
    for (const char* name :
         {"other_manifest", "short_entry", "no_table", "no_note", "no_entry", "new_major",
          "new_minor", "bad_manifest", "bad_init", "needs_gate", "other_stream", "other_hosts"}) {
        INFO(name);
        Service service;
        service.replace_by(name);
        CHECK(service.version() == "1.0.0");
        CHECK(service.counted() == Counted{0, 1, 0, 0});
        CHECK(service.staged() == 1);

        service.refresh();  // the same file is not tried again
        CHECK(service.counted() == Counted{0, 1, 0, 0});
        service.replace_by("chaos_2");
        CHECK(service.version() == "2.0.0");
        CHECK(service.counted() == Counted{1, 1, 0, 0});
    }
}

TEST_CASE("swap: a half-written file is refused, and taken when it is whole",
          "[plugin][swap][B12]") {
    Service service;
    const std::string whole = read_file(fixture("chaos_2"));
    std::uint64_t refused = 0;
    for (const std::size_t percent : {0u, 10u, 50u, 99u}) {
        write_file(service.site.file("chaos"),
                   std::string_view{whole}.substr(0, whole.size() * percent / 100));
        service.refresh();
        CHECK(service.version() == "1.0.0");
        CHECK(service.counted() == Counted{0, ++refused, 0, 0});
    }
    write_file(service.site.file("chaos"), whole);
    service.refresh();
    CHECK(service.version() == "2.0.0");
}

TEST_CASE("swap: what an account was given stands before a new version's defaults",
          "[plugin][swap]") {
    Service service{mode("refuses")};
    service.replace_by("bad_init");  // whose default would not start
    CHECK(service.counted() == Counted{1, 0, 0, 0});
}

TEST_CASE("swap: what is in flight ends on the old version, what comes goes to the new",
          "[plugin][swap][B19]") {
    Service service{mode("http")};
    auto before = service.write();
    service.http->wait_for(1);
    auto replacing = service.replace_meanwhile("chaos_2");
    service.wait_for_change();
    CHECK(service.version() == "2.0.0");
    auto after = service.write();
    service.http->wait_for(2);
    CHECK_FALSE(before->is_ready());

    service.http->answer(2, response(200, "{}"));
    CHECK(after->get().outcomes.at(0).kind == OutcomeKind::kDone);
    service.http->answer(1, response(200, "{}"));
    CHECK(before->get().outcomes.at(0).kind == OutcomeKind::kDone);
    replacing.get();
    CHECK(service.counted() == Counted{1, 0, 0, 0});
    CHECK(service.staged() == 1);
}

TEST_CASE("swap: what does not end on the old version is cancelled at the limit",
          "[plugin][swap]") {
    Catalog::Options options;
    options.drain_limit = std::chrono::seconds{1};
    Service service{mode("http"), options};
    auto before = service.write();
    service.http->wait_for(1);
    service.replace_by("chaos_2");
    CHECK(before->get().outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(service.version() == "2.0.0");
    CHECK(service.counted() == Counted{1, 0, 0, 0});
}

TEST_CASE("swap: an old version that does not stop stays in memory, and the new one serves",
          "[plugin][swap]") {
    Catalog::Options options;
    options.drain_limit = std::chrono::milliseconds{50};
    Service service{mode("never_stopped"), options};
    service.replace_by("chaos_2");
    CHECK(service.version() == "2.0.0");
    CHECK(service.counted() == Counted{1, 0, 0, 1});
}

TEST_CASE("swap: a library that something holds is counted as pinned", "[plugin][swap]") {
    Service service;
    void* held = ::dlopen(service.staged_file().c_str(), RTLD_NOLOAD | RTLD_LAZY);
    REQUIRE(held != nullptr);
    service.replace_by("chaos_2");
    CHECK(service.version() == "2.0.0");
    CHECK(service.counted() == Counted{1, 0, 1, 0});
    ::dlclose(held);
}

TEST_CASE("swap: a library whose threads still run stays mapped", "[plugin][swap][B9]") {
    const syncline::test::TempDir folder;
    const auto gate = folder.path() / "gate";  // its end lets the threads end
    write_file(gate, "");
    auto with_thread = mode("own_thread");
    with_thread["gate"] = gate.string();
    Service service{with_thread};
    service.replace_by("chaos_2");
    CHECK(service.version() == "2.0.0");
    CHECK(service.counted() == Counted{1, 0, 0, 1});
    std::filesystem::remove(gate);
}

TEST_CASE("swap: results of translations come in the order of their calls", "[plugin][swap]") {
    const syncline::test::TempDir folder;
    const auto gate = folder.path() / "gate";
    write_file(gate, "");
    auto blocking = mode("block");
    blocking["gate"] = gate.string();
    Service service{blocking};
    std::mutex mutex;
    std::vector<std::string> order;
    const auto note = [&](std::vector<Translation> translations) {
        const std::lock_guard lock{mutex};
        order.push_back(Service::key_of(translations));
    };
    service.account->translate({Service::event()}, note);
    auto replacing = service.replace_meanwhile("chaos_2");
    service.wait_for_change();
    service.account->translate({Service::event()}, note);
    // The new version's thread has nothing before this.
    Waiter<Failure> answered;
    service.account->handshake(
        {}, [done = answered.callback()](Failure failure, const WebhookReply&) { done(failure); });
    CHECK(answered.get().failure_class == FailureClass::kNone);
    {
        const std::lock_guard lock{mutex};
        CHECK(order.empty());
    }

    std::filesystem::remove(gate);
    CHECK(service.version() == "2.0.0");
    replacing.get();
    CHECK(order == std::vector<std::string>{"1.0.0", "2.0.0"});
}

TEST_CASE("swap: only what passed the probe is loaded", "[plugin][swap][B16]") {
    std::vector<std::string> asked;
    bool is_good = false;
    Catalog::Options options;
    options.probe = [&](const std::filesystem::path& library,
                        const std::vector<InstanceOptions>& accounts,
                        const std::stop_token&) -> Result<void> {
        CHECK(::dlopen(library.c_str(), RTLD_NOLOAD | RTLD_LAZY) == nullptr);
        asked.push_back(accounts.at(0).account +
                        std::string{accounts.at(0).settings.at("mode").as_string()});
        if (!is_good) return Error{kProbeFailed, "it crashed"};
        return {};
    };
    Service service{mode("http"), options};
    CHECK(asked.empty());
    ::setenv("SYNCLINE_TEST_CODE_RAN", "no", 1);
    service.replace_by("chaos_2");
    CHECK(::getenv("SYNCLINE_TEST_CODE_RAN") == std::string{"no"});
    CHECK(service.version() == "1.0.0");
    is_good = true;
    service.replace_by("chaos_2");
    CHECK(service.version() == "2.0.0");
    CHECK(asked == std::vector<std::string>{"shophttp", "shophttp"});
}

TEST_CASE("swap: a file that is gone changes nothing, one beside it with a higher version does",
          "[plugin][swap]") {
    Service service;
    std::filesystem::remove(service.site.file("chaos"));
    service.refresh();
    CHECK(service.version() == "1.0.0");
    service.site.install("chaos_2", "beside");
    service.refresh();
    CHECK(service.version() == "2.0.0");
    service.site.install("chaos");  // lower: a start would not choose it
    service.refresh();
    CHECK(service.version() == "2.0.0");
    CHECK(service.counted() == Counted{1, 0, 0, 0});
}

TEST_CASE("swap: an account that was stopped stays so", "[plugin][swap]") {
    Service service;
    Waiter<int> stopped;
    service.account->stop(std::chrono::seconds{10}, [done = stopped.callback()] { done(0); });
    stopped.get();
    service.replace_by("chaos_2");
    Waiter<std::vector<Translation>> waiter;
    service.account->translate({Service::event()}, waiter.callback());
    CHECK(waiter.get().at(0).failure.failure_class == FailureClass::kCancelled);
    CHECK(service.counted() == Counted{1, 0, 0, 0});
}

TEST_CASE("swap: a new connector that no account uses is there for the next start",
          "[plugin][swap]") {
    Service service;
    service.site.install("polite");
    service.refresh();
    REQUIRE(service.catalog->find("polite") != nullptr);
    CHECK(service.counted() == Counted{0, 0, 0, 0});
}

TEST_CASE("probe: tries a library with the settings of each account", "[plugin][swap][B16]") {
    Service service;
    const auto library = service.staged_file();
    InstanceOptions good, bad, stays;
    bad.account = "other";
    bad.settings = mode("bad_key");
    stays.settings = mode("init_int");
    CHECK(probe_library(library, {good, good}, core::system_clock()).has_value());
    const auto refused = probe_library(library, {good, bad}, core::system_clock());
    REQUIRE_FALSE(refused.has_value());
    CHECK_THAT(refused.error().to_string(),
               Catch::Contains("other") && Catch::Contains("the platform refused the key"));
    CHECK(probe_library(library, {stays}, core::system_clock()).error().is(kStartFailed));
}
