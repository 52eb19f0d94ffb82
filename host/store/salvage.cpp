#include "store/salvage.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "core/assert.hpp"
#include "core/fault.hpp"
#include "store/codec.hpp"
#include "store/committer.hpp"
#include "store/data_dir.hpp"
#include "store/database.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"
#include "store/journal.hpp"
#include "store/journal_writer.hpp"
#include "store/leftover.hpp"
#include "store/pages.hpp"
#include "store/row_shape.hpp"
#include "store/segment.hpp"
#include "store/state.hpp"

namespace syncline::store {
namespace {

constexpr std::uint64_t kEpochsLeftOut = 1000;  // what can't be read may have used some
constexpr std::size_t kCopyBytes = 8 * 1024 * 1024;
constexpr const char* kUnfinished = ".new";

// A commit of the state that the file holds, and what can be read of it.
struct Candidate {
    PageCommit commit;
    PageSurvey survey;
    std::array<std::uint64_t, kTableCount> rows{};
    std::optional<Position> applied;
    Position newest;  // that any row knows

    Position end() const { return applied.value_or(newest); }
    std::uint64_t row_count() const {
        std::uint64_t sum = 0;
        for (std::uint64_t count : rows) sum += count;
        return sum;
    }
};

Position stored_position(std::string_view bytes) {
    return Position{read_big_endian(bytes.substr(0, 8))};
}

// The newest position that the row names.
Position position_of(Table table, std::string_view key, std::string_view value) {
    switch (table) {
        case Table::kEvent:
            return stored_position(key.substr(4));
        case Table::kRecord:
        case Table::kLetter:
            return stored_position(key);
        case Table::kDedup:
            return stored_position(value);
        case Table::kKeyMap:
            if (Result<KeyMapRow> row = decode_row<KeyMapRow>(value); row.has_value())
                return row->last.event;
            return {};
        default:
            return {};
    }
}

class Salvage {
  public:
    Salvage(const SalvageOptions& options, DataDir directory)
        : options_(options), directory_(std::move(directory)) {}

    Result<SalvageReport> run() {
        say("reading the journal");
        Journal::Options journal;
        journal.directory = directory_.journal();
        journal.segment_bytes = options_.segment_bytes;
        journal.salvage = true;
        SYNCLINE_TRY(journal_, Journal::open(std::move(journal)));
        SYNCLINE_CHECK(examine_state());
        report_damaged_journal();
        compare();
        if (report_.damage.empty()) return std::move(report_);
        SYNCLINE_CHECK(make_quarantine());
        Result<void> built = build();
        if (!built.has_value()) {
            remove_unfinished();
            return built.error();
        }
        SYNCLINE_CHECK(change_places());
        say("done");
        return std::move(report_);
    }

  private:
    void say(const std::string& line) const {
        if (options_.on_progress) options_.on_progress(line);
    }

    std::filesystem::path database_file() const { return directory_.state() / "data.mdb"; }

    void found(const PageDamage& damage) {
        report_.damage.push_back(SalvageDamage{
            database_file().string() + ":" + std::to_string(damage.offset), damage.what});
    }

    // ---- What is there

    Result<void> examine_state() {
        std::error_code error;
        if (!std::filesystem::exists(database_file(), error)) return {};
        say("reading the state");
        SYNCLINE_TRY(PageFile pages, PageFile::open(database_file()));
        for (const PageDamage& damage : pages.damage()) found(damage);
        for (const PageCommit& commit : pages.commits()) {
            Candidate candidate;
            candidate.commit = commit;
            auto visit = [&](Table table, std::string_view key, std::string_view value) {
                note(candidate, table, key, value);
                return Result<void>{};
            };
            SYNCLINE_CHECK(read_rows(pages, candidate, visit));
            candidates_.push_back(std::move(candidate));
        }
        pages_.emplace(std::move(pages));
        if (candidates_.empty()) return {};
        const PageSurvey& current = candidates_.front().survey;
        for (const PageDamage& damage : current.damage) found(damage);
        report_.damage_not_named = current.damage_count - current.damage.size();
        return {};
    }

