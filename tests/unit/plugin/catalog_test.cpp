#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "fixtures.hpp"
#include "plugin/deadlines.hpp"
#include "plugin/errc.hpp"
#include "plugin/generation.hpp"
#include "plugin/library.hpp"
#include "plugin/stage.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

Error refusal_of(const std::string& name) {
    Site site;
    site.install(name);
    const auto catalog = site.open();
    REQUIRE(catalog->refusals().size() == 1);
    CHECK(catalog->refusals()[0].file == site.file(name));
    CHECK(catalog->manifests().empty());
    return catalog->refusals()[0].error;
}

// The version that answers, from inside the loaded code.
std::string running_version(Catalog& catalog) {
    auto instance = catalog.start("chaos", {}).value();
    auto request = std::make_shared<WebhookRequest>();
    request->body = "{}";
    Waiter<std::vector<Translation>> waiter;
    instance->translate({request}, waiter.callback());
    return waiter.get().at(0).records.at(0).key;
}

Generation::Options options_of(const Site& site, const std::string& name,
                               std::shared_ptr<Deadlines> deadlines, std::uint64_t number = 1) {
    auto library = examine_bytes(read_file(fixture(name))).value();
    REQUIRE(prepare_stage(site.root.path() / "stage").has_value());
    Generation::Options options;
    options.path =
        stage_library(site.root.path() / "stage", name, number, "0123", library.bytes).value();
    options.manifest = library.manifest;
    options.manifest_text = library.manifest_text;
    options.clock = &core::system_clock();
    options.deadlines = std::move(deadlines);
    options.call_limit = std::chrono::seconds{60};
    options.cancel_grace = std::chrono::seconds{1};
    return options;
}

}  // namespace

TEST_CASE("catalog: finds connectors without running their code", "[plugin][catalog]") {
    Site site;
    site.install("chaos");
    site.install("polite");
    write_file(site.drop() / "notes.txt", "not a library");
    write_file(site.drop() / ".hidden.so", "not looked at");
    ::setenv("SYNCLINE_TEST_CODE_RAN", "no", 1);

    const auto catalog = site.open();

    CHECK(catalog->manifests().size() == 2);
    CHECK(catalog->refusals().empty());
    REQUIRE(catalog->find("polite") != nullptr);
    CHECK(catalog->find("polite")->version == "1.2.0");
    CHECK(catalog->find("other") == nullptr);
    CHECK(::getenv("SYNCLINE_TEST_CODE_RAN") == std::string{"no"});
}

TEST_CASE("catalog: what an earlier look examined is taken from there as long as it is unchanged",
          "[plugin][catalog]") {
    Site site;
    site.install("chaos");
    site.install("polite");
    Catalog::Options telling = site.options();
    telling.stage_dir.clear();
    const auto told = Catalog::open(telling).value();
    const auto examined = told->examined();
    REQUIRE(examined->by_name.size() == 2);
    // What nobody could have read in the file: it shows where the bytes came from.
    for (auto& [name, known] : examined->by_name) known.library.manifest.summary = "kept";
    site.install("polite");  // written again

    Catalog::Options options = site.options();
    options.examined = examined;
    const auto catalog = Catalog::open(options).value();

    CHECK(catalog->find("chaos")->summary == "kept");
    CHECK(catalog->find("polite")->summary != "kept");
    CHECK(examined->by_name.empty());
    CHECK(running_version(*catalog) == catalog->find("chaos")->version);
}

TEST_CASE("catalog: files of another ABI are refused before any of their code runs",
          "[plugin][catalog][B15]") {
    ::setenv("SYNCLINE_TEST_CODE_RAN", "no", 1);
    CHECK(refusal_of("old_draft").is(kAbiMismatch));
    CHECK_THAT(refusal_of("new_draft").what(),
               Catch::Contains("ABI 1 draft 3") && Catch::Contains("ABI 1 draft 2"));
    CHECK(refusal_of("new_major").is(kAbiMismatch));
    CHECK(refusal_of("new_minor").is(kHostTooOld));
    CHECK(refusal_of("no_note").is(kNotAConnector));
    CHECK_THAT(refusal_of("no_entry").what(), Catch::Contains("syncline_plugin_v1"));
    CHECK(refusal_of("bad_manifest").is(kManifestInvalid));
    CHECK(::getenv("SYNCLINE_TEST_CODE_RAN") == std::string{"no"});
}

