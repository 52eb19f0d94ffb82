// The verbs of the command line. Each prints its report and returns the process's exit code.
// Concurrency: the process's first thread, before any other is started.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace syncline::app {

struct Common {
    std::filesystem::path config = "syncline.yaml";
    bool is_json = false;
};

int run(const Common& common, bool allow_unsafe_filesystem);
int validate(const Common& common);
int test(const Common& common);
int schema(const Common& common);
int status(const Common& common);
int doctor(const Common& common);
int version(const Common& common);
int salvage(const Common& common, bool allow_unsafe_filesystem);

// Either a key of a connection, or an event.
struct Explained {
    std::string connection, key;
    std::string event;
};
int explain(const Common& common, const Explained& what);

int connectors_list(const Common& common);
int connectors_describe(const Common& common, const std::string& file_or_id);

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

}  // namespace syncline::app
