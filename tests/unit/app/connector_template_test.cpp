#include "app/connector_template.hpp"

#include <fstream>
#include <iterator>

#include "app/errc.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("template: its name gives way to the id, as words and in capitals", "[app][template]") {
    CHECK(renamed("acme.so, AcmeConnector, ${ACME_TOKEN}", "fresh-fruit") ==
          "fresh-fruit.so, FreshFruitConnector, ${FRESH_FRUIT_TOKEN}");
    CHECK(renamed("acme acmeacme cme", "a") == "a aa cme");
    CHECK(renamed("Acme ACME", "b2b-2") == "B2b2 B2B_2");
    CHECK(renamed("Acme", "acme") == "Acme");
    CHECK(renamed("", "x").empty());
}

TEST_CASE("template: a connector is made of it under another name", "[app][template]") {
    const test::TempDir folder;
    test::write_file(folder / "from/acme.txt", std::string{"acme\0Acme", 9});
    test::write_file(folder / "from/.github/ci.yml", "build/acme.so");
    test::write_file(folder / "from/run", "#!/bin/sh");
    fs::permissions(folder / "from/run", fs::perms::owner_all);
    test::write_file(folder / "from/build/acme.o", "left behind");
    test::write_file(folder / "from/.git/acme", "left behind");
    fs::create_symlink("/etc/hostname", folder / "from/acme.link");

    const auto made = make_connector(folder / "from", "fresh-fruit", folder / "deep/er");

    REQUIRE(made.has_value());
    CHECK(*made == std::vector<fs::path>{".github/ci.yml", "fresh-fruit.txt", "run"});
    CHECK(test::read_file(folder / "deep/er/fresh-fruit.txt") ==
          std::string{"fresh-fruit\0FreshFruit", 22});
    CHECK(test::read_file(folder / "deep/er/.github/ci.yml") == "build/fresh-fruit.so");
    CHECK(fs::status(folder / "deep/er/run").permissions() == fs::perms::owner_all);
}

TEST_CASE("template: what is there is not touched", "[app][template]") {
    const test::TempDir folder;
    test::write_file(folder / "from/acme", "acme");
    test::write_file(folder / "mine/notes", "mine");
    fs::create_symlink("nowhere", folder / "link");

    for (const char* name : {"mine", "mine/notes", "link"}) {
        const auto refused = make_connector(folder / "from", "fresh", folder / name);
        REQUIRE(refused.has_error());
        CHECK(refused.error().is(kDirectoryExists));
    }
    CHECK(test::read_file(folder / "mine/notes") == "mine");
}

TEST_CASE("template: a name is an id of a connector, whatever its folder", "[app][template]") {
    const test::TempDir folder;
    test::write_file(folder / "from/acme", "acme");
    for (const std::string& name :
         {std::string{}, std::string{"Fresh"}, std::string{"2fresh"}, std::string{"../up"},
          std::string{"a_b"}, std::string{"\u00e4"}, std::string(65, 'a')}) {
        const auto refused = make_connector(folder / "from", name, folder / "made");
        REQUIRE(refused.has_error());
        CHECK(refused.error().is(kBadArgument));
        CHECK_FALSE(fs::exists(folder / "made"));
    }
    CHECK(make_connector(folder / "from", std::string(64, 'a'), folder / "made").has_value());
}

TEST_CASE("template: one that can't be used leaves nothing behind", "[app][template]") {
    const test::TempDir folder;
    fs::create_directory(folder / "empty");
    test::write_file(folder / "large/acme", std::string(1024 * 1024 + 1, 'x'));
    for (int i = 0; i < 257; ++i) test::write_file(folder / "many" / std::to_string(i), "");
    for (const char* name : {"empty", "large", "many", "absent"}) {
        const auto refused = make_connector(folder / name, "fresh", folder / "made");
        REQUIRE(refused.has_error());
        CHECK(refused.error().is(kTemplateUnusable));
        CHECK_FALSE(fs::exists(folder / "made"));
    }
}

TEST_CASE("template: a folder that can't be made is told", "[app][template]") {
    const test::TempDir folder;
    test::write_file(folder / "from/acme", "acme");
    test::write_file(folder / "file", "");
    const auto refused = make_connector(folder / "from", "fresh", folder / "file/below");
    REQUIRE(refused.has_error());
    CHECK(refused.error().is(kDirectoryUnwritable));
}
