#include "store/backup.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "core/hash.hpp"
#include "core/log.hpp"
#include "core/sha256.hpp"
#include "core/thread_name.hpp"
#include "store/bodies.hpp"
#include "store/data_dir.hpp"
#include "store/database.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"
#include "store/journal.hpp"
#include "store/segment.hpp"

namespace syncline::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = 1024 * 1024;
// What waits for the disk stays short: a flush of the hub's own journal may have to wait for it.
constexpr std::uint64_t kFlushEveryBytes = 16 * 1024 * 1024;
constexpr std::uint64_t kEpochsSkipped = 1000;   // that the first hub can have begun since
constexpr std::uint64_t kEpochsSpread = 10'000;  // two restores of one backup differ, most likely
constexpr std::array kVaultFiles{"generation", "secrets.previous", "secrets"};

bool is_same_disk(const fs::path& a, const fs::path& b) {
    struct stat one {
    }, other{};
    return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 &&
           one.st_dev == other.st_dev;
}

// The folder of the copy while it is made: nobody else's, and gone unless it was finished.
class Place {
  public:
    static Result<Place> take(const fs::path& wanted, const fs::path& data_dir);
    Place(Place&& other) noexcept
        : to_(std::move(other.to_)),
          partial_(std::exchange(other.partial_, {})),
          lock_(std::move(other.lock_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
        std::error_code ignored;
        if (!partial_.empty()) fs::remove_all(partial_, ignored);
    }

    const fs::path& path() const { return partial_; }
    const fs::path& target() const { return to_; }
    Result<void> finish();

  private:
    Place(fs::path to, fs::path partial) : to_(std::move(to)), partial_(std::move(partial)) {}

    fs::path to_, partial_;
    File lock_;
};

Error no_place(const fs::path& path, const std::string& why) {
    return Error{kBackupPlace, path.string() + " " + why};
}

// What a backup that was killed has left; what is anything else stays.
Result<void> remove_leftover(const fs::path& partial) {
    struct stat status {};
    if (::lstat(partial.c_str(), &status) != 0) return {};
    const Result<File> lock = File::open(partial / ".lock", O_RDWR);
    if (!S_ISDIR(status.st_mode) || !lock.has_value())
        return Error{kBackupPlace, partial.string() + " is in the way", "remove it"};
    if (::flock(lock->descriptor(), LOCK_EX | LOCK_NB) != 0)
        return Error{kBackupRunning, "another backup is writing to " + partial.string()};
    std::error_code error;
    fs::remove_all(partial, error);
    if (error) return io_error("can't remove " + partial.string(), error.value());
    return {};
}

bool is_within(const fs::path& path, const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
           folder.end();
}

Result<Place> Place::take(const fs::path& wanted, const fs::path& data_dir) {
    std::error_code error;
    fs::path named = wanted.lexically_normal();
    if (!named.has_filename()) named = named.parent_path();
    const fs::path parent = fs::canonical(named.parent_path(), error);
    if (error || !named.is_absolute() || !named.has_filename())
        return no_place(named.parent_path(), "is no folder that can be reached");
    Place place{parent / named.filename(), {}};
    if (is_within(place.to_, data_dir)) return no_place(place.to_, "is in the data directory");
    const fs::file_status there = fs::symlink_status(place.to_, error);
    if (fs::exists(there) && (!fs::is_directory(there) || !fs::is_empty(place.to_, error) || error))
        return no_place(place.to_, "is there already");
    fs::path partial = place.to_;
    partial += ".partial";
    SYNCLINE_CHECK(remove_leftover(partial));
    if (::mkdir(partial.c_str(), 0700) != 0) {
        const int number = errno;
        if (number == EACCES || number == EPERM || number == EROFS || number == ENOTDIR)
            return no_place(partial, "can't be made by the user of the hub");
        return io_error("can't make " + partial.string(), number);
    }
    place.partial_ = std::move(partial);
    SYNCLINE_TRY(place.lock_, File::open(place.partial_ / ".lock", O_RDWR | O_CREAT | O_EXCL));
    if (::flock(place.lock_.descriptor(), LOCK_EX | LOCK_NB) != 0)
        return Error{kBackupRunning, "another backup is writing to " + place.partial_.string()};
    return place;
}

Result<void> Place::finish() {
    SYNCLINE_CHECK(sync_directory(partial_));
    if (::rename(partial_.c_str(), to_.c_str()) != 0)
        return io_error("can't rename " + partial_.string(), errno);
    partial_.clear();
    return sync_directory(to_.parent_path());
}

// Whether a backup may go on; asked before each chunk.
class Watch {
  public:
    Watch(const BackupOptions& options, const fs::path& data_dir, const fs::path& copy)
        : options_(options), copy_(copy), is_on_data_disk_(is_same_disk(data_dir, copy)) {}

