// LMDB behind a small interface: one environment, one table each, every value with a CRC-32C (LMDB
// has no checksums).
//
// Measured rules of LMDB 0.9.24: durable mode only, never WRITEMAP, NOSYNC, NOMETASYNC or DUPSORT;
// the map is reserved large; readers are short; a full map and a full disk show at commit, not at
// put. LMDB aborts the process on a page that makes no sense: the file is looked through
// before it is opened (check.hpp). Concurrency: one thread writes (commit), one other
// thread holds the one reader, a third may copy. Internal to store.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "store/tables.hpp"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace syncline::store {

// The value of a row as it is stored, without its checksum; none when that is wrong.
std::optional<std::string_view> row_value(std::string_view key, std::string_view stored);

class Database {
  public:
    struct Options {
        std::filesystem::path directory;
        std::uint64_t map_bytes = std::uint64_t{64} << 30;  // address space, not disk
        bool is_read_only = false;
    };
    // A database that is not there is created, whole or not at all. Errors: store.state_damaged,
    // store.disk_full, store.io_failed.
    static Result<std::unique_ptr<Database>> open(Options options);
    ~Database();

    // What a caller of the reader's methods gets; views are valid until renew().
    Result<std::optional<std::string_view>> get(Table table, std::string_view key);
    struct Row {
        std::string_view key, value;
    };
    // The first row with a key at or after `from`.
    Result<std::optional<Row>> seek(Table table, std::string_view from);
    // Rows of the table, as the reader sees it; does not look at them.
    Result<std::uint64_t> count(Table table);
    // Makes the reader see the newest commit; frees the pages that the old view pinned.
    void renew();
    void release();  // the reader sees nothing until renew()

    // A write transaction; nothing is kept unless commit() succeeds.
    class Write {
      public:
        Write(Write&&) noexcept;
        ~Write();
        Result<void> put(Table table, std::string_view key, std::string_view value);
        Result<void> erase(Table table, std::string_view key);  // a missing key is no error
        // Errors: store.disk_full; store.io_failed; kMapFull, which the caller answers with grow()
        // and a repetition.
        Result<void> commit();

      private:
        friend class Database;
        Write(Database& owner, MDB_txn* transaction) : owner_(&owner), transaction_(transaction) {}
        Database* owner_;
        MDB_txn* transaction_;
        std::string buffer_;
    };
    Result<Write> begin_write();

    // Doubles the map. No transaction may be open anywhere in the process: release() the reader
    // first. Ends a copy() that is under way.
    Result<void> grow();

    // Writes the file as the newest commit has it to a socket, which has to have a limit for
    // sending: while this writes, no page that the commit uses is used again. Commits go on
    // meanwhile. One at a time. [any] Errors: store.io_failed, also when the reader of the socket
    // goes, or does not read.
    Result<void> copy(int socket);

    std::uint64_t reads() const {
        return reads_;
    }  // rows looked up since open(): what a question costs
    std::uint64_t bytes_on_disk() const;
    Result<void> sync();
    int clear_stale_readers();

  private:
    Database() = default;
    static Result<void> create(const Options& options, const std::filesystem::path& file);
    Result<void> open_environment(const std::filesystem::path& path,
                                  const std::filesystem::path& lock, unsigned flags);
    Result<void> open_tables();
    Error error(const std::string& what, int code) const;

    Options options_;
    MDB_env* environment_ = nullptr;
    MDB_txn* reader_ = nullptr;
    bool reader_is_reset_ = false;
    std::uint64_t reads_ = 0;
    std::mutex copy_mutex_;
    std::condition_variable copy_ended_;
    int copy_socket_ = -1;
    std::array<unsigned, kTableCount> handles_{};
    std::array<bool, kTableCount> is_missing_{};
    std::array<MDB_cursor*, kTableCount> cursors_{};
};

// Internal signal of Write::commit and put.
inline constexpr core::ErrorCode kMapFull{"store.map_full", core::ErrorClass::kTransient, ""};

}  // namespace syncline::store
