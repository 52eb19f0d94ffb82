// What the state knows beyond the last commit: changes in memory over a committed snapshot.
//
// Two layers: the *active* one takes changes; while a commit runs, the *frozen* one holds what is
// being written. A read looks at active, frozen, database, in this order. A row that comes and goes
// between two commits leaves nothing behind (rule 9). Concurrency: one thread, the state's; a
// frozen layer is constant and may be read by the committing thread as well.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/changes.hpp"
#include "store/database.hpp"
#include "store/tables.hpp"

namespace syncline::store {

class Overlay {
  public:
    // Which tables can be searched in order: those that apply() searches, or all.
    enum class Search { kUsual, kAll };

    // The changes of all tables.
    class Layer {
      public:
        explicit Layer(Search search) : Layer(search, std::make_index_sequence<kTableCount>{}) {}
        Changes& operator[](Table table) { return tables_[static_cast<std::size_t>(table)]; }
        const Changes& operator[](Table table) const {
            return tables_[static_cast<std::size_t>(table)];
        }

      private:
        template <std::size_t... kIndex>
        Layer(Search search, std::index_sequence<kIndex...>)
            : tables_{
                  Changes{search == Search::kAll || is_searched(static_cast<Table>(kIndex))}...} {}
        std::array<Changes, kTableCount> tables_;
    };

    explicit Overlay(Database& database, Search search = Search::kUsual)
        : database_(database), search_(search), active_(search) {}

    // Views are valid until the next change or thaw(). A damaged row is an error.
    Result<std::optional<std::string_view>> get(Table table, std::string_view key);
    struct Row {
        std::string key;
        std::string_view value;
    };
    // The first row with a key at or after `from` that begins with `prefix`. Only in a table that
    // is searched.
    Result<std::optional<Row>> seek(Table table, std::string_view from, std::string_view prefix);

    // `is_new`: the caller knows that get() would find nothing, so that a later erase() may leave
    // no trace.
    void put(Table table, std::string_view key, std::string value, bool is_new = false);
    void erase(Table table, std::string_view key);

    // Rows of the table in the database, without the layers above it: how many there are, and the
    // first at or after `from`, in any table. A view is valid until thaw().
    Result<std::uint64_t> rows_committed(Table table) { return database_.count(table); }
    Result<std::optional<Database::Row>> seek_committed(Table table, std::string_view from) {
        return database_.seek(table, from);
    }

    std::size_t dirty_bytes() const { return active_bytes_; }
    std::size_t frozen_bytes() const { return frozen_bytes_; }
    std::uint64_t database_reads() const { return database_.reads(); }
    bool is_dirty() const { return active_bytes_ > 0; }

    // Hands the active layer to the committer. Only when nothing is frozen.
    std::shared_ptr<const Layer> freeze();
    bool is_frozen() const { return frozen_ != nullptr; }
    // The frozen layer is in the database now. Returns it, so that its rows can be freed elsewhere.
    std::shared_ptr<const Layer> thaw();

  private:
    const Change* find(Table table, std::string_view key) const;

    Database& database_;
    const Search search_;
    Layer active_;
    std::shared_ptr<const Layer> frozen_;
    std::size_t active_bytes_ = 0;
    std::size_t frozen_bytes_ = 0;
};

}  // namespace syncline::store
