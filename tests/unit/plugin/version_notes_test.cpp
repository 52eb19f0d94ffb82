// What is remembered of connectors' versions.
#include "plugin/version_notes.hpp"

#include "core/hash.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

struct NotesFixture {
    syncline::test::TempDir data;
    syncline::test::FakeClock clock;

    std::shared_ptr<VersionNotes> open(
        VersionNotes::Access access = VersionNotes::Access::kWrite) const {
        return VersionNotes::open(data.path(), clock, access);
    }
    std::filesystem::path file() const { return data.path() / "versions/notes.json"; }

    // A staged library with these bytes serves.
    Result<void> serve(VersionNotes& notes, const std::string& bytes) {
        clock.advance(std::chrono::seconds{1});
        const auto staged = data.path() / "staged.so";
        write_file(staged, bytes);
        return notes.serve("acme", {hash(bytes), "1." + bytes, "acme.so", 0}, staged);
    }
    static std::string hash(const std::string& bytes) { return core::to_hex(core::sha256(bytes)); }
    std::size_t libraries() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{data.path() / "versions"})
            count += entry.path().extension() == ".so";
        return count;
    }
};

std::string version_of(const std::optional<KnownVersion>& known) {
    return known ? known->version : "none";
}

}  // namespace

TEST_CASE("version notes: what served before stays, with its library, over a restart",
          "[plugin][versions]") {
    NotesFixture fixture;
    const auto notes = fixture.open();
    REQUIRE(fixture.serve(*notes, "0").has_value());
    REQUIRE(fixture.serve(*notes, "1").has_value());
    REQUIRE(fixture.serve(*notes, "2").has_value());
    const auto again = fixture.open()->of("acme");
    CHECK(version_of(again.serving) == "1.2");
    CHECK(version_of(again.previous) == "1.1");
    CHECK(fixture.open()->library("acme", NotesFixture::hash("1")).value() == "1");
    CHECK(fixture.libraries() == 2);
}

TEST_CASE("version notes: the same version again keeps its time", "[plugin][versions]") {
    NotesFixture fixture;
    const auto notes = fixture.open();
    REQUIRE(fixture.serve(*notes, "0").has_value());
    const auto since = notes->of("acme").serving->since_ns;
    REQUIRE(fixture.serve(*notes, "0").has_value());
    CHECK(notes->of("acme").serving->since_ns == since);
    CHECK(version_of(notes->of("acme").previous) == "none");
}

TEST_CASE("version notes: going back quarantines what is left", "[plugin][versions]") {
    NotesFixture fixture;
    const auto notes = fixture.open();
    REQUIRE(fixture.serve(*notes, "0").has_value());
    CHECK(notes->go_back("acme", "why").error().is(kNoPrevious));
    CHECK(version_of(notes->of("acme").serving) == "1.0");
    REQUIRE(fixture.serve(*notes, "1").has_value());
    REQUIRE(notes->go_back("acme", "it is slow").has_value());
    const auto again = fixture.open();
    CHECK(version_of(again->of("acme").serving) == "1.0");
    CHECK(version_of(again->of("acme").previous) == "none");
    CHECK(again->is_quarantined("acme", NotesFixture::hash("1")));
    CHECK(again->of("acme").quarantined.at(0).why == "it is slow");
    CHECK(again->of("acme").quarantined.at(0).version == "1.1");
    CHECK_FALSE(again->is_quarantined("other", NotesFixture::hash("1")));
    CHECK(fixture.libraries() == 1);

    REQUIRE(fixture.serve(*again, "2").has_value());
    REQUIRE(again->quarantine("acme", NotesFixture::hash("0"), "why").has_value());
    CHECK(again->go_back("acme", "why").error().is(kNoPrevious));
    CHECK(version_of(again->of("acme").serving) == "1.2");

    REQUIRE(again->release("acme", NotesFixture::hash("1")).has_value());
    CHECK_FALSE(fixture.open()->is_quarantined("acme", NotesFixture::hash("1")));
}

TEST_CASE("version notes: a version that is quarantined never becomes the previous one",
          "[plugin][versions]") {
    NotesFixture fixture;
    const auto notes = fixture.open();
    REQUIRE(fixture.serve(*notes, "0").has_value());
    REQUIRE(fixture.serve(*notes, "1").has_value());
    // As somebody finds who looks what ran when the process died.
    REQUIRE(
        notes->quarantine("acme", NotesFixture::hash("1"), "the process died in it").has_value());
    CHECK(notes->of("acme").quarantined.at(0).version == "1.1");
    REQUIRE(fixture.serve(*notes, "0").has_value());
    CHECK(version_of(notes->of("acme").serving) == "1.0");
    CHECK(version_of(notes->of("acme").previous) == "none");
}

