#include "secret/local_source.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "config/errc.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;

namespace {

std::filesystem::path write_file(const test::TempDir& folder, const std::string& name,
                                 const std::string& content, mode_t mode) {
    const auto path = folder / name;
    std::ofstream{path, std::ios::binary} << content;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
}

}  // namespace

TEST_CASE("local source: environment tells unset from empty", "[secret]") {
    const secret::LocalSource source;
    REQUIRE(::setenv("SYNCLINE_TEST_EMPTY", "", 1) == 0);
    REQUIRE(::setenv("SYNCLINE_TEST_SET", "value", 1) == 0);
    REQUIRE(::unsetenv("SYNCLINE_TEST_UNSET") == 0);

    CHECK(source.environment("SYNCLINE_TEST_EMPTY") == std::optional<std::string>{""});
    CHECK(source.environment("SYNCLINE_TEST_SET") == std::optional<std::string>{"value"});
    CHECK_FALSE(source.environment("SYNCLINE_TEST_UNSET").has_value());
}

TEST_CASE("local source: a file loses one line break at its end and nothing else", "[secret]") {
    const test::TempDir folder;
    const secret::LocalSource source;

    CHECK(source.file(write_file(folder, "a", " s3cret \n", 0600)).value() == " s3cret ");
    CHECK(source.file(write_file(folder, "b", "s3cret\r\n", 0600)).value() == "s3cret");
    CHECK(source.file(write_file(folder, "c", "s3cret\n\n", 0400)).value() == "s3cret\n");
    CHECK(source.file(write_file(folder, "d", "", 0600)).value().empty());
}

TEST_CASE("local source: a file that others may touch is refused", "[secret]") {
    const test::TempDir folder;
    const secret::LocalSource source;

    for (const mode_t mode : {0640u, 0604u, 0660u, 0620u, 0602u, 0610u, 0700u}) {
        CAPTURE(mode);
        const auto result = source.file(write_file(folder, "key", "s3cret", mode));
        REQUIRE(result.has_error());
        CHECK(result.error().is(config::kFileMode));
        CHECK(result.error().to_string().find("s3cret") == std::string::npos);
    }
}

TEST_CASE("local source: links, folders and pipes are refused without waiting", "[secret]") {
    const test::TempDir folder;
    const secret::LocalSource source;
    const auto target = write_file(folder, "key", "s3cret", 0600);
    std::filesystem::create_symlink(target, folder / "link");
    std::filesystem::create_directory(folder / "folder");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);

    for (const std::string name : {"link", "folder", "pipe"}) {
        CAPTURE(name);
        const auto result = source.file(folder / name);
        REQUIRE(result.has_error());
        CHECK(result.error().is(config::kFileMode));
    }
}

TEST_CASE("local source: a missing file and one of more than 64 KiB have codes of their own",
          "[secret]") {
    const test::TempDir folder;
    const secret::LocalSource source;
    const std::string full(secret::LocalSource::kFileBytesMax, 'x');

    CHECK(source.file(folder / "none").error().is(config::kFileMissing));
    CHECK(source.file(write_file(folder, "full", full, 0600)).value() == full);
    CHECK(source.file(write_file(folder, "more", full + "x", 0600))
              .error()
              .is(config::kFileUnreadable));
}
