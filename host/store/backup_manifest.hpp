// What a backup says of itself, in the file `backup.json` of the copy: its versions, its time, how
// far it goes, and each of its files with size and SHA-256.
//
// A copy is a data directory as any other. The first start of a hub from it renames the file to
// `restored.json`: from then on the files are no longer those that it names.
// Concurrency: plain values; functions [any], they block on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "store/position.hpp"

namespace syncline::store {

struct BackupFile {
    std::string name;  // below the copy's folder
    std::uint64_t bytes = 0;
    std::string sha256;  // hexadecimal
};

struct BackupManifest {
    std::string version;      // of the syncline that made it
    std::string at;           // ISO 8601: what was acknowledged before is in it
    Position state, journal;  // the last fact that the state has applied; the last one there is
    std::vector<BackupFile> files;

    std::uint64_t bytes() const;
};

inline constexpr const char* kManifestFile = "backup.json";
inline constexpr const char* kRestoredFile = "restored.json";

std::string to_json(const BackupManifest& manifest);

// None: there is no such file. Errors: store.backup_damaged, store.newer_format, store.io_failed.
Result<std::optional<BackupManifest>> read_manifest(const std::filesystem::path& file);

// The copy as a start would find it: state and journal are whole and of one history, and every
// large body that the state has is there. Gives the positions. Errors: store.backup_damaged.
struct CopyEnds {
    Position state, journal;
};
Result<CopyEnds> examine_copy(const std::filesystem::path& copy);

// All that can be checked of a backup: each file against the manifest, then examine_copy(). Changes
// nothing. Errors: store.backup_damaged; store.backup_place when there is no backup, or a hub has
// run from it; store.io_failed.
Result<BackupManifest> verify_backup(const std::filesystem::path& copy);

}  // namespace syncline::store
