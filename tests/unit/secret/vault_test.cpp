#include "secret/vault.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>

#include "core/fault.hpp"
#include "secret/errc.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::secret;
using core::Secret;

namespace {

constexpr core::WallTime kNow{1'700'000'000'000'000'000};
// Cheap enough for tests, and still what the vault accepts.
const ScryptCost kCheap{14, 8, 1};

struct World {
    World() {
        REQUIRE(Vault::create(folder / "vault", master, MasterKind::kKey, kNow).has_value());
    }

    std::filesystem::path path() const { return folder / "vault"; }
    std::filesystem::path file() const { return path() / "secrets"; }

    Vault open(Vault::Access access = Vault::Access::kRead) const {
        Result<Vault> vault = Vault::open(path(), master, access);
        if (!vault.has_value()) FAIL(vault.error().to_string());
        return std::move(*vault);
    }
    void set(const std::string& name, const std::string& value) const {
        REQUIRE(open(Vault::Access::kChange).set(name, Secret{value}, kNow).has_value());
    }
    std::string get(const std::string& name) const { return value_of(open(), name); }

    static std::string value_of(const Vault& vault, const std::string& name) {
        Result<Secret> value = vault.get(name);
        return value.has_value() ? std::string{value->reveal()}
                                 : "(" + std::string{value.error().code()} + ")";
    }

    test::TempDir folder;
    Secret master = make_master_key();
};

bool mentions(const Vault& vault, const std::string& word) {
    for (const Error& problem : vault.problems())
        if (problem.what().find(word) != std::string::npos) return true;
    return false;
}

bool has_problem(const Vault& vault, const ErrorCode& code) {
    for (const Error& problem : vault.problems())
        if (problem.is(code)) return true;
    return false;
}

}  // namespace