    static void note(Candidate& candidate, Table table, std::string_view key,
                     std::string_view value) {
        ++candidate.rows[static_cast<std::size_t>(table)];
        candidate.newest = std::max(candidate.newest, position_of(table, key, value));
        if (table == Table::kMeta && key == meta::kApplied)
            candidate.applied = stored_position(value);
    }

    // Every row that can be read and that looks like one of its table.
    template <class Visit>
    Result<void> read_rows(const PageFile& pages, Candidate& candidate, Visit visit) {
        auto take = [&](std::optional<Table> table, std::string_view key,
                        std::string_view value) -> Result<bool> {
            if (!table) table = table_by_looks(key, value);
            if (!table) return false;
            SYNCLINE_TRY(bool is_fitting, fits(*table, key, value));
            if (is_fitting) SYNCLINE_CHECK(visit(*table, key, value));
            return is_fitting;
        };
        SYNCLINE_TRY(candidate.survey, pages.survey(candidate.commit, take));
        return {};
    }

    // Of a row whose page nothing leads to; none when it could be one of two tables.
    static std::optional<Table> table_by_looks(std::string_view key, std::string_view value) {
        std::optional<Table> found;
        for (std::size_t i = 0; i < kTableCount; ++i) {
            Result<bool> is_fitting = fits(static_cast<Table>(i), key, value);
            if (!is_fitting.has_value() || !*is_fitting) continue;
            if (found) return std::nullopt;
            found = static_cast<Table>(i);
        }
        return found;
    }

    // Damage in the journal's history costs nothing while the state is whole: no start reads it.
    void report_damaged_journal() {
        bool is_whole = !candidates_.empty() && candidates_.front().survey.is_whole() &&
                        candidates_.front().applied;
        Position needed_after = is_whole ? *candidates_.front().applied : Position{};
        std::vector<SalvageDamage> damage;
        for (const JournalDamage& found : journal_->damage()) {
            if (found.before <= needed_after) continue;
            damage.push_back(SalvageDamage{found.error.where(), found.error.what()});
        }
        report_.damage.insert(report_.damage.begin(), damage.begin(), damage.end());
    }

    // State and journal have to be of one history.
    void compare() {
        auto add = [&](std::string what) {
            report_.damage.push_back(SalvageDamage{directory_.path().string(), std::move(what)});
        };
        bool is_empty = candidates_.empty();
        Position applied = is_empty ? Position{} : candidates_.front().end();
        if (applied > journal_->last()) {
            add("the state has facts up to " + to_string(applied) + ", the journal ends at " +
                to_string(journal_->last()));
        }
        if (journal_->before_first() > applied && (is_empty || candidates_.front().applied)) {
            add("the journal begins after " + to_string(journal_->before_first()) +
                ", the state ends at " + to_string(applied));
        }
        choose();
    }

    // The newest commit, unless it is damaged and the one before it is whole and the journal goes
    // on from there, or hardly anything of it can be read.
    void choose() {
        std::stable_sort(candidates_.begin(), candidates_.end(),
                         [](const Candidate& a, const Candidate& b) { return a.end() > b.end(); });
        if (candidates_.empty()) return;
        chosen_ = &candidates_.front();
        for (const Candidate& candidate : candidates_) {
            if (!candidate.survey.is_whole() || journal_->before_first() > candidate.end())
                continue;
            chosen_ = &candidate;
            break;
        }
        for (const Candidate& candidate : candidates_) {
            if (candidate.row_count() / 2 > chosen_->row_count()) chosen_ = &candidate;
        }
        report_.is_previous_commit = chosen_->survey.is_whole() && candidates_.size() == 2 &&
                                     chosen_ != &candidates_.front();
    }

    // ---- The new state and journal

