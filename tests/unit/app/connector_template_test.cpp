#include "app/connector_template.hpp"

#include <fstream>
#include <iterator>

#include "app/errc.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream{file, std::ios::binary} << text;
}

std::string read(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

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
    write(folder / "from/acme.txt", std::string{"acme\0Acme", 9});
    write(folder / "from/.github/ci.yml", "build/acme.so");
    write(folder / "from/run", "#!/bin/sh");
    fs::permissions(folder / "from/run", fs::perms::owner_all);
    write(folder / "from/build/acme.o", "left behind");
    write(folder / "from/.git/acme", "left behind");
    fs::create_symlink("/etc/hostname", folder / "from/acme.link");

    const auto made = make_connector(folder / "from", "fresh-fruit", folder / "deep/er");

    REQUIRE(made.has_value());
    CHECK(*made == std::vector<fs::path>{".github/ci.yml", "fresh-fruit.txt", "run"});
    CHECK(read(folder / "deep/er/fresh-fruit.txt") == std::string{"fresh-fruit\0FreshFruit", 22});
    CHECK(read(folder / "deep/er/.github/ci.yml") == "build/fresh-fruit.so");
    CHECK(fs::status(folder / "deep/er/run").permissions() == fs::perms::owner_all);
}

TEST_CASE("template: what is there is not touched", "[app][template]") {
    const test::TempDir folder;
    write(folder / "from/acme", "acme");
    write(folder / "mine/notes", "mine");
    fs::create_symlink("nowhere", folder / "link");

    for (const char* name : {"mine", "mine/notes", "link"}) {
        const auto refused = make_connector(folder / "from", "fresh", folder / name);
        REQUIRE(refused.has_error());
        CHECK(refused.error().is(kDirectoryExists));
    }
    CHECK(read(folder / "mine/notes") == "mine");
}

TEST_CASE("template: a name is an id of a connector, whatever its folder", "[app][template]") {
    const test::TempDir folder;
    write(folder / "from/acme", "acme");
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
    write(folder / "large/acme", std::string(1024 * 1024 + 1, 'x'));
    for (int i = 0; i < 257; ++i) write(folder / "many" / std::to_string(i), "");
    for (const char* name : {"empty", "large", "many", "absent"}) {
        const auto refused = make_connector(folder / name, "fresh", folder / "made");
        REQUIRE(refused.has_error());
        CHECK(refused.error().is(kTemplateUnusable));
        CHECK_FALSE(fs::exists(folder / "made"));
    }
}

TEST_CASE("template: a folder that can't be made is told", "[app][template]") {
    const test::TempDir folder;
    write(folder / "from/acme", "acme");
    write(folder / "file", "");
    const auto refused = make_connector(folder / "from", "fresh", folder / "file/below");
    REQUIRE(refused.has_error());
    CHECK(refused.error().is(kDirectoryUnwritable));
}