TEST_CASE("version notes: what was never seen can be quarantined, and the list is bounded",
          "[plugin][versions]") {
    NotesFixture fixture;
    const auto notes = fixture.open();
    const std::string long_reason = std::string(kReasonBytesMax - 1, 'x') + "€";
    for (std::size_t i = 0; i <= kQuarantinedMax; ++i)
        REQUIRE(notes->quarantine("acme", NotesFixture::hash(std::to_string(i)), long_reason)
                    .has_value());
    const auto again = fixture.open();
    CHECK(again->of("acme").quarantined.size() == kQuarantinedMax);
    CHECK_FALSE(again->is_quarantined("acme", NotesFixture::hash("0")));
    CHECK(again->is_quarantined("acme", NotesFixture::hash(std::to_string(kQuarantinedMax))));
    CHECK(again->of("acme").quarantined.at(0).why == std::string(kReasonBytesMax - 1, 'x'));
    REQUIRE(again->forget("acme").has_value());
    CHECK(fixture.open()->all().empty());
}

TEST_CASE("version notes: what is no id or no hash is refused", "[plugin][versions]") {
    NotesFixture fixture;
    const auto notes = fixture.open();
    const std::string hash = NotesFixture::hash("0");
    for (const std::string id : {"", "../acme", ".acme"})
        CHECK(notes->quarantine(id, hash, "why").error().is(kVersionsFailed));
    for (const std::string sha256 : {"", "abc", "../../../../../../../../../etc/passwd"})
        CHECK(notes->quarantine("acme", sha256, "why").error().is(kVersionsFailed));
    CHECK(notes->all().empty());
}

TEST_CASE("version notes: a file that is torn or garbage is put aside", "[plugin][versions]") {
    NotesFixture fixture;
    std::string whole;
    {
        const auto notes = fixture.open();
        REQUIRE(fixture.serve(*notes, "0").has_value());
        REQUIRE(notes->quarantine("acme", NotesFixture::hash("1"), "why").has_value());
        whole = read_file(fixture.file());
    }
    std::vector<std::string> broken{"",
                                    "{",
                                    "[]",
                                    "null",
                                    R"({"version":2,"connectors":{}})",
                                    R"({"version":1,"connectors":{"../a":{"quarantined":[]}}})",
                                    R"({"version":1,"connectors":{"a":{"quarantined":7}}})",
                                    std::string(100, '\0')};
    for (const std::size_t percent : {10u, 50u, 90u})
        broken.push_back(whole.substr(0, whole.size() * percent / 100));
    for (const std::string& text : broken) {
        INFO(text);
        write_file(fixture.file(), text);
        const auto reader = fixture.open(VersionNotes::Access::kRead);
        CHECK(reader->all().empty());
        CHECK(read_file(fixture.file()) == text);  // a reader touches nothing
        const auto notes = fixture.open();
        CHECK(notes->all().empty());
        CHECK(read_file(fixture.data.path() / "versions/notes.damaged.json") == text);
        REQUIRE(notes->quarantine("acme", NotesFixture::hash("2"), "why").has_value());
        CHECK(fixture.open()->is_quarantined("acme", NotesFixture::hash("2")));
    }
}

TEST_CASE("version notes: libraries stay as long as the notes that name them are put aside",
          "[plugin][versions]") {
    NotesFixture fixture;
    REQUIRE(fixture.serve(*fixture.open(), "0").has_value());
    write_file(fixture.file(), "torn");
    const auto notes = fixture.open();
    REQUIRE(fixture.serve(*notes, "1").has_value());
    CHECK(fixture.libraries() == 2);
    CHECK(notes->library("acme", NotesFixture::hash("0")).value() == "0");
    fixture.open();
    CHECK(fixture.libraries() == 1);
}

TEST_CASE("version notes: a library that was changed is not given out", "[plugin][versions]") {
    NotesFixture fixture;
    const auto notes = fixture.open();
    REQUIRE(fixture.serve(*notes, "0").has_value());
    const std::string hash = NotesFixture::hash("0");
    const auto kept = fixture.data.path() / "versions" / ("acme-" + hash + ".so");
    std::filesystem::remove(kept);
    CHECK(notes->library("acme", hash).error().is(kVersionsFailed));
    write_file(kept, "1");
    CHECK(notes->library("acme", hash).error().is(kVersionsFailed));
}

TEST_CASE("version notes: what can't be written holds for this run", "[plugin][versions]") {
    NotesFixture fixture;
    write_file(fixture.data.path() / "versions", "no folder");
    const auto notes = fixture.open();
    CHECK(notes->quarantine("acme", NotesFixture::hash("0"), "why").error().is(kVersionsFailed));
    CHECK(notes->is_quarantined("acme", NotesFixture::hash("0")));
}

TEST_CASE("version notes: a reader's changes stay with it", "[plugin][versions]") {
    NotesFixture fixture;
    const auto reader = fixture.open(VersionNotes::Access::kRead);
    REQUIRE(fixture.serve(*reader, "0").has_value());
    CHECK(version_of(reader->of("acme").serving) == "1.0");
    CHECK_FALSE(std::filesystem::exists(fixture.data.path() / "versions"));
}
