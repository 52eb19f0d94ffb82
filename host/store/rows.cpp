#include "store/rows.hpp"

#include <algorithm>

#include "record/diff.hpp"
#include "store/codec.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

// The version that is written; all up to it are read.
template <class Row>
constexpr std::uint8_t kRowVersion = 1;
template <>
constexpr std::uint8_t kRowVersion<RecordRow> = 3;  // 2: merging, answering, parents, 3: edits
template <>
constexpr std::uint8_t kRowVersion<LaneRow> = 2;  // 2: tail, parked
template <>
constexpr std::uint8_t kRowVersion<KeyMapRow> = 2;  // 2: field hashes with names
template <>
constexpr std::uint8_t kRowVersion<LetterRow> = 2;  // 2: the platform's answer
template <>
constexpr std::uint8_t kRowVersion<RouteLedger> = 2;  // 2: queried
template <>
constexpr std::uint8_t kRowVersion<ConnectionLedger> = 2;  // 2: parked

void put(Writer& out, const RecordId& id) {
    out.integer(id.event.value).integer(id.index);
}
void put(Writer& out, const FailureNote& note) {
    out.text(note.failure_class).text(note.message).text(note.provider_code);
}
void put(Writer& out, const Body& body) {
    out.text(body.text).text(body.file).integer(body.size);
}

void put(Writer& out, const std::shared_ptr<const PlatformAnswer>& answer) {
    out.integer(static_cast<std::uint8_t>(answer != nullptr));
    if (!answer) return;
    out.text(answer->request).integer(answer->status).text(answer->content_type);
    out.text(answer->body).integer(answer->body_bytes);
}

void get(Reader& in, RecordId& id) {
    id.event.value = in.integer<std::uint64_t>();
    id.index = in.integer<std::uint32_t>();
}
void get(Reader& in, FailureNote& note) {
    note.failure_class = in.text();
    note.message = in.text();
    note.provider_code = in.text();
}
void get(Reader& in, Body& body) {
    body.text = in.text();
    body.file = in.text();
    body.size = in.integer<std::uint64_t>();
}

void get(Reader& in, std::shared_ptr<const PlatformAnswer>& answer) {
    if (in.integer<std::uint8_t>() == 0) return;
    auto read = std::make_shared<PlatformAnswer>();
    read->request = in.text();
    read->status = in.integer<std::int32_t>();
    read->content_type = in.text();
    read->body = in.text();
    read->body_bytes = in.integer<std::uint64_t>();
    answer = std::move(read);
}

void read(Reader& in, RecordRow& row, std::uint8_t version) {
    row.references = in.integer<std::uint32_t>();
    row.route = in.integer<std::uint32_t>();
    row.operation = static_cast<record::Operation>(in.integer<std::uint8_t>());
    row.stream = in.text();
    row.key = in.text();
    row.occurred_ns = in.integer<std::int64_t>();
    row.received_ns = in.integer<std::int64_t>();
    get(in, row.body);
    if (version < 2) return;
    row.is_mergeable = in.integer<std::uint8_t>() != 0;
    row.answering = in.integer<std::uint32_t>();
    row.parent_key = in.text();
    auto count = in.integer<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Target& target = row.parents.emplace_back();
        target.connection = in.integer<std::uint32_t>();
        target.parent = in.integer<std::uint32_t>();
    }
    if (version < 3) return;
    count = in.integer<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Edit& edit = row.edits.emplace_back();
        edit.connection = in.integer<std::uint32_t>();
        get(in, edit.body);
    }
}

void read(Reader& in, LaneRow& row, std::uint8_t version) {
    get(in, row.head);
    row.is_forced = in.integer<std::uint8_t>() != 0;
    row.count = in.integer<std::uint32_t>();
    row.attempts = in.integer<std::uint32_t>();
    row.due_ns = in.integer<std::int64_t>();
    get(in, row.last_failure);
    if (version < 2) return;
    get(in, row.tail);
    row.waits_for = in.integer<std::uint32_t>();
}