    void set_hold(std::shared_ptr<const Hold> hold) { hold_ = std::move(hold); }
    void expect(std::uint64_t bytes) { progress_.bytes_total += bytes; }

    // A backup must not be what makes the hub refuse events.
    Result<void> check_room(std::uint64_t bytes) const {
        const Room room = room_of(copy_);
        const std::uint64_t kept = is_on_data_disk_ ? reserve_of(room) : 0;
        if (room.free >= bytes + kept) return {};
        return Error{kDiskFull, "no room for the backup in " + copy_.parent_path().string(),
                     "free space there, or back up to another disk"};
    }

    Result<void> check() const {
        if (options_.may_go_on && !options_.may_go_on())
            return Error{kBackupCancelled, "the backup was cancelled"};
        if (hold_ && hold_->is_over()) return hold_->error();
        return {};
    }

    Result<void> pass(std::uint64_t bytes) {
        SYNCLINE_CHECK(check());
        SYNCLINE_CHECK(check_room(bytes));
        progress_.bytes += bytes;
        progress_.bytes_total = std::max(progress_.bytes_total, progress_.bytes);
        if (options_.on_progress) options_.on_progress(progress_);
        return {};
    }

  private:
    const BackupOptions& options_;
    const fs::path copy_;
    const bool is_on_data_disk_;
    std::shared_ptr<const Hold> hold_;
    BackupProgress progress_;
};

// A file of the copy, hashed while it is written.
class CopiedFile {
  public:
    static Result<CopiedFile> create(const fs::path& copy, std::string name, Watch& watch) {
        CopiedFile file{std::move(name), watch};
        SYNCLINE_TRY(file.file_, File::open(copy / file.about_.name, O_WRONLY | O_CREAT | O_EXCL));
        return file;
    }

    Result<void> write(std::string_view bytes) {
        SYNCLINE_CHECK(watch_->pass(bytes.size()));
        SYNCLINE_CHECK(file_.write_at(about_.bytes, bytes));
        hash_.add(bytes);
        about_.bytes += bytes.size();
        unflushed_ += bytes.size();
        if (unflushed_ < kFlushEveryBytes) return {};
        unflushed_ = 0;
        return file_.sync();
    }

    Result<BackupFile> finish() {
        SYNCLINE_CHECK(file_.sync());
        about_.sha256 = core::to_hex(hash_.finish());
        return std::move(about_);
    }

  private:
    CopiedFile(std::string name, Watch& watch) : watch_(&watch) { about_.name = std::move(name); }

    Watch* watch_;
    File file_;
    BackupFile about_;
    core::Sha256 hash_;
    std::uint64_t unflushed_ = 0;
};

class Backup {
  public:
    Backup(const BackupSource& source, const BackupOptions& options, Place place)
        : source_(source),
          options_(options),
          place_(std::move(place)),
          watch_(options, source.directory.path(), place_.path()) {}

    Result<BackupManifest> run() {
        manifest_.version = options_.version;
        manifest_.at = core::format_iso8601(options_.clock->wall_ns()).text;
        for (const char* folder : {"state", "journal", "bodies"})
            SYNCLINE_CHECK(make_folder(folder));
        const std::shared_ptr<Hold> hold = source_.journal.hold(options_.limits);
        source_.bodies.set_hold(hold);
        watch_.set_hold(hold);
        Result<void> copied = copy_held(hold->from());
        // Given up just now, something may have gone before it was copied.
        if (copied.has_value()) copied = watch_.check();
        watch_.set_hold(nullptr);
        hold->end("it has ended");
        source_.bodies.set_hold(nullptr);
        SYNCLINE_CHECK(std::move(copied));
        SYNCLINE_CHECK(copy_vault());
        SYNCLINE_CHECK(finish());
        return std::move(manifest_);
    }

