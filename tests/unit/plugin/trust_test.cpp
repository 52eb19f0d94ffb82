// The twelve ways in which a dropped file is not what only root or we could have put there.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixtures.hpp"
#include "plugin/drop_file.hpp"
#include "plugin/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

// The error with which the catalog would refuse the file.
Error refusal_of(const std::filesystem::path& file) {
    auto manifest = read_manifest(file);
    return manifest ? Error{} : std::move(manifest).error();
}

}  // namespace

TEST_CASE("trust: a plain file in a plain directory is taken", "[plugin][trust][B20]") {
    Site site;
    site.install("chaos");
    CHECK(read_manifest(site.file("chaos")).value().id == "chaos");
}

TEST_CASE("trust: files that others could change are refused", "[plugin][trust][B20]") {
    Site site;
    site.install("chaos");
    const auto file = site.file("chaos");
    const auto with_mode = [&](mode_t mode) {
        ::chmod(file.c_str(), mode);
        return refusal_of(file);
    };
    CHECK_THAT(with_mode(0664).what(), Catch::Contains("can write to it"));
    CHECK_THAT(with_mode(0646).what(), Catch::Contains("can write to it"));
    CHECK_THAT(with_mode(04755).what(), Catch::Contains("set-user-id"));
    CHECK_THAT(with_mode(02755).what(), Catch::Contains("set-group-id"));
    const Error error = with_mode(0664);
    CHECK(error.is(kFileUntrusted));
    CHECK(error.where() == file.string());
    CHECK_THAT(error.remedy(), Catch::Contains("chmod go-w"));
}

TEST_CASE("trust: what is not a regular file of its own is refused, and nothing blocks",
          "[plugin][trust][B20]") {
    Site site;
    site.install("chaos");

    std::filesystem::create_symlink(site.file("chaos"), site.file("link"));
    CHECK_THAT(refusal_of(site.file("link")).what(), Catch::Contains("symbolic link"));

    REQUIRE(::mkfifo(site.file("fifo").c_str(), 0600) == 0);
    CHECK_THAT(refusal_of(site.file("fifo")).what(), Catch::Contains("not a regular file"));

    std::filesystem::create_directory(site.file("folder"));
    CHECK_THAT(refusal_of(site.file("folder")).what(), Catch::Contains("not a regular file"));

    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = site.file("socket").string();
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const FileDescriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK_THAT(refusal_of(site.file("socket")).what(), Catch::Contains("not a regular file"));

    std::filesystem::create_hard_link(site.file("chaos"), site.file("second"));
    CHECK_THAT(refusal_of(site.file("second")).what(), Catch::Contains("hard links"));
    CHECK_THAT(refusal_of(site.file("chaos")).what(), Catch::Contains("hard links"));
}

TEST_CASE("trust: directories that others could change are refused", "[plugin][trust][B20]") {
    Site site;
    site.install("chaos");
    const auto with_mode = [&](const std::filesystem::path& directory, mode_t mode) {
        ::chmod(directory.c_str(), mode);
        const Error error = refusal_of(site.file("chaos"));
        ::chmod(directory.c_str(), 0700);
        return error;
    };
    CHECK_THAT(with_mode(site.drop(), 0775).what(), Catch::Contains("its directory"));
    CHECK_THAT(with_mode(site.drop(), 0757).what(), Catch::Contains("its directory"));
    CHECK_THAT(with_mode(site.drop(), 01777).what(), Catch::Contains("its directory"));
    CHECK_THAT(with_mode(site.root.path(), 0777).what(), Catch::Contains("a directory above"));
    // Nobody can rename what is ours in a sticky one.
    CHECK(with_mode(site.root.path(), 01777).code() == Error{}.code());
}

TEST_CASE("trust: owners other than root and ourselves are refused", "[plugin][trust][B20]") {
    struct stat file {};
    file.st_mode = S_IFREG | 0644;
    file.st_nlink = 1;
    file.st_uid = 1000;
    CHECK(check_file_trust(file, 1000).has_value());
    CHECK_THAT(check_file_trust(file, 1001).error().what(),
               Catch::Contains("belongs to user 1000"));
    file.st_uid = 0;
    CHECK(check_file_trust(file, 1001).has_value());

    struct stat directory {};
    directory.st_mode = S_IFDIR | 0755;
    directory.st_uid = 1000;
    CHECK(check_directory_trust(directory, true, 1000).has_value());
    CHECK_FALSE(check_directory_trust(directory, true, 1001).has_value());
    CHECK_FALSE(check_directory_trust(directory, false, 1001).has_value());
}

TEST_CASE("trust: a file larger than any connector is not read", "[plugin][trust]") {
    Site site;
    site.install("chaos");
    REQUIRE(::truncate(site.file("chaos").c_str(), kLibraryBytesMax + 1) == 0);
    const Error error = refusal_of(site.file("chaos"));
    CHECK(error.is(kFileUnreadable));
    CHECK_THAT(error.what(), Catch::Contains("67108865"));
}

TEST_CASE("trust: a name with a slash does not leave the directory", "[plugin][trust]") {
    Site site;
    site.install("chaos");
    const auto directory = DropDirectory::open(site.drop()).value();
    CHECK(directory.read("../connectors/chaos.so").error().is(kFileUntrusted));
    CHECK(directory.read("absent.so").error().is(kFileUnreadable));
}

TEST_CASE("trust: a name that is not UTF-8 is none, for nobody could note it", "[plugin][trust]") {
    const Site site;
    write_file(site.drop() / "good.so", "x");
    write_file(site.drop() /
                   "b\xff"
                   "d.so",
               "x");
    CHECK(DropDirectory::open(site.drop()).value().names().value() ==
          std::vector<std::string>{"good.so"});
}