TEST_CASE("catalog: code that is not what its manifest says is refused when it is loaded",
          "[plugin][catalog][B15]") {
    for (const auto& [name, part] : {std::pair{"other_manifest", "differs"},
                                     {"short_entry", "struct_size"},
                                     {"no_table", "syncline.write/1"}}) {
        Site site;
        site.install(name);
        const auto catalog = site.open();
        const auto instance = catalog->start("chaos", {});
        REQUIRE_FALSE(instance.has_value());
        CHECK(instance.error().is(kLoadFailed));
        CHECK_THAT(instance.error().what(), Catch::Contains(part));
    }
}

TEST_CASE("catalog: a half-copied file is refused, the others serve", "[plugin][catalog][B12]") {
    const std::string whole = read_file(fixture("chaos"));
    for (const std::size_t percent : {0u, 10u, 50u, 99u}) {
        Site site;
        site.install("polite");
        write_file(site.file("cut"),
                   std::string_view{whole}.substr(0, whole.size() * percent / 100));
        const auto catalog = site.open();
        REQUIRE(catalog->refusals().size() == 1);
        CHECK(catalog->refusals()[0].error.is(kNotALibrary));
        CHECK(catalog->manifests().size() == 1);
    }
}

TEST_CASE("catalog: of two files with one id the higher version serves", "[plugin][catalog]") {
    for (const bool is_newer_first : {true, false}) {
        Site site;
        site.install("chaos", is_newer_first ? "b" : "a");
        site.install("chaos_2", is_newer_first ? "a" : "b");
        const auto catalog = site.open();
        REQUIRE(catalog->refusals().size() == 1);
        CHECK(catalog->refusals()[0].error.is(kDuplicateId));
        CHECK(catalog->refusals()[0].file.filename() == (is_newer_first ? "b.so" : "a.so"));
        CHECK_THAT(catalog->refusals()[0].error.what(),
                   Catch::Contains("1.0.0") && Catch::Contains("2.0.0"));
        CHECK(running_version(*catalog) == "2.0.0");
    }
}

TEST_CASE("catalog: overwriting the dropped file changes nothing for what runs",
          "[plugin][catalog][B13]") {
    Site site;
    site.install("chaos");
    const auto catalog = site.open();
    auto instance = catalog->start("chaos", {}).value();

    write_file(site.file("chaos"), read_file(fixture("chaos_2")));  // in place: the same inode
    CHECK(running_version(*catalog) == "1.0.0");
    REQUIRE(::truncate(site.file("chaos").c_str(), 10) == 0);
    CHECK(running_version(*catalog) == "1.0.0");
}

TEST_CASE("catalog: new content under an old path is what runs, beside the old",
          "[plugin][catalog][B14]") {
    Site site;
    site.install("chaos");
    const auto first = site.open();
    CHECK(running_version(*first) == "1.0.0");
    for (int round = 0; round < 10; ++round) {
        const bool is_second = round % 2 == 0;
        site.install(is_second ? "chaos_2" : "chaos", "new");
        std::filesystem::rename(site.file("new"), site.file("chaos"));
        const auto next = site.open();
        CHECK(running_version(*next) == (is_second ? "2.0.0" : "1.0.0"));
        CHECK(running_version(*first) == "1.0.0");
    }
}

TEST_CASE("catalog: an unknown connector is answered with what there is and why not",
          "[plugin][catalog]") {
    Site site;
    site.install("polite");
    site.install("new_major");
    const auto catalog = site.open();
    const auto instance = catalog->start("chaos", {});
    REQUIRE_FALSE(instance.has_value());
    CHECK(instance.error().is(kUnknownConnector));
    CHECK_THAT(instance.error().what(), Catch::Contains("polite") &&
                                            Catch::Contains("new_major.so") &&
                                            Catch::Contains("ABI 2"));
}

TEST_CASE("catalog: settings are checked before the connector sees them", "[plugin][catalog]") {
    Site site;
    site.install("polite");
    const auto catalog = site.open();
    InstanceOptions options;
    options.account = "shop";
    const auto instance = catalog->start("polite", options);
    REQUIRE_FALSE(instance.has_value());
    CHECK(instance.error().is(kSettingsInvalid));
    CHECK_THAT(instance.error().to_string(),
               Catch::Contains("shop") && Catch::Contains("/base_url: is required"));
}