TEST_CASE("vault: keeps what it is given, and its file shows none of it", "[secret][vault]") {
    World world;
    world.set("crm.token", "correct horse");
    world.set("binary", std::string("\0\xff\n", 3));
    world.set("crm.token", "battery staple");
    CHECK(world.get("crm.token") == "battery staple");
    CHECK(world.get("binary") == std::string("\0\xff\n", 3));
    const auto list = world.open().list();
    REQUIRE(list.size() == 2);
    CHECK(list[1].name == "crm.token");
    CHECK(list[1].version == 2);
    CHECK(list[1].changed == "2023-11-14T22:13:20.000Z");
    CHECK(test::read_file(world.file()).find("battery") == std::string::npos);
    struct stat status {};
    REQUIRE(::stat(world.file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(world.open().problems().empty());
}

TEST_CASE("vault: a removed secret is gone, and an unknown one is told", "[secret][vault]") {
    World world;
    world.set("a", "1");
    REQUIRE(world.open(Vault::Access::kChange).remove("a").has_value());
    CHECK(world.get("a") == "(secret.unknown)");
    CHECK(world.open(Vault::Access::kChange).remove("a").error().is(kUnknownSecret));
}

TEST_CASE("vault: names and values have their limits", "[secret][vault]") {
    World world;
    Vault vault = world.open(Vault::Access::kChange);
    for (const char* name : {"", "1a", "a b", "a/b", "\xc3\xa4"})
        CHECK(vault.set(name, Secret{"x"}, kNow).error().is(kNameInvalid));
    CHECK(vault.set(std::string(81, 'a'), Secret{"x"}, kNow).error().is(kNameInvalid));
    CHECK(vault.set(std::string(64, 'a'), Secret{"x"}, kNow).has_value());
    CHECK(vault.set("a", Secret{""}, kNow).error().is(kValueInvalid));
    CHECK(vault.set("a", Secret{std::string(65'537, 'x')}, kNow).error().is(kValueInvalid));
    CHECK(vault.set("a", Secret{std::string(65'536, 'x')}, kNow).has_value());
}

TEST_CASE("vault: another master key is told from damage, and nothing is overwritten [G6]",
          "[secret][vault][G6]") {
    World world;
    world.set("a", "1");
    const std::string before = test::read_file(world.file());
    CHECK(Vault::open(world.path(), make_master_key()).error().is(kMasterKeyWrong));
    CHECK(Vault::open(world.path(), Secret{"too short"}).error().is(kMasterKeyInvalid));
    CHECK(Vault::create(world.path(), make_master_key(), MasterKind::kKey, kNow)
              .error()
              .is(kVaultExists));
    CHECK(test::read_file(world.file()) == before);
    CHECK(world.get("a") == "1");
    CHECK(Vault::open(world.folder / "none", world.master).error().is(kVaultMissing));
}

TEST_CASE("vault: a passphrase opens it as well", "[secret][vault]") {
    const test::TempDir folder;
    const Secret passphrase{"correct horse battery"};
    REQUIRE(
        Vault::create(folder / "v", passphrase, MasterKind::kPassphrase, kNow, kCheap).has_value());
    CHECK(Vault::open(folder / "v", passphrase).has_value());
    CHECK(Vault::open(folder / "v", Secret{"correct horse batterx"}).error().is(kMasterKeyWrong));
    CHECK(Vault::create(folder / "w", Secret{"short"}, MasterKind::kPassphrase, kNow, kCheap)
              .error()
              .is(kMasterKeyInvalid));
}

TEST_CASE("vault: one at a time changes it", "[secret][vault]") {
    World world;
    const Vault first = world.open(Vault::Access::kChange);
    CHECK(Vault::open(world.path(), world.master, Vault::Access::kChange).error().is(kVaultBusy));
    CHECK(Vault::open(world.path(), world.master).has_value());
}

TEST_CASE("vault: every changed byte is noticed, costs one secret at most, and harms no other [G7]",
          "[secret][vault][G7]") {
    World world;
    const std::set<std::string> names{"alpha", "beta", "gamma"};
    for (const std::string& name : names) world.set(name, "value of " + name);
    const std::string whole = test::read_file(world.file());
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const char flip : {'\x01', '\x20', '\x80'}) {
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ flip);
            test::write_file(world.file(), changed);
            INFO("byte " << at << " of " << whole.size() << ", bit " << int{flip});
            const Vault vault = world.open();
            std::size_t lost = 0;
            for (const std::string& name : names) {
                const std::string value = World::value_of(vault, name);
                if (value == "value of " + name) continue;
                ++lost;
                CHECK(value == "(secret.damaged)");
                CHECK(mentions(vault, "`" + name + "`"));
            }
            // An empty line between two others is nothing that could be damaged.
            const bool is_blank = whole[at] == '\n';
            if (lost > 1 || (lost == 0 && vault.problems().empty() && !is_blank)) FAIL();
        }
    }
    CHECK(whole.size() > 1000);
}

TEST_CASE("vault: a file that ends too soon gives what it still has [G7]", "[secret][vault][G7]") {
    World world;
    world.set("alpha", "1");
    world.set("beta", "2");
    const std::string whole = test::read_file(world.file());
    std::size_t opened = 0;
    for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
        test::write_file(world.file(), whole.substr(0, size));
        Result<Vault> vault = Vault::open(world.path(), world.master);
        INFO(size);
        if (!vault.has_value()) {
            if (!vault.error().is(kVaultDamaged)) FAIL(vault.error().to_string());
            continue;
        }
        ++opened;
        if (vault->problems().empty()) FAIL();
        for (const char* name : {"alpha", "beta"}) {
            const std::string value = World::value_of(*vault, name);
            if (value.front() != '(' && value != (name == std::string{"alpha"} ? "1" : "2")) FAIL();
        }
    }
    CHECK(opened > whole.size() / 2);
}

TEST_CASE("vault: secrets that were exchanged, taken away, or brought back are named [G7]",
          "[secret][vault][G7]") {
    World world;
    world.set("alpha", "1");
    world.set("beta", "2");
    VaultFile old = VaultFile::parse(test::read_file(world.file()));
    world.set("alpha", "3");
    REQUIRE(world.open(Vault::Access::kChange).remove("beta").has_value());
    world.set("gamma", "4");
    const VaultFile whole = VaultFile::parse(test::read_file(world.file()));
    auto look = [&](const VaultFile& file) {
        test::write_file(world.file(), file.text());
        return world.open();
    };

    SECTION("exchanged") {
        VaultFile file = whole;
        std::swap(file.secrets[0].sealed, file.secrets[1].sealed);
        std::swap(file.secrets[0].salt, file.secrets[1].salt);
        const Vault vault = look(file);
        CHECK(World::value_of(vault, "alpha") == "(secret.damaged)");
        CHECK(World::value_of(vault, "gamma") == "(secret.damaged)");
        CHECK((mentions(vault, "`alpha`") && mentions(vault, "`gamma`")));
    }
    SECTION("exchanged, and without the list that would tell") {
        VaultFile file = whole;
        file.manifest.reset();
        std::swap(file.secrets[0].sealed, file.secrets[1].sealed);
        std::swap(file.secrets[0].salt, file.secrets[1].salt);
        const Vault vault = look(file);
        CHECK(World::value_of(vault, "alpha") == "(secret.damaged)");
        CHECK(World::value_of(vault, "gamma") == "(secret.damaged)");
        CHECK(has_problem(vault, kVaultDamaged));
    }
    SECTION("an older value") {
        VaultFile file = whole;
        file.secrets[0] = old.secrets[0];
        const Vault vault = look(file);
        CHECK(World::value_of(vault, "alpha") == "(secret.damaged)");
        CHECK(mentions(vault, "`alpha` was replaced by an older value"));
        CHECK(World::value_of(vault, "gamma") == "4");
    }
    SECTION("taken away") {
        VaultFile file = whole;
        file.secrets.erase(file.secrets.begin());
        const Vault vault = look(file);
        CHECK(World::value_of(vault, "alpha") == "(secret.damaged)");
        CHECK(mentions(vault, "`alpha` is damaged or missing"));
        CHECK(vault.list().size() == 2);
    }
    SECTION("a removed one brought back") {
        VaultFile file = whole;
        file.secrets.push_back(old.secrets[1]);
        const Vault vault = look(file);
        CHECK(World::value_of(vault, "beta") == "(secret.unknown)");
        CHECK(mentions(vault, "`beta` had been removed"));
    }
    SECTION("the whole file as it was before") {
        const Vault vault = look(old);
        CHECK(has_problem(vault, kVaultRolledBack));
        CHECK(World::value_of(vault, "alpha") == "1");
        Vault changing = world.open(Vault::Access::kChange);
        CHECK(changing.set("alpha", Secret{"5"}, kNow).error().is(kVaultRolledBack));
        CHECK(changing.remove("alpha").error().is(kVaultRolledBack));
        CHECK(changing.rekey(make_master_key(), MasterKind::kKey).error().is(kVaultRolledBack));
        REQUIRE(changing.rotate(kNow).has_value());  // the operator means it
    }
    SECTION("the list of another generation") {
        VaultFile file = whole;
        file.manifest = old.manifest;
        const Vault vault = look(file);
        CHECK(has_problem(vault, kVaultDamaged));
        CHECK(World::value_of(vault, "alpha") == "3");
    }
}

TEST_CASE("vault: what is damaged stays in the file until it is set again", "[secret][vault]") {
    World world;
    world.set("alpha", "1");
    world.set("beta", "2");
    VaultFile file = VaultFile::parse(test::read_file(world.file()));
    file.secrets[0].sealed.back() = static_cast<char>(file.secrets[0].sealed.back() ^ 1);
    const std::string line = file.secrets[0].line();
    test::write_file(world.file(), file.text() + "not a line of ours\n");
    world.set("gamma", "3");
    CHECK(test::read_file(world.file()).find(line) != std::string::npos);
    CHECK(test::read_file(world.file()).find("not a line of ours") != std::string::npos);
    CHECK(world.get("alpha") == "(secret.damaged)");
    CHECK(world.open(Vault::Access::kChange).rotate(kNow).error().is(kVaultDamaged));
    CHECK(world.open().list().at(0).is_damaged);
    world.set("alpha", "4");
    CHECK(world.get("alpha") == "4");
    CHECK(world.open().list().at(0).version == 2);
    CHECK(test::read_file(world.file()).find(line) == std::string::npos);
    CHECK(world.get("beta") == "2");
}

TEST_CASE("vault: rotating encrypts everything anew, rekeying changes who can open it",
          "[secret][vault]") {
    World world;
    world.set("alpha", "1");
    const VaultFile before = VaultFile::parse(test::read_file(world.file()));
    REQUIRE(world.open(Vault::Access::kChange).rotate(kNow).has_value());
    const VaultFile rotated = VaultFile::parse(test::read_file(world.file()));
    CHECK(rotated.secrets[0].epoch == before.secrets[0].epoch + 1);
    CHECK(rotated.heads[0].value.keys.size() == 1);
    CHECK(world.get("alpha") == "1");

    const Secret other = make_master_key();
    REQUIRE(world.open(Vault::Access::kChange).rekey(other, MasterKind::kKey).has_value());
    CHECK(Vault::open(world.path(), world.master).error().is(kMasterKeyWrong));
    const Result<Vault> opened = Vault::open(world.path(), other);
    REQUIRE(opened.has_value());
    CHECK(World::value_of(*opened, "alpha") == "1");
    CHECK(opened->problems().empty());
    const VaultFile rekeyed = VaultFile::parse(test::read_file(world.file()));
    CHECK(rekeyed.secrets[0].line() == rotated.secrets[0].line());
}

TEST_CASE("vault: a crash leaves the old one or the new one, and both open [G8]",
          "[secret][vault][G8]") {
    World world;
    world.set("alpha", "0");
    const Secret other = make_master_key();
    int changes = 0;
    for (int round = 0; round < 3; ++round) {
        for (const char* point :
             {"vault.written", "vault.kept", "vault.renamed", "vault.durable", "vault.stamped"}) {
            for (int what = 0; what < 3; ++what) {
                INFO(point << ", change " << what);
                const pid_t child = ::fork();
                if (child == 0) {
                    core::arm_fail_point(point, 1);
                    Result<Vault> vault =
                        Vault::open(world.path(), world.master, Vault::Access::kChange);
                    if (!vault.has_value()) ::_exit(2);
                    if (what == 0) (void)vault->set("alpha", Secret{"1"}, kNow);
                    if (what == 1) (void)vault->rotate(kNow);
                    if (what == 2) (void)vault->rekey(other, MasterKind::kKey);
                    ::_exit(1);  // the fail-point was not met
                }
                int status = 0;
                REQUIRE(::waitpid(child, &status, 0) == child);
                REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
                Result<Vault> vault = Vault::open(world.path(), world.master);
                if (!vault.has_value()) {
                    REQUIRE(vault.error().is(kMasterKeyWrong));
                    REQUIRE(what == 2);
                    vault = Vault::open(world.path(), other);
                    std::swap(world.master, const_cast<Secret&>(other));
                }
                REQUIRE(vault.has_value());
                CHECK(vault->problems().empty());
                const std::string value = World::value_of(*vault, "alpha");
                CHECK((value == "0" || value == "1"));
                if (what == 0 && value == "1") ++changes;
                world.set("alpha", "0");  // and goes on from there
            }
        }
    }
    CHECK(changes == 3 * 3);
}

TEST_CASE("vault: a folder that can't be used is told", "[secret][vault]") {
    const test::TempDir folder;
    test::write_file(folder / "file", "");
    CHECK(Vault::create(folder / "file" / "vault", make_master_key(), MasterKind::kKey, kNow)
              .error()
              .is(kVaultFailed));
}