  private:
    Result<void> make_folder(const char* name) const {
        const fs::path path = place_.path() / name;
        if (::mkdir(path.c_str(), 0700) != 0) return io_error("can't make " + path.string(), errno);
        return {};
    }

    Result<void> copy_held(Position from) {
        watch_.expect(source_.database.bytes_on_disk());
        SYNCLINE_CHECK(watch_.check_room(source_.database.bytes_on_disk()));
        SYNCLINE_CHECK(copy_state());
        const Position to = source_.journal.durable();
        SYNCLINE_CHECK(copy_journal(from, to));
        return copy_bodies();
    }

    // LMDB writes to one end of a pair of sockets, on a thread that holds its view of the pages and
    // waits for nobody longer than kStallMax; from the other end the bytes go to the disk.
    Result<void> copy_state() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            return io_error("can't make a pair of sockets", errno);
        const File from{ends[0]};
        const File into{ends[1]};
        const timeval limit{BackupOptions::kStallMax.count(), 0};
        ::setsockopt(into.descriptor(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        Result<void> read;
        std::thread reader{[&] {
            core::name_this_thread("backup-state");
            sigset_t broken_pipe;
            sigemptyset(&broken_pipe);
            sigaddset(&broken_pipe, SIGPIPE);
            pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
            read = source_.database.copy(into.descriptor());
            ::shutdown(into.descriptor(), SHUT_WR);
        }};
        Result<void> written = write_state(from.descriptor());
        ::shutdown(from.descriptor(), SHUT_RDWR);
        reader.join();
        SYNCLINE_CHECK(std::move(written));
        SYNCLINE_CHECK(watch_.check());
        if (read.has_error()) {
            return Error{kBackupOutrun,
                         "the copy of the state was interrupted: " + read.error().what()};
        }
        return {};
    }

    Result<void> write_state(int socket) {
        SYNCLINE_TRY(CopiedFile file, CopiedFile::create(place_.path(), "state/data.mdb", watch_));
        const auto buffer = std::make_unique<char[]>(kChunkBytes);
        for (;;) {
            const ssize_t got = ::recv(socket, buffer.get(), kChunkBytes, MSG_WAITALL);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return io_error("the state could not be read", errno);
            if (got == 0) break;
            SYNCLINE_CHECK(file.write({buffer.get(), static_cast<std::size_t>(got)}));
        }
        SYNCLINE_TRY(BackupFile about, file.finish());
        manifest_.files.push_back(std::move(about));
        return {};
    }

    // Whole batches, from the file that holds `from` to the batch that ends with `to`. What a file
    // holds behind that is being written, or never was durable, and stays out.
    Result<void> copy_journal(Position from, Position to) {
        for (const JournalFile& file : source_.journal.files()) {
            if (file.last < from) continue;
            const Position end = std::min(file.last, to);
            std::uint64_t bytes = kBlockBytes;
            std::uint64_t seen = kBlockBytes;
            Position last;
            auto visit = [&](const BatchView& batch) -> Result<void> {
                seen += batch_bytes(batch.payload.size());
                const Position batch_last{batch.first.value + batch.count - 1};
                if (batch_last > end) return {};
                bytes = seen;
                last = batch_last;
                return {};
            };
            SYNCLINE_TRY(const SegmentScan scan,
                         scan_segment(file.path, file.number, OnDamage::kStop, visit));
            SYNCLINE_CHECK(watch_.check());  // was it still held?
            if (!scan.is_used || (scan.header.base <= to && last != end)) {
                return Error{kJournalDamaged,
                             "the facts after " + to_string(last) + " can't be read"}
                    .at(file.path.string());
            }
            if (scan.header.base > to) continue;
            SYNCLINE_TRY(const File opened, File::open(file.path, O_RDONLY));
            SYNCLINE_CHECK(copy_file(opened, "journal/" + file.path.filename().string(), bytes));
        }
        return {};
    }

    // What is there: more than the facts need; a start removes what they do not.
    Result<void> copy_bodies() {
        std::vector<std::string> names;
        std::error_code error;
        fs::directory_iterator entry{source_.directory.bodies(), error};
        for (; !error && entry != fs::directory_iterator{}; entry.increment(error))
            names.push_back("bodies/" + entry->path().filename().string());
        if (error) return io_error("can't list the bodies", error.value());
        for (const std::string& name : names) SYNCLINE_CHECK(copy_if_there(name));
        return {};
    }

    // The generation first: a vault may be newer than it says, not older.
    Result<void> copy_vault() {
        const fs::path folder = source_.directory.path() / "vault";
        std::error_code error;
        if (!fs::exists(folder / "secrets", error)) return {};
        SYNCLINE_CHECK(make_folder("vault"));
        for (const char* name : kVaultFiles)
            SYNCLINE_CHECK(copy_if_there(std::string{"vault/"} + name));
        return sync_directory(place_.path() / "vault");
    }

    // Without one that has gone: no fact names it.
    Result<void> copy_if_there(const std::string& name) {
        const fs::path path = source_.directory.path() / name;
        const Result<File> from = File::open(path, O_RDONLY);
        std::error_code ignored;
        if (from.has_error() && !fs::exists(path, ignored)) return {};
        if (from.has_error()) return from.error();
        SYNCLINE_TRY(const std::uint64_t bytes, from->size());
        return copy_file(*from, name, bytes);
    }

    Result<void> copy_file(const File& from, std::string name, std::uint64_t bytes) {
        SYNCLINE_TRY(CopiedFile file, CopiedFile::create(place_.path(), std::move(name), watch_));
        std::string chunk(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kChunkBytes)),
                          '\0');
        for (std::uint64_t at = 0; at < bytes;) {
            const std::size_t wanted =
                static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, chunk.size()));
            SYNCLINE_TRY(const std::size_t got,
                         from.read_at(at, std::span<char>{chunk}.first(wanted)));
            if (got == 0) break;  // its owner has written less: the examination decides
            SYNCLINE_CHECK(file.write(std::string_view{chunk}.substr(0, got)));
            at += got;
        }
        SYNCLINE_TRY(BackupFile about, file.finish());
        manifest_.files.push_back(std::move(about));
        return {};
    }

    Result<void> finish() {
        SYNCLINE_TRY(const CopyEnds ends, examine_copy(place_.path()));
        manifest_.state = ends.state;
        manifest_.journal = ends.journal;
        SYNCLINE_TRY(File file,
                     File::open(place_.path() / kManifestFile, O_WRONLY | O_CREAT | O_EXCL));
        SYNCLINE_CHECK(file.write_at(0, to_json(manifest_)));
        SYNCLINE_CHECK(file.sync());
        for (const char* folder : {"state", "journal", "bodies"})
            SYNCLINE_CHECK(sync_directory(place_.path() / folder));
        SYNCLINE_CHECK(watch_.check());
        return place_.finish();
    }

    const BackupSource source_;
    const BackupOptions& options_;
    Place place_;
    Watch watch_;
    BackupManifest manifest_;
};

}  // namespace

Result<BackupManifest> make_backup(const BackupSource& source, const BackupOptions& options) {
    SYNCLINE_TRY(Place place, Place::take(options.to, source.directory.path()));
    return Backup{source, options, std::move(place)}.run();
}

Result<std::uint64_t> epochs_to_skip(const fs::path& data_dir) {
    SYNCLINE_TRY(const std::optional<BackupManifest> manifest,
                 read_manifest(data_dir / kManifestFile));
    if (!manifest) return std::uint64_t{0};
    core::log_warning("store",
                      "this is a restored backup: what was delivered after it was made is "
                      "delivered again; the hub it was made of must not run any more",
                      {{"made", manifest->at}, {"position", to_string(manifest->journal)}});
    return kEpochsSkipped + std::random_device{}() % kEpochsSpread;
}

Result<void> mark_restored(const fs::path& data_dir) {
    const fs::path from = data_dir / kManifestFile;
    if (::rename(from.c_str(), (data_dir / kRestoredFile).c_str()) != 0)
        return io_error("can't rename " + from.string(), errno);
    return sync_directory(data_dir);
}

}  // namespace syncline::store
