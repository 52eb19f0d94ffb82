#include "store/history.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "store/errc.hpp"
#include "store/segment.hpp"

namespace syncline::store {
namespace {

constexpr std::size_t kCommandsMax = 100'000;
constexpr std::size_t kCommandsOfLetterMax = 100;

class Search {
  public:
    Search(const HistoryQuery& query, History& history)
        : query_(query), lane_(lane_key(query.key)), history_(history) {}

    // Files come newest first. False when no older one is to be read.
    bool read(const JournalFile& file) {
        forget_file();
        Position end = std::min(file.last, query_.until);
        auto visit = [&](const BatchView& batch) { return look(batch); };
        Result<SegmentScan> scan = scan_segment(file.path, file.number, OnDamage::kSkip, visit);
        if (history_.is_late) return false;
        bool is_read = scan.has_value() && scan->is_used;
        if (is_read) take_over();
        if (is_read && !whole_from_ && first_ && *first_ != scan->header.base) whole_from_ = first_;
        bool is_whole = is_read && !whole_from_ && scan->last >= end;
        if (is_whole) {
            history_.after = scan->header.previous_last;
            bool has_more = query_.event == Position{} || scan->header.base > query_.event;
            return has_more && !history_.is_cut;
        }
        bool is_torn_off = !is_read || scan->last < end;
        history_.after = is_torn_off ? end : Position{whole_from_->value - 1};
        // What was recycled meanwhile has another name now, or none.
        std::error_code ignored;
        history_.is_damaged = std::filesystem::exists(file.path, ignored);
        return false;
    }

    void finish() {
        if (history_.is_cut && !history_.entries.empty()) {
            Position before_oldest{history_.entries.front().position.value - 1};
            history_.after = std::max(history_.after, before_oldest);
        }
        std::stable_sort(
            history_.entries.begin(), history_.entries.end(),
            [](const HistoryEntry& a, const HistoryEntry& b) { return a.position < b.position; });
    }

  private:
    // Of one letter: edits, and what ended it.
    using Commands = std::vector<std::pair<Position, Command>>;
    struct Seen {
        Position event;
        std::int64_t received_ns = 0;
    };

    void forget_file() {
        found_.clear();
        events_.clear();
        file_commands_.clear();
        whole_from_.reset();
        first_.reset();
        expected_.reset();
    }

    Result<void> look(const BatchView& batch) {
        if (query_.may_go_on && !query_.may_go_on()) {
            history_.is_late = true;
            return Error{kStopping, "the search has to end"};
        }
        if (!first_) first_ = batch.first;
        if (expected_ && batch.first != *expected_) whole_from_ = batch.first;
        expected_ = Position{batch.first.value + batch.count};
        std::string_view bytes = batch.payload;
        for (std::uint32_t i = 0; i < batch.count; ++i) {
            Position at{batch.first.value + i};
            Result<Fact> fact = decode(bytes);
            if (!fact.has_value()) {
                whole_from_ = *expected_;
                break;
            }
            if (at > query_.until) break;
            std::visit([&](auto& f) { note(at, f); }, *fact);
        }
        return {};
    }

    bool is_of_event(Position event) const { return event == query_.event; }
    bool is_about_key() const { return query_.event == Position{}; }

    // ---- One place for each type of fact

    void note(Position at, Received& fact) {
        if (is_about_key()) {
            events_.push_back(Seen{at, fact.received_ns});
        } else if (is_of_event(at)) {
            add(at, EventSeen{fact.route, fact.received_ns, std::move(fact.message_id),
                              std::move(fact.method), std::move(fact.path), fact.body.size});
        }
    }

    void note(Position at, Translated& fact) {
        if (!is_about_key() && !is_of_event(fact.event)) return;
        if (!is_about_key()) {
            history_.is_translated = true;
            history_.records += fact.records.size();
        }
        std::uint32_t index = 0;
        for (TranslatedRecord& record : fact.records) {
            RecordId id{fact.event, index++};
            if (is_about_key() && !is_wanted(record)) continue;
            add(at, RecordSeen{id, fact.route, 0, record.operation, std::move(record.stream),
                               std::move(record.key), std::move(record.targets)});
        }
    }

    void note(Position at, EventDied& fact) {
        if (!is_about_key() && is_of_event(fact.event)) add(at, std::move(fact));
    }

    void note(Position at, Settled& fact) {
        bool is_wanted = is_about_key() ? fact.connection == query_.connection && fact.lane == lane_
                                        : is_of_event(fact.record.event);
        if (!is_wanted) return;
        history_.is_translated = !is_about_key();
        fact.answer.reset();
        fact.field_hashes.clear();
        add(at, std::move(fact));
    }