    Result<void> make_quarantine() {
        std::filesystem::path all = directory_.path() / "quarantine";
        std::error_code error;
        std::filesystem::create_directory(all, error);
        std::string time = core::format_iso8601(options_.clock->wall_ns()).text;
        time = time.substr(0, 19) + "Z";
        std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
        remove_unfinished();
        for (unsigned number = 1; !error && number < 1000; ++number) {
            report_.quarantine = all / (number == 1 ? time : time + "-" + std::to_string(number));
            if (std::filesystem::create_directory(report_.quarantine, error)) break;
        }
        for (const char* name : {"state.new", "journal.new"}) {
            if (!error) std::filesystem::create_directory(report_.quarantine / name, error);
        }
        if (error) return io_error("can't create " + report_.quarantine.string(), error.value());
        std::filesystem::permissions(all, std::filesystem::perms::owner_all, error);
        SYNCLINE_CHECK(sync_directory(directory_.path()));
        return sync_directory(all);
    }

    // What an earlier salvage had not finished when it was killed, or this one when it fails.
    void remove_unfinished() {
        std::error_code ignored;
        std::vector<std::filesystem::path> folders;
        for (const auto& entry :
             std::filesystem::directory_iterator{directory_.path() / "quarantine", ignored})
            folders.push_back(entry.path());
        for (const std::filesystem::path& folder : folders) {
            for (const char* name : {"state.new", "journal.new"})
                std::filesystem::remove_all(folder / name, ignored);
            std::filesystem::remove(folder, ignored);  // unless it holds something
        }
    }

    Result<void> build() {
        std::filesystem::path state_path = report_.quarantine / "state.new";
        SYNCLINE_TRY(std::unique_ptr<Database> database,
                     Database::open(Database::Options{state_path, options_.map_bytes, false}));
        if (chosen_ != nullptr) SYNCLINE_CHECK(copy_rows(*database));
        SYNCLINE_CHECK(make_tables_agree(*database));
        State state{*database};
        SYNCLINE_CHECK(state.load());
        auto commit = [&]() -> Result<void> {
            state.seal();
            return commit_overlay(*database, directory_, state.overlay());
        };
        say("applying what the journal has");
        SYNCLINE_TRY(report_.facts, apply_leftover(*journal_, state, commit));
        SYNCLINE_CHECK(begin_epoch(state));
        SYNCLINE_CHECK(commit());
        for (const auto& [id, ledger] : state.route_ledgers()) SYNCLINE_ASSERT(ledger.balances());
        for (const auto& [id, ledger] : state.connection_ledgers())
            SYNCLINE_ASSERT(ledger.balances());
        SYNCLINE_CHECK(keep_bodies(state));
        database.reset();
        SYNCLINE_CHECK(sync_directory(state_path));
        return sync_directory(report_.quarantine);
    }

    Result<void> copy_rows(Database& database) {
        say("copying what is intact");
        std::optional<Database::Write> write;
        std::size_t bytes = 0;
        auto flush = [&]() -> Result<void> {
            if (!write) return {};
            SYNCLINE_CHECK(write->commit());
            write.reset();
            bytes = 0;
            return {};
        };
        auto visit = [&](Table table, std::string_view key,
                         std::string_view value) -> Result<void> {
            if (!write) {
                SYNCLINE_TRY(Database::Write begun, database.begin_write());
                write.emplace(std::move(begun));
            }
            SYNCLINE_CHECK(write->put(table, key, value));
            bytes += key.size() + value.size();
            return bytes > kCopyBytes ? flush() : Result<void>{};
        };
        Candidate again = *chosen_;
        SYNCLINE_CHECK(read_rows(*pages_, again, visit));
        SYNCLINE_CHECK(flush());
        database.renew();
        return {};
    }

    Result<void> make_tables_agree(Database& database) {
        say("making the tables agree");
        RepairInput input;
        if (chosen_ != nullptr) {
            input.is_damaged = chosen_->survey.is_table_damaged;
            input.expected = chosen_->survey.rows_expected;
            input.newest = chosen_->newest;
            // With the list of tables damaged, every table may be.
            if (!chosen_->survey.is_whole() &&
                std::none_of(input.is_damaged.begin(), input.is_damaged.end(),
                             [](bool b) { return b; }))
                input.is_damaged.fill(true);
        }
        std::random_device device;
        input.fresh_seed = std::uint64_t{device()} << 32 | device();
        input.letters_from = Position::of(new_epoch(), 2);
        input.now_ns = options_.clock->wall_ns();
        SYNCLINE_TRY(report_.rows, repair(database, directory_, input));
        return {};
    }