TEST_CASE("catalog: a connector that refuses to start says why", "[plugin][catalog]") {
    Site site;
    site.install("chaos");
    const auto catalog = site.open();
    for (const auto& [mode, part] :
         {std::pair{"bad_key", "auth_denied: the platform refused the key"},
          {"init_int", "plugin_bug: an exception escaped"}}) {
        InstanceOptions options;
        options.settings = {{"mode", mode}};
        const auto instance = catalog->start("chaos", options);
        REQUIRE_FALSE(instance.has_value());
        CHECK(instance.error().is(kStartFailed));
        CHECK_THAT(instance.error().what(), Catch::Contains(part));
    }
    CHECK(running_version(*catalog) == "1.0.0");
}

TEST_CASE("catalog: a directory that is not there is an error", "[plugin][catalog]") {
    Site site;
    auto options = site.options();
    options.connectors_dir = site.root.path() / "absent";
    const auto catalog = Catalog::open(options);
    REQUIRE_FALSE(catalog.has_value());
    CHECK(catalog.error().is(kDirectoryUnreadable));
}

TEST_CASE("stage: is private, is emptied of copies, and keeps other files", "[plugin][stage]") {
    Site site;
    const auto stage = site.root.path() / "stage";
    std::filesystem::create_directory(stage);
    ::chmod(stage.c_str(), 0777);
    write_file(stage / "old-0-g1.so", "x");
    write_file(stage / "precious.db", "x");

    REQUIRE(prepare_stage(stage).has_value());

    struct stat status {};
    REQUIRE(::stat(stage.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0700);
    CHECK_FALSE(std::filesystem::exists(stage / "old-0-g1.so"));
    CHECK(std::filesystem::exists(stage / "precious.db"));

    const auto staged = stage_library(stage, "acme", 7, std::string(64, 'a'), "bytes");
    REQUIRE(staged.has_value());
    CHECK(staged->filename() == "acme-aaaaaaaaaaaaaaaa-g7.so");
    REQUIRE(::stat(staged->c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0500);
    CHECK(stage_library(stage, "acme", 7, std::string(64, 'a'), "bytes").error().is(kStageFailed));

    std::filesystem::create_symlink(stage, site.root.path() / "link");
    CHECK(prepare_stage(site.root.path() / "link").error().is(kStageFailed));
}

TEST_CASE("stage: nothing stays of a copy that could not be written", "[plugin][stage]") {
    const Site site;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1024, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto staged = stage_library(site.drop(), "acme", 1, "abc", std::string(4096, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    REQUIRE_FALSE(staged.has_value());
    CHECK(staged.error().is(kStageFailed));
    CHECK(std::filesystem::is_empty(site.drop()));
}

TEST_CASE("generation: is really unloaded once its thread has ended", "[plugin][generation]") {
    Site site;
    for (const char* name : {"chaos", "polite"}) {
        auto deadlines = std::make_shared<Deadlines>(core::system_clock());
        const auto options = options_of(site, name, deadlines);
        auto generation = Generation::load(options).value();
        CHECK(::dlopen(options.path.c_str(), RTLD_NOLOAD | RTLD_LAZY) !=
              nullptr);  // this counts as a use
        CHECK(generation->close() == Unloading::kPinned);

        generation = Generation::load(options_of(site, name, deadlines, 2)).value();
        CHECK(generation->close() == Unloading::kUnloaded);
        deadlines->stop();
    }
}

TEST_CASE("generation: one whose manifest says never stays mapped", "[plugin][generation]") {
    Site site;
    auto deadlines = std::make_shared<Deadlines>(core::system_clock());
    auto options = options_of(site, "chaos", deadlines);
    options.manifest.can_unload = false;
    CHECK(Generation::load(options).value()->close() == Unloading::kKept);
    void* mapped = ::dlopen(options.path.c_str(), RTLD_NOLOAD | RTLD_LAZY);
    CHECK(mapped != nullptr);
    if (mapped != nullptr) ::dlclose(mapped);
    deadlines->stop();
}

TEST_CASE("generation: a copy that the system can't load is an error", "[plugin][generation]") {
    Site site;
    auto deadlines = std::make_shared<Deadlines>(core::system_clock());
    auto options = options_of(site, "chaos", deadlines);
    options.path = site.root.path() / "absent.so";
    const auto generation = Generation::load(options);
    REQUIRE_FALSE(generation.has_value());
    CHECK(generation.error().is(kLoadFailed));
    deadlines->stop();
}
