// Versions of connectors from one run to the next, and what an operator does with them.
#include "plugin/errc.hpp"
#include "service.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

Catalog::Options with_notes(const Service& service) {
    Catalog::Options options;
    options.versions = service.notes();
    return options;
}

// Chaos in service, with notes.
struct Noted : Service {
    std::shared_ptr<VersionNotes> versions;

    Noted() {
        stop();
        restart();
    }
    void restart() {
        stop();
        const Catalog::Options options = with_notes(*this);
        versions = options.versions;
        start({}, options);
        refresh();
    }
    Result<void> roll_back() { return catalog->roll_back("chaos", std::stop_token{}); }
    ConnectorStatus status() const { return catalog->status().at(0); }
    SwapEvent last_event() const { return catalog->events().back(); }
};

}  // namespace

TEST_CASE("versions: the operator goes back without the connectors directory, also over a restart",
          "[plugin][versions]") {
    Noted service;
    service.replace_by("chaos_2");
    CHECK(service.version() == "2.0.0");
    CHECK(service.versions->of("chaos").previous->version == "1.0.0");
    REQUIRE(service.roll_back().has_value());
    CHECK(service.version() == "1.0.0");
    CHECK(service.status().serving.version == "1.0.0");
    CHECK(service.catalog->swaps().taken_back.value() == 1);
    CHECK(service.staged() == 1);

    service.refresh();  // the file of 2.0.0 is still there
    CHECK(service.version() == "1.0.0");
    service.restart();
    CHECK(service.version() == "1.0.0");
    REQUIRE(service.catalog->refusals().size() == 1);
    CHECK(service.catalog->refusals().at(0).error.is(kQuarantined));
    CHECK_THAT(service.catalog->refusals().at(0).error.what(), Catch::Contains("by the operator"));
}

TEST_CASE("versions: a version that was rolled back is taken when the operator lets it",
          "[plugin][versions]") {
    Noted service;
    service.replace_by("chaos_2");
    REQUIRE(service.roll_back().has_value());
    service.replace_by("chaos_2");
    CHECK(service.version() == "1.0.0");
    CHECK(service.last_event().kind == SwapEvent::Kind::kRefused);
    CHECK(service.last_event().code == kQuarantined.name);
    const std::string hash = service.versions->of("chaos").quarantined.at(0).sha256_hex;
    REQUIRE(service.catalog->release("chaos", hash).has_value());
    service.refresh();
    CHECK(service.version() == "2.0.0");
    CHECK(service.last_event().kind == SwapEvent::Kind::kServes);
}

TEST_CASE("versions: without an earlier one there is nothing to go back to", "[plugin][versions]") {
    Noted service;
    CHECK(service.roll_back().error().is(kNoPrevious));
    CHECK(service.last_event().code == kNoPrevious.name);
    CHECK(service.last_event().why == R"(no earlier version of "chaos" is kept to go back to)");
    CHECK(service.catalog->roll_back("other", std::stop_token{}).error().is(kUnknownConnector));
    service.replace_by("chaos_2");
    REQUIRE(service.roll_back().has_value());
    CHECK(service.roll_back().error().is(kNoPrevious));
    CHECK(service.version() == "1.0.0");
}

TEST_CASE("versions: a previous one that can't serve leaves the other in service",
          "[plugin][versions]") {
    Noted service;
    service.replace_by("chaos_2");
    const std::string hash = service.versions->of("chaos").previous->sha256_hex;
    std::filesystem::remove(service.site.root.path() / "versions" / ("chaos-" + hash + ".so"));
    CHECK(service.roll_back().error().is(kVersionsFailed));
    CHECK(service.version() == "2.0.0");
    CHECK(service.versions->of("chaos").quarantined.empty());
}

TEST_CASE("versions: what is blamed before the start does not start; what served before does",
          "[plugin][versions][B2]") {
    Noted service;
    service.replace_by("chaos_2");
    const std::string hash = service.versions->of("chaos").serving->sha256_hex;
    service.stop();
    REQUIRE(service.notes()->quarantine("chaos", hash, "the process died in it").has_value());
    service.restart();
    CHECK(service.version() == "1.0.0");
    CHECK(service.versions->of("chaos").serving->version == "1.0.0");
    CHECK_FALSE(service.versions->of("chaos").previous);
}

TEST_CASE("versions: a version that is blamed with nothing to go back to is not started",
          "[plugin][versions]") {
    Noted service;
    const std::string hash = service.versions->of("chaos").serving->sha256_hex;
    service.stop();
    auto notes = service.notes();
    REQUIRE(notes->quarantine("chaos", hash, "the process died in it").has_value());
    Catalog::Options options = service.site.options();
    options.versions = notes;
    const auto catalog = Catalog::open(options).value();
    CHECK(catalog->find("chaos") == nullptr);
    CHECK_THAT(catalog->unknown("chaos").what(), Catch::Contains("the process died in it"));
}

TEST_CASE("versions: a connector in use is not forgotten, one that nobody uses is",
          "[plugin][versions]") {
    Noted service;
    const auto refused = service.catalog->forget("chaos");
    CHECK(refused.error().is(kInUse));
    CHECK_THAT(refused.error().what(), Catch::Contains("shop"));
    CHECK(service.version() == "1.0.0");
    service.site.install("polite");
    service.refresh();
    REQUIRE(service.catalog->find("polite") != nullptr);
    REQUIRE(service.catalog->forget("polite").has_value());
    std::filesystem::remove(service.site.file("polite"));
    service.refresh();
    CHECK(service.catalog->find("polite") == nullptr);
    CHECK(service.catalog->status().size() == 1);
}

TEST_CASE("versions: events say what became of each file, and are bounded", "[plugin][versions]") {
    Noted service;
    service.replace_by("bad_init");
    CHECK(service.last_event().kind == SwapEvent::Kind::kRefused);
    CHECK(service.last_event().code == kStartFailed.name);
    CHECK(service.last_event().file == "chaos.so");
    service.replace_by("chaos_2");
    CHECK(service.last_event().kind == SwapEvent::Kind::kServes);
    CHECK(service.last_event().version == "2.0.0");
    const std::uint64_t number = service.last_event().number;
    for (std::size_t i = 0; i <= kSwapEventsMax; ++i) {
        write_file(service.site.file("bad"), std::string(i, 'x'));
        service.refresh();
    }
    CHECK(service.catalog->events().size() == kSwapEventsMax);
    CHECK(service.last_event().number == number + kSwapEventsMax + 1);
}