    // Whose letter it is shows only when the search comes to the letter.
    void note(Position at, Command& fact) {
        Commands& commands = file_commands_[fact.letter];
        if (has_end(commands)) return;
        if (commands_left_ == 0) {
            history_.is_cut = true;
            return;
        }
        --commands_left_;
        fact.body.text.clear();
        commands.emplace_back(at, std::move(fact));
        forget_oldest(commands);
    }

    void note(Position, EpochBegan&) {}
    void note(Position, Named&) {}
    void note(Position, HandshakeAnswered&) {}
    void note(Position, Ticked&) {}
    void note(Position, QueryAnswered&) {}
    void note(Position, IdsMapped&) {}

    // ---- What was found

    bool is_wanted(const TranslatedRecord& record) const {
        auto goes_there = [&](const Target& target) {
            return target.connection == query_.connection;
        };
        return record.key == query_.key &&
               std::any_of(record.targets.begin(), record.targets.end(), goes_there);
    }

    template <class What>
    void add(Position at, What what) {
        found_.push_back(HistoryEntry{at, std::move(what)});
        if (found_.size() <= query_.entries_max) return;
        found_.pop_front();
        history_.is_cut = true;
    }

    static bool is_letter(const HistoryEntry& entry) {
        const auto* result = std::get_if<Settled>(&entry.what);
        return std::holds_alternative<EventDied>(entry.what) ||
               (result != nullptr && result->settlement == Settlement::kDead);
    }

    // The file's entries are older than all that is there, its commands come before all others.
    void take_over() {
        for (auto& [letter, earlier] : file_commands_) {
            Commands& all = commands_[letter];
            if (has_end(earlier)) all.clear();
            all.insert(all.begin(), earlier.begin(), earlier.end());
            forget_oldest(all);
        }
        std::vector<HistoryEntry> commands;
        for (const HistoryEntry& entry : found_) {
            auto of_letter = commands_.find(entry.position.value);
            if (!is_letter(entry) || of_letter == commands_.end()) continue;
            for (const auto& [at, command] : of_letter->second)
                commands.push_back(HistoryEntry{at, command});
        }
        std::vector<HistoryEntry>& entries = history_.entries;
        std::size_t room = query_.entries_max - std::min(query_.entries_max, entries.size());
        if (found_.size() > room) history_.is_cut = true;
        auto first = found_.size() > room ? found_.end() - static_cast<std::ptrdiff_t>(room)
                                          : found_.begin();
        entries.insert(entries.begin(), std::make_move_iterator(first),
                       std::make_move_iterator(found_.end()));
        entries.insert(entries.end(), std::make_move_iterator(commands.begin()),
                       std::make_move_iterator(commands.end()));
        for (HistoryEntry& entry : entries) {
            auto* record = std::get_if<RecordSeen>(&entry.what);
            if (record != nullptr && record->received_ns == 0) complete(*record);
        }
    }

    static void forget_oldest(Commands& commands) {
        if (commands.size() <= kCommandsOfLetterMax) return;
        commands.erase(commands.begin(),
                       commands.end() - static_cast<std::ptrdiff_t>(kCommandsOfLetterMax));
    }

    static bool has_end(const Commands& commands) {
        return !commands.empty() && commands.back().second.kind != CommandKind::kEditLetter;
    }

    void complete(RecordSeen& record) const {
        auto seen = std::lower_bound(
            events_.begin(), events_.end(), record.id.event,
            [](const Seen& event, Position position) { return event.event < position; });
        if (seen != events_.end() && seen->event == record.id.event)
            record.received_ns = seen->received_ns;
    }

    const HistoryQuery& query_;
    const std::string lane_;
    History& history_;

    // Of the file that is being read.
    std::deque<HistoryEntry> found_;
    std::vector<Seen> events_;
    std::unordered_map<std::uint64_t, Commands> file_commands_;
    std::optional<Position> first_;       // batch
    std::optional<Position> expected_;    // the next batch
    std::optional<Position> whole_from_;  // behind what could not be read of it

    std::unordered_map<std::uint64_t, Commands> commands_;  // by letter
    std::size_t commands_left_ = kCommandsMax;
};

}  // namespace

History read_history(const std::vector<JournalFile>& files, const HistoryQuery& query) {
    History history;
    history.after = query.until;
    Search search{query, history};
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        if (query.may_go_on && !query.may_go_on()) history.is_late = true;
        if (history.is_late || !search.read(*file)) break;
    }
    search.finish();
    return history;
}

}  // namespace syncline::store
