// Reads the file of the state without LMDB, which aborts its process on a page that makes no sense.
//
// Purpose: says before LMDB opens the file whether every page of it makes sense, and gives every
// row that can be read when some do not. A tree is followed page by page with everything checked:
// what a page says of itself, where its rows stand, their order, their checksums, and that no page
// is used twice or both used and free. Damage therefore costs what stands in the damaged page, no
// more: when the way to a page is lost, the page is found among those that are neither used nor
// free. The format is that of LMDB 0.9 (data version 1) on a machine with 64 bits.
// Concurrency: one thread. Internal to store.
// Limits: about 2 bits of memory for each page of 4 KiB; each page is read at most twice.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "store/file.hpp"
#include "store/tables.hpp"

namespace syncline::store {

// A tree of pages as its parent describes it.
struct PageTree {
    std::uint16_t flags = 0;
    std::uint16_t depth = 0;
    std::uint64_t entries = 0;
    std::uint64_t root = ~std::uint64_t{0};  // this: the tree is empty
};

// What one transaction left: the file holds the last two.
struct PageCommit {
    std::uint64_t number = 0;
    std::uint64_t last_page = 0;
    PageTree free, main;
};

struct PageDamage {
    std::uint64_t offset = 0;  // in the file
    std::string what;
};

struct PageSurvey {
    static constexpr std::size_t kDamageMax = 100;  // further ones are only counted
    std::vector<PageDamage> damage;
    std::uint64_t damage_count = 0;
    std::array<bool, kTableCount> is_table_damaged{};
    std::array<std::uint64_t, kTableCount> rows_expected{};  // 0 when even that is lost

    bool is_whole() const { return damage_count == 0; }
};

class PageFile {
  public:
    // Errors: store.io_failed; store.newer_format, for a file of another LMDB.
    static Result<PageFile> open(const std::filesystem::path& file);

    // The commits whose description can be read, the one that LMDB takes first.
    const std::vector<PageCommit>& commits() const { return commits_; }

    // What is wrong with the descriptions of the commits themselves.
    const std::vector<PageDamage>& damage() const { return damage_; }

    // Gets each row whose checksum is right, in the order of its table, `value` without the
    // checksum. False: the row is none of this table. Without a table: the row was found on a page
    // to which no way leads, and the visitor has to know it by its looks.
    using Visit = std::function<Result<bool>(std::optional<Table>, std::string_view key,
                                             std::string_view value)>;

    // Errors: those of `visit`, store.io_failed. Damage is no error.
    Result<PageSurvey> survey(const PageCommit& commit, const Visit& visit) const;

  private:
    File file_;
    std::uint64_t page_count_ = 0;
    std::vector<PageCommit> commits_;
    std::vector<PageDamage> damage_;
};

}  // namespace syncline::store