    std::uint64_t new_epoch() const {
        std::uint64_t epoch = journal_->last().epoch();
        for (const Candidate& candidate : candidates_)
            epoch = std::max({epoch, candidate.end().epoch(), candidate.newest.epoch()});
        return epoch + kEpochsLeftOut;
    }

    // The first fact of the new journal, which the state knows already: it is never older.
    Result<void> begin_epoch(State& state) {
        NumberedFact first{Position::of(new_epoch(), 1),
                           Fact{EpochBegan{options_.clock->wall_ns(), options_.version}}};
        SegmentHeader header;
        header.number = 1;
        header.base = first.position;
        header.previous_last = std::max(state.applied(), journal_->last());
        header.salt = std::random_device{}();
        std::filesystem::path folder = report_.quarantine / "journal.new";
        std::filesystem::path file = segment_path(folder, header.number);
        SYNCLINE_CHECK(prepare_segment(file, options_.segment_bytes, false));
        SYNCLINE_TRY(SegmentWriter writer, SegmentWriter::begin(file, header));
        std::string payload, block;
        encode(first.fact, payload);
        build_batch(header.salt, first.position, 1, payload, block);
        SYNCLINE_CHECK(writer.append(block));
        SYNCLINE_CHECK(writer.sync());
        SYNCLINE_CHECK(sync_directory(folder));
        SYNCLINE_CHECK(state.apply(first));
        return {};
    }

    // The next start removes bodies that nothing refers to: they get a second name here.
    Result<void> keep_bodies(State& state) {
        SYNCLINE_TRY(std::vector<std::string> names, state.body_files());
        std::set<std::string> referenced{names.begin(), names.end()};
        std::filesystem::path kept = report_.quarantine / "bodies";
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator{directory_.bodies(), error}) {
            if (referenced.contains(entry.path().filename().string())) continue;
            std::filesystem::create_directory(kept, error);
            std::filesystem::create_hard_link(entry.path(), kept / entry.path().filename(), error);
            if (error) return io_error("can't keep " + entry.path().string(), error.value());
        }
        return {};
    }

    // ---- In place

    // The state first: beside the old journal it is refused at a start, and the next salvage
    // finds everything in it.
    Result<void> change_places() {
        say("putting it in place");
        core::fail_point("salvage.before-exchange");
        for (const char* name : {"state", "journal"}) {
            std::filesystem::path ready = report_.quarantine / name;
            std::filesystem::path unfinished = ready;
            unfinished += kUnfinished;
            if (::rename(unfinished.c_str(), ready.c_str()) != 0)
                return io_error("can't rename " + unfinished.string(), errno);
            core::fail_point("salvage.between-rename-and-exchange");
            std::filesystem::path place = directory_.path() / name;
            if (::renameat2(AT_FDCWD, ready.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) != 0)
                return io_error("can't exchange " + place.string(), errno);
            SYNCLINE_CHECK(sync_directory(directory_.path()));
            SYNCLINE_CHECK(sync_directory(report_.quarantine));
            core::fail_point("salvage.after-exchange");
        }
        return {};
    }

    const SalvageOptions& options_;
    DataDir directory_;
    SalvageReport report_;
    std::unique_ptr<Journal> journal_;
    std::optional<PageFile> pages_;
    std::vector<Candidate> candidates_;
    const Candidate* chosen_ = nullptr;
};

}  // namespace

Result<SalvageReport> salvage(const SalvageOptions& options) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(options.data_dir / "journal", ignored) ||
        !std::filesystem::is_directory(options.data_dir / "state", ignored)) {
        return Error{kDirectoryUnusable, "there is no data in " + options.data_dir.string(),
                     "name the configuration of the hub with -c"};
    }
    SYNCLINE_TRY(DataDir directory,
                 DataDir::open(options.data_dir, options.allow_unsafe_filesystem));
    return Salvage{options, std::move(directory)}.run();
}

}  // namespace syncline::store