void read(Reader& in, KeyMapRow& row, std::uint8_t version) {
    row.is_unknown = in.integer<std::uint8_t>() != 0;
    get(in, row.last);
    std::string_view hash = in.raw(row.row_hash.bytes.size());
    if (in.ok()) std::memcpy(row.row_hash.bytes.data(), hash.data(), hash.size());
    row.field_hashes = in.text();
    if (version < 2) row.field_hashes.clear();  // without names, they can't tell what changed
    row.destination_key = in.text();
}

void read(Reader& in, LetterRow& row, std::uint8_t version) {
    row.kind = static_cast<LetterKind>(in.integer<std::uint8_t>());
    row.owner = in.integer<std::uint32_t>();
    get(in, row.record);
    row.lane = in.text();
    row.attempts = in.integer<std::uint32_t>();
    row.is_unknown = in.integer<std::uint8_t>() != 0;
    row.at_ns = in.integer<std::int64_t>();
    get(in, row.failure);
    row.event = in.text();
    if (version >= 2) get(in, row.answer);
}

void read(Reader& in, OutcomeRow& row, std::uint8_t) {
    row.route = in.integer<std::uint32_t>();
    row.connection = in.integer<std::uint32_t>();
    row.received_ns = in.integer<std::int64_t>();
    row.is_translated = in.integer<std::uint8_t>() != 0;
    auto open = in.integer<std::uint32_t>();
    for (std::uint32_t i = 0; i < open && in.ok(); ++i)
        row.open.push_back(in.integer<std::uint32_t>());
    get(in, row.failure);
    auto count = in.integer<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        OutcomeEntry& entry = row.entries.emplace_back();
        entry.index = in.integer<std::uint32_t>();
        entry.settlement = static_cast<Settlement>(in.integer<std::uint8_t>());
        entry.stream = in.text();
        entry.key = in.text();
        entry.destination_key = in.text();
        entry.reply = in.text();
        get(in, entry.failure);
    }
}

void read(Reader& in, RouteLedger& row, std::uint8_t version) {
    for (auto* counter : {&row.received, &row.translated, &row.handshake, &row.duplicate, &row.dead,
                          &row.pending}) {
        *counter = in.integer<std::uint64_t>();
    }
    if (version >= 2) row.queried = in.integer<std::uint64_t>();
}

void read(Reader& in, ConnectionLedger& row, std::uint8_t version) {
    for (auto* counter :
         {&row.routed, &row.generated, &row.delivered, &row.unchanged, &row.filtered,
          &row.superseded, &row.discarded, &row.dead, &row.pending}) {
        *counter = in.integer<std::uint64_t>();
    }
    if (version >= 2) row.parked = in.integer<std::uint64_t>();
}

// `texts`: the bytes of the row's texts, so that the row is allocated once.
template <class Row>
Writer begin(std::size_t texts) {
    constexpr std::size_t kFixedBytesMax = 128;
    Writer out;
    out.bytes().reserve(kFixedBytesMax + texts);
    out.integer(kRowVersion<Row>);
    return out;
}

}  // namespace

const Edit* edit_of(const RecordRow& record, ConnectionId connection) {
    auto is_of = [&](const Edit& edit) { return edit.connection == connection; };
    auto at = std::find_if(record.edits.begin(), record.edits.end(), is_of);
    return at == record.edits.end() ? nullptr : &*at;
}

bool has_record(const KeyMapRow& row) {
    return row.last != RecordId{} && row.row_hash != record::deleted_hash();
}

std::string encode(const RecordRow& row) {
    Writer out = begin<RecordRow>(row.stream.size() + row.key.size() + row.body.text.size() +
                                  row.body.file.size());
    out.integer(row.references)
        .integer(row.route)
        .integer(static_cast<std::uint8_t>(row.operation));
    out.text(row.stream).text(row.key).integer(row.occurred_ns).integer(row.received_ns);
    put(out, row.body);
    out.integer(static_cast<std::uint8_t>(row.is_mergeable)).integer(row.answering);
    out.text(row.parent_key).integer(static_cast<std::uint32_t>(row.parents.size()));
    for (const Target& target : row.parents) out.integer(target.connection).integer(target.parent);
    out.integer(static_cast<std::uint32_t>(row.edits.size()));
    for (const Edit& edit : row.edits) {
        out.integer(edit.connection);
        put(out, edit.body);
    }
    return out.take();
}

