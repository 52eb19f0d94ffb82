// The verbs of the command line. Each prints its report and returns the process's exit code.
// Concurrency: the process's first thread, before any other is started.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace syncline::app {

struct Common {
    std::filesystem::path config = "syncline.yaml";
    bool is_json = false;
};

struct RunOptions {
    bool allow_unsafe_filesystem = false;
    bool watches_config = false;  // a changed file is taken into service
};
int run(const Common& common, const RunOptions& options);
int validate(const Common& common);
int test(const Common& common);
// Of the configuration; with a name, of that model.
int schema(const Common& common, const std::string& model);
int status(const Common& common);
int doctor(const Common& common);
int version(const Common& common);
int salvage(const Common& common, bool allow_unsafe_filesystem);

struct BackupWish {
    std::filesystem::path folder;
    bool is_verified = false;  // instead: look whether it is what was written
    bool allow_unsafe_filesystem = false;
};
int backup(const Common& common, const BackupWish& wish);

// `is_check`: only whether the hub could.
int reload(const Common& common, bool is_check);

int sync(const Common& common, const std::string& connection);

// Either a key of a connection, or an event.
struct Explained {
    std::string connection, key;
    std::string event;
};
int explain(const Common& common, const Explained& what);

// Asked of the running hub, and by it of the account's platform.
int accounts_check(const Common& common, const std::string& account);
int accounts_discover(const Common& common, const std::string& account);

int connectors_list(const Common& common);
// A new version for the running hub: FILE, and whether it may be one that was taken back.
struct InstallWish {
    std::filesystem::path file;
    bool is_forced = false;
};
int connectors_install(const Common& common, const InstallWish& wish);
int connectors_roll_back(const Common& common, const std::string& id);
int connectors_remove(const Common& common, const std::string& id);
int connectors_describe(const Common& common, const std::string& file_or_id);
// What the hub asks of itself: see connector_probe.hpp.
int connectors_probe(const std::string& library);

// A new connector: its id, where it goes (a folder of its name when empty), and another template.
struct NewConnector {
    std::string name;
    std::filesystem::path directory, from;
};
int connectors_new(const Common& common, const NewConnector& wish);

// What one account's connector says to its platform when it writes the records of a file, and what
// comes back, kept in a cassette.
struct RecordingWish {
    std::string account, stream;
    std::filesystem::path records, output;
};
int connectors_record(const Common& common, const RecordingWish& wish);

struct CheckWish {
    std::filesystem::path file;
    int level = 10;
    std::string only, without;  // names of tests
    std::string reproduced;     // NAME:SEED
    std::uint64_t seed = 1;
    std::string format = "text";
    std::filesystem::path settings;
    bool is_list = false;
};
int connectors_check(const Common& common, const CheckWish& wish);
int connectors_check_one(const CheckWish& wish);

int dlq_list(const Common& common);
int dlq_show(const Common& common, const std::string& id);

enum class LetterVerb { kReplay, kDiscard };
struct LetterSelection {
    std::vector<std::string> ids;
    bool is_all = false;
    std::string connection;  // with is_all: only its letters
    bool is_forced = false;
};
// The new body of a letter's record comes from `file`, from standard input, or from an editor.
struct LetterEdit {
    std::string id;
    std::filesystem::path file;
};
int dlq_edit(const Common& common, const LetterEdit& edit);
int dlq_change(const Common& common, LetterVerb verb, const LetterSelection& selection);

// How a vault is opened from now on: a new key in a new file, or a passphrase from standard input.
struct MasterOptions {
    std::filesystem::path key_file;
    bool is_passphrase = false;
};
int secrets_init(const Common& common, const MasterOptions& options);
int secrets_set(const Common& common, const std::string& name);
int secrets_list(const Common& common);
int secrets_remove(const Common& common, const std::string& name);
int secrets_rotate(const Common& common);
int secrets_rekey(const Common& common, const MasterOptions& options);

struct LoginOptions {
    std::string account;
    bool opens_browser = true;
    std::uint16_t port = 0;  // that the browser comes back to; 0: as the configuration has it
};
int auth_login(const Common& common, const LoginOptions& options);

}  // namespace syncline::app
