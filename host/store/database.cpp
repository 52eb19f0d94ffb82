#include "store/database.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/assert.hpp"
#include "core/hash.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"

namespace syncline::store {
namespace {

constexpr std::size_t kCrcBytes = 4;

MDB_val to_val(std::string_view bytes) {
    return MDB_val{bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view to_view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// The checksum covers the key as well: a value in the wrong place is as bad as a wrong value.
std::uint32_t row_crc(std::string_view key, std::string_view value) {
    return core::crc32c(value, core::crc32c(key));
}

Result<std::string_view> checked_value(Table table, std::string_view key, std::string_view stored) {
    if (std::optional<std::string_view> value = row_value(key, stored)) return *value;
    return Error{kStateDamaged, std::string{"a row of table "} + name_of(table) +
                                    " has a wrong checksum (key " + core::to_hex(key) + ")"};
}

// LMDB writes its lock file through a map: when the disk is full that is a SIGBUS, unless the room
// was reserved before.
Result<void> reserve_lock_file(const std::filesystem::path& lock) {
    constexpr off_t kLockBytes = 16 * 1024;  // for the 126 readers that LMDB makes room for
    SYNCLINE_TRY(File file, File::open(lock, O_RDWR | O_CREAT));
    int code = ::posix_fallocate(file.descriptor(), 0, kLockBytes);
    if (code != 0) return io_error("can't write to " + lock.string(), code);
    return {};
}

}  // namespace

std::optional<std::string_view> row_value(std::string_view key, std::string_view stored) {
    if (stored.size() < kCrcBytes) return std::nullopt;
    std::string_view value = stored.substr(0, stored.size() - kCrcBytes);
    std::uint32_t crc = 0;
    std::memcpy(&crc, stored.data() + value.size(), kCrcBytes);
    if (crc != row_crc(key, value)) return std::nullopt;
    return value;
}

const char* name_of(Table table) {
    static constexpr const char* kNames[kTableCount] = {
        "meta",  "name",   "event",   "record",         "lane",         "queue",
        "ready", "due",    "key_map", "dedup",          "dedup_expiry", "letter",
        "body",  "ledger", "outcome", "outcome_expiry", "parked",       "id_map"};
    return kNames[static_cast<std::size_t>(table)];
}

Result<std::unique_ptr<Database>> Database::open(Options options) {
    const std::filesystem::path file = options.directory / "data.mdb";
    std::error_code error;
    if (!options.is_read_only && !std::filesystem::exists(file, error))
        SYNCLINE_CHECK(create(options, file));
    std::unique_ptr<Database> database{new Database};
    database->options_ = std::move(options);
    const std::filesystem::path& directory = database->options_.directory;
    SYNCLINE_CHECK(database->open_environment(directory, directory / "lock.mdb", 0));
    return database;
}

// LMDB writes the first pages of a file one by one: a power cut in between would leave something
// that is no database. So the file gets its name when it is whole.
Result<void> Database::create(const Options& options, const std::filesystem::path& file) {
    const std::filesystem::path fresh = options.directory / "data.new";
    const std::filesystem::path lock = options.directory / "data.new-lock";  // as LMDB calls it
    ::unlink(fresh.c_str());
    {
        Database database;
        database.options_ = options;
        SYNCLINE_CHECK(database.open_environment(fresh, lock, MDB_NOSUBDIR));
    }
    ::unlink(lock.c_str());
    if (::rename(fresh.c_str(), file.c_str()) != 0)
        return io_error("can't rename " + fresh.string(), errno);
    return sync_directory(options.directory);
}

Result<void> Database::open_environment(const std::filesystem::path& path,
                                        const std::filesystem::path& lock, unsigned flags) {
    int code = mdb_env_create(&environment_);
    if (code != 0) return error("can't create the environment", code);
    mdb_env_set_maxdbs(environment_, kTableCount);
    mdb_env_set_mapsize(environment_, options_.map_bytes);
    if (!options_.is_read_only) SYNCLINE_CHECK(reserve_lock_file(lock));
    flags |= MDB_NOTLS | (options_.is_read_only ? unsigned{MDB_RDONLY} : 0u);
    code = mdb_env_open(environment_, path.c_str(), flags, 0600);
    if (code != 0) return error("can't open " + path.string(), code);
    return open_tables();
}

Result<void> Database::open_tables() {
    MDB_txn* transaction = nullptr;
    unsigned flags = options_.is_read_only ? unsigned{MDB_RDONLY} : 0u;
    int code = mdb_txn_begin(environment_, nullptr, flags, &transaction);
    for (std::size_t i = 0; code == 0 && i < kTableCount; ++i) {
        code = mdb_dbi_open(transaction, name_of(static_cast<Table>(i)),
                            options_.is_read_only ? 0u : unsigned{MDB_CREATE}, &handles_[i]);
        // A crash in the very first start leaves a file without tables: for a reader they are
        // empty.
        is_missing_[i] = code == MDB_NOTFOUND && options_.is_read_only;
        if (is_missing_[i]) code = 0;
    }
    if (code == 0) {
        code = mdb_txn_commit(transaction);
    } else if (transaction != nullptr) {
        mdb_txn_abort(transaction);
    }
    if (code == 0) code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reader_);
    for (std::size_t i = 0; code == 0 && i < kTableCount; ++i) {
        if (!is_missing_[i]) code = mdb_cursor_open(reader_, handles_[i], &cursors_[i]);
    }
    if (code != 0) return error("can't open the tables", code);
    return {};
}

Database::~Database() {
    for (MDB_cursor* cursor : cursors_) {
        if (cursor != nullptr) mdb_cursor_close(cursor);
    }
    if (reader_ != nullptr) mdb_txn_abort(reader_);
    if (environment_ != nullptr) mdb_env_close(environment_);
}

Result<std::optional<std::string_view>> Database::get(Table table, std::string_view key) {
    SYNCLINE_ASSERT(!reader_is_reset_);
    ++reads_;
    if (is_missing_[static_cast<std::size_t>(table)]) return std::optional<std::string_view>{};
    MDB_val wanted = to_val(key);
    MDB_val found{};
    int code = mdb_get(reader_, handles_[static_cast<std::size_t>(table)], &wanted, &found);
    if (code == MDB_NOTFOUND) return std::optional<std::string_view>{};
    if (code != 0) return error("a read failed", code);
    SYNCLINE_TRY(std::string_view value, checked_value(table, key, to_view(found)));
    return std::optional{value};
}

Result<std::optional<Database::Row>> Database::seek(Table table, std::string_view from) {
    SYNCLINE_ASSERT(!reader_is_reset_);
    ++reads_;
    if (is_missing_[static_cast<std::size_t>(table)]) return std::optional<Row>{};
    MDB_val key = to_val(from);
    MDB_val found{};
    int code =
        mdb_cursor_get(cursors_[static_cast<std::size_t>(table)], &key, &found, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND) return std::optional<Row>{};
    if (code != 0) return error("a read failed", code);
    SYNCLINE_TRY(std::string_view value, checked_value(table, to_view(key), to_view(found)));
    return std::optional{Row{to_view(key), value}};
}

Result<std::uint64_t> Database::count(Table table) {
    SYNCLINE_ASSERT(!reader_is_reset_);
    if (is_missing_[static_cast<std::size_t>(table)]) return std::uint64_t{0};
    MDB_stat found{};
    if (int code = mdb_stat(reader_, handles_[static_cast<std::size_t>(table)], &found); code != 0)
        return error("a table can't be counted", code);
    return std::uint64_t{found.ms_entries};
}

void Database::release() {
    if (std::exchange(reader_is_reset_, true)) return;
    mdb_txn_reset(reader_);
}

void Database::renew() {
    release();
    int code = mdb_txn_renew(reader_);
    SYNCLINE_ASSERT(code == 0);
    for (MDB_cursor* cursor : cursors_) {
        if (cursor != nullptr) mdb_cursor_renew(reader_, cursor);
    }
    reader_is_reset_ = false;
}

Result<Database::Write> Database::begin_write() {
    MDB_txn* transaction = nullptr;
    int code = mdb_txn_begin(environment_, nullptr, 0, &transaction);
    if (code != 0) return error("can't begin a transaction", code);
    return Write{*this, transaction};
}

Database::Write::Write(Write&& other) noexcept
    : owner_(other.owner_), transaction_(std::exchange(other.transaction_, nullptr)) {}

Database::Write::~Write() {
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
}

Result<void> Database::Write::put(Table table, std::string_view key, std::string_view value) {
    std::uint32_t crc = row_crc(key, value);
    buffer_.assign(value);
    buffer_.append(reinterpret_cast<const char*>(&crc), sizeof crc);
    MDB_val k = to_val(key);
    MDB_val v = to_val(buffer_);
    int code = mdb_put(transaction_, owner_->handles_[static_cast<std::size_t>(table)], &k, &v, 0);
    if (code != 0) return owner_->error("a write failed", code);
    return {};
}

Result<void> Database::Write::erase(Table table, std::string_view key) {
    MDB_val k = to_val(key);
    int code =
        mdb_del(transaction_, owner_->handles_[static_cast<std::size_t>(table)], &k, nullptr);
    if (code != 0 && code != MDB_NOTFOUND) return owner_->error("a removal failed", code);
    return {};
}

Result<void> Database::Write::commit() {
    int code = mdb_txn_commit(std::exchange(transaction_, nullptr));
    if (code != 0) return owner_->error("a commit failed", code);
    return {};
}

Result<void> Database::grow() {
    SYNCLINE_ASSERT(reader_is_reset_);
    std::unique_lock lock{copy_mutex_};
    if (copy_socket_ >= 0) ::shutdown(copy_socket_, SHUT_RDWR);
    // Its next write fails: this is no wait for whoever reads.
    copy_ended_.wait(lock, [this] { return copy_socket_ < 0; });
    options_.map_bytes *= 2;
    int code = mdb_env_set_mapsize(environment_, options_.map_bytes);
    if (code != 0) return error("can't enlarge the map", code);
    return {};
}

Result<void> Database::copy(int socket) {
    {
        std::lock_guard lock{copy_mutex_};
        SYNCLINE_ASSERT(copy_socket_ < 0);
        copy_socket_ = socket;
    }
    // Page by page as they stand: a compacting copy would follow the trees, and commits wait while
    // the first two pages are written, which is why it has to be a buffer that takes them.
    const int code = mdb_env_copyfd2(environment_, socket, 0);
    {
        std::lock_guard lock{copy_mutex_};
        copy_socket_ = -1;
    }
    copy_ended_.notify_all();
    if (code != 0) return error("it could not be copied", code);
    return {};
}

std::uint64_t Database::bytes_on_disk() const {
    struct stat info {};
    if (::stat((options_.directory / "data.mdb").c_str(), &info) != 0) return 0;
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

Result<void> Database::sync() {
    int code = mdb_env_sync(environment_, 1);
    if (code != 0) return error("a flush failed", code);
    return {};
}

int Database::clear_stale_readers() {
    int dead = 0;
    mdb_reader_check(environment_, &dead);
    return dead;
}

Error Database::error(const std::string& what, int code) const {
    if (code == MDB_MAP_FULL) return Error{kMapFull, "the map is full"};
    if (code > 0) return io_error("state: " + what, code);
    bool is_damage = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
                     code == MDB_NOTFOUND;
    return Error{is_damage ? kStateDamaged : kIo, "state: " + what + ": " + mdb_strerror(code)};
}

}  // namespace syncline::store