std::string encode(const LaneRow& row) {
    Writer out = begin<LaneRow>(row.last_failure.message.size());
    put(out, row.head);
    out.integer(static_cast<std::uint8_t>(row.is_forced))
        .integer(row.count)
        .integer(row.attempts)
        .integer(row.due_ns);
    put(out, row.last_failure);
    put(out, row.tail);
    out.integer(row.waits_for);
    return out.take();
}

std::string encode(const KeyMapRow& row) {
    Writer out = begin<KeyMapRow>(row.field_hashes.size() + row.destination_key.size());
    out.integer(static_cast<std::uint8_t>(row.is_unknown));
    put(out, row.last);
    out.raw(row.row_hash.view()).text(row.field_hashes).text(row.destination_key);
    return out.take();
}

std::string encode(const LetterRow& row) {
    Writer out = begin<LetterRow>(row.failure.message.size() + row.lane.size() + row.event.size());
    out.integer(static_cast<std::uint8_t>(row.kind)).integer(row.owner);
    put(out, row.record);
    out.text(row.lane)
        .integer(row.attempts)
        .integer(static_cast<std::uint8_t>(row.is_unknown))
        .integer(row.at_ns);
    put(out, row.failure);
    out.text(row.event);
    put(out, row.answer);
    return out.take();
}

std::string encode(const OutcomeRow& row) {
    Writer out = begin<OutcomeRow>(256);
    out.integer(row.route).integer(row.connection).integer(row.received_ns);
    out.integer(static_cast<std::uint8_t>(row.is_translated));
    out.integer(static_cast<std::uint32_t>(row.open.size()));
    for (std::uint32_t index : row.open) out.integer(index);
    put(out, row.failure);
    out.integer(static_cast<std::uint32_t>(row.entries.size()));
    for (const OutcomeEntry& entry : row.entries) {
        out.integer(entry.index).integer(static_cast<std::uint8_t>(entry.settlement));
        out.text(entry.stream).text(entry.key).text(entry.destination_key).text(entry.reply);
        put(out, entry.failure);
    }
    return out.take();
}

std::string encode(const RouteLedger& row) {
    Writer out = begin<RouteLedger>(0);
    for (auto counter : {row.received, row.translated, row.handshake, row.duplicate, row.dead,
                         row.pending, row.queried}) {
        out.integer(counter);
    }
    return out.take();
}

std::string encode(const ConnectionLedger& row) {
    Writer out = begin<ConnectionLedger>(0);
    for (auto counter : {row.routed, row.generated, row.delivered, row.unchanged, row.filtered,
                         row.superseded, row.discarded, row.dead, row.pending, row.parked}) {
        out.integer(counter);
    }
    return out.take();
}

template <class Row>
Result<Row> decode_row(std::string_view bytes) {
    Reader in{bytes};
    auto version = in.integer<std::uint8_t>();
    if (version > kRowVersion<Row>) {
        return Error{kNewerFormat, "the state holds a row in version " + std::to_string(version) +
                                       "; this syncline reads up to version " +
                                       std::to_string(kRowVersion<Row>)};
    }
    Row row;
    read(in, row, version);
    if (!in.at_end()) return Error{kStateDamaged, "a row of the state has the wrong length"};
    return row;
}

Result<Received> decode_received(std::string_view bytes) {
    SYNCLINE_TRY(Fact fact, decode(bytes));
    auto* received = std::get_if<Received>(&fact);
    if (received == nullptr)
        return Error{kStateDamaged, "a row of table event holds something else"};
    return std::move(*received);
}

template Result<RecordRow> decode_row<RecordRow>(std::string_view);
template Result<LaneRow> decode_row<LaneRow>(std::string_view);
template Result<KeyMapRow> decode_row<KeyMapRow>(std::string_view);
template Result<LetterRow> decode_row<LetterRow>(std::string_view);
template Result<OutcomeRow> decode_row<OutcomeRow>(std::string_view);
template Result<RouteLedger> decode_row<RouteLedger>(std::string_view);
template Result<ConnectionLedger> decode_row<ConnectionLedger>(std::string_view);

}  // namespace syncline::store
