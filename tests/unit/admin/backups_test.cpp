#include "admin/backups.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <thread>

#include "fixture.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"

using namespace syncline;
using syncline::test::World;

namespace {

// Asks until it has ended.
std::pair<int, std::string> ended(World& world, const std::string& id) {
    for (;;) {
        auto seen = world.ask("GET", "/v1/backup/" + id);
        if (seen.second.find("\"running\"") == std::string::npos) return seen;
        std::this_thread::yield();
    }
}

std::string to(const std::filesystem::path& path) {
    return "{\"to\":\"" + path.string() + "\"}";
}

}  // namespace

TEST_CASE("admin: a backup is begun, looked at, and done", "[admin][backup]") {
    World world;
    world.bury();
    const std::filesystem::path copy = world.folder.path() / "copy";
    CHECK(world.ask("POST", "/v1/backup", "", to(copy)) ==
          std::pair{200, std::string{"{\"result\":{\"id\":1}}\n"}});
    const auto [status, body] = ended(world, "1");
    CHECK(status == 200);
    CHECK(body.find("\"state\":\"done\"") != std::string::npos);
    CHECK(body.find("\"journal\":\"1.8\"") != std::string::npos);
    CHECK(store::verify_backup(copy).has_value());
    CHECK(world.ask("GET", "/v1/backup/2").first == 404);
    CHECK(world.ask("GET", "/v1/backup/").first == 404);
    CHECK(world.ask("GET", "/v1/backup").first == 405);
    CHECK(world.ask("POST", "/v1/backup/1").first == 405);
    CHECK(world.ask("POST", "/v1/backup/2/cancel").first == 404);
    CHECK(world.ask("POST", "/v1/backup/cancel").first == 404);
    CHECK(world.ask("POST", "/v1/backup/1/cancel").first == 200);
    CHECK(ended(world, "1").first == 200);
}

TEST_CASE("admin: a backup that can't be made says why", "[admin][backup]") {
    World world;
    for (const char* body : {"", "[]", "{}", R"({"to":1})", R"({"to":"relative"})"})
        CHECK(world.ask("POST", "/v1/backup", "", body).first == 400);
    REQUIRE(world.ask("POST", "/v1/backup", "", to(world.folder.path() / "data/in")).first == 200);
    const auto [status, body] = ended(world, "1");
    CHECK(status == 409);
    CHECK(body.find(store::kBackupPlace.name) != std::string::npos);
    REQUIRE(world.ask("POST", "/v1/backup", "", to(world.folder.path() / "copy")).first == 200);
    CHECK(ended(world, "2").first == 200);
}

TEST_CASE("admin: a backup ends when it is cancelled, and leaves nothing", "[admin][backup]") {
    World world;
    const std::filesystem::path copy = world.folder.path() / "copy";
    // Among the bodies: who copies it waits for somebody who writes to it.
    const std::filesystem::path gate = world.folder.path() / "data/bodies/gate";
    REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
    REQUIRE(world.ask("POST", "/v1/backup", "", to(copy)).first == 200);
    CHECK(world.code_of("POST", "/v1/backup", "", to(copy)) == "503 store.backup_running");
    CHECK(world.ask("POST", "/v1/backup/1/cancel").first == 200);
    const auto opened = store::File::open(gate, O_RDWR);
    CHECK(opened.has_value());
    const auto [status, body] = ended(world, "1");
    CHECK(status == 503);
    CHECK(body.find(store::kBackupCancelled.name) != std::string::npos);
    CHECK(!std::filesystem::exists(copy));
    CHECK(!std::filesystem::exists(world.folder.path() / "copy.partial"));
}

TEST_CASE("admin: a backup that nobody asks for any more ends, and leaves nothing",
          "[admin][backup]") {
    World world;
    const std::filesystem::path copy = world.folder.path() / "copy";
    const std::filesystem::path gate = world.folder.path() / "data/bodies/gate";
    REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
    REQUIRE(world.ask("POST", "/v1/backup", "", to(copy)).first == 200);
    world.clock.advance(admin::Backups::kForgottenAfter);
    const auto opened = store::File::open(gate, O_RDWR);
    CHECK(opened.has_value());
    // Looking at it would be asking: it has ended when another one may begin.
    const std::string next = to(world.folder.path() / "data/in");
    while (world.ask("POST", "/v1/backup", "", next).first != 200) std::this_thread::yield();
    CHECK(!std::filesystem::exists(copy));
    CHECK(!std::filesystem::exists(world.folder.path() / "copy.partial"));
}

TEST_CASE("admin: a hub that ends takes no backup with it", "[admin][backup]") {
    const test::TempDir folder;
    {
        World world;
        const std::filesystem::path gate = world.folder.path() / "data/bodies/gate";
        REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
        REQUIRE(world.ask("POST", "/v1/backup", "", to(folder.path() / "copy")).first == 200);
        const auto opened = store::File::open(gate, O_RDWR);
        world.store->stop();
        world.admin.reset();
    }
    CHECK(!std::filesystem::exists(folder.path() / "copy.partial"));
}
