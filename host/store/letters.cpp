// Dead letters: made of what failed, edited, replayed, given up. Deterministic, as all of applying
// (rule 6).
#include <algorithm>
#include <utility>

#include "store/errc.hpp"
#include "store/state.hpp"

namespace syncline::store {

std::optional<Error> why_not_editable(const Letter& letter) {
    const std::string name = "dead letter " + to_string(Position{letter.id});
    if (letter.row.kind == LetterKind::kEvent) {
        return Error{kNotEditable, name + " is a whole request, which became no record",
                     "mend what could not translate it and replay it, or have the sender send a "
                     "corrected one and discard it"};
    }
    if (!letter.record) return Error{kNotEditable, name + " has lost its record"};
    if (letter.record->operation == record::Operation::kFetch) {
        return Error{kNotEditable, name + " holds no body: every replay fetches the record",
                     "correct the record in its source, then replay the dead letter"};
    }
    if (letter.record->body.size == 0) {
        return Error{kNotEditable, name + " is a record without a body, such as a deletion",
                     "replay the dead letter, or discard it"};
    }
    return std::nullopt;
}

// The letter takes over the lane's reference to the record.
void State::bury(Position at, const Settled& fact) {
    LetterRow letter;
    letter.kind = LetterKind::kRecord;
    letter.owner = fact.connection;
    letter.record = fact.record;
    letter.lane = fact.lane;
    letter.attempts = fact.attempt;
    letter.is_unknown = fact.is_unknown;
    letter.at_ns = fact.at_ns;
    letter.failure = fact.failure;
    letter.answer = fact.answer;
    pending_bytes_ += size_of(letter.answer);  // it takes room until someone looks at it
    overlay_.put(Table::kLetter, Key{}.u64(at.value), encode(letter), true);
}

Result<Applied> State::apply_to(Position, const Command& fact) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLetter, Key{}.u64(fact.letter)));
    if (!found) {
        SYNCLINE_CHECK(drop_unless_referenced(fact.body));
        return Applied::rejected(
            Error{kNoSuchLetter, "there is no dead letter " + to_string(Position{fact.letter})});
    }
    SYNCLINE_TRY(LetterRow letter, decode_row<LetterRow>(*found));
    if (fact.kind == CommandKind::kEditLetter) return edit(fact, std::move(letter));
    overlay_.erase(Table::kLetter, Key{}.u64(fact.letter));
    pending_bytes_ -= std::min<std::uint64_t>(pending_bytes_, size_of(letter.answer));
    return fact.kind == CommandKind::kReplayLetter ? replay(fact, std::move(letter))
                                                   : discard(fact, std::move(letter));
}

// The letter's connection gets another body; the record stays as it came for all others.
Result<Applied> State::edit(const Command& fact, LetterRow row) {
    SYNCLINE_TRY(auto letter, fill(fact.letter, std::move(row)));
    if (auto reason = why_not_editable(*letter)) {
        SYNCLINE_CHECK(drop_unless_referenced(fact.body));
        return Applied::rejected(std::move(*reason));
    }
    RecordRow& record = *letter->record;
    const ConnectionId connection = letter->row.owner;
    SYNCLINE_CHECK(reference_body(fact.body, 1));
    pending_bytes_ += fact.body.size;
    SYNCLINE_CHECK(drop_edit(record, connection));
    record.edits.push_back(Edit{connection, fact.body});
    overlay_.put(Table::kRecord, record_key(letter->row.record), encode(record));
    return Applied{};
}

Result<void> State::drop_edit(RecordRow& row, ConnectionId connection) {
    auto is_of = [&](const Edit& edit) { return edit.connection == connection; };
    auto at = std::find_if(row.edits.begin(), row.edits.end(), is_of);
    if (at == row.edits.end()) return {};
    pending_bytes_ -= std::min(pending_bytes_, at->body.size);
    SYNCLINE_CHECK(reference_body(at->body, -1));
    row.edits.erase(at);
    return {};
}

Result<Applied> State::replay(const Command& fact, LetterRow letter) {
    if (letter.kind == LetterKind::kEvent) {
        RouteLedger& ledger = route_ledgers_[letter.owner];
        --ledger.dead;
        ++ledger.pending;
        SYNCLINE_TRY(Received received, decode_received(letter.event));
        pending_bytes_ += received.body.size + kPendingOverheadBytes;
        overlay_.put(Table::kEvent, event_key(letter.owner, letter.record.event), letter.event);
        Position& cursor = event_cursors_[letter.owner];
        cursor = std::min(cursor, letter.record.event);
        return Applied{};
    }
    SYNCLINE_TRY(RecordRow record, read_record(letter.record));
    --connection_ledgers_[letter.owner].dead;
    SYNCLINE_CHECK(enqueue(letter.owner, letter.lane, letter.record, record, fact.is_forced));
    return Applied{};
}

Result<Applied> State::discard(const Command&, LetterRow letter) {
    if (letter.kind == LetterKind::kEvent) {
        // The route goes on counting it as dead: an event has no other end but its translation.
        SYNCLINE_TRY(Received received, decode_received(letter.event));
        SYNCLINE_CHECK(reference_body(received.body, -1));
        return Applied{};
    }
    ConnectionLedger& ledger = connection_ledgers_[letter.owner];
    --ledger.dead;
    ++ledger.discarded;
    SYNCLINE_TRY(RecordRow record, read_record(letter.record));
    SYNCLINE_CHECK(release(letter.record, std::move(record), letter.owner));
    return Applied{};
}

}  // namespace syncline::store
