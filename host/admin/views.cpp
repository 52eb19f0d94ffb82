#include "admin/views.hpp"

#include <boost/json/array.hpp>
#include <charconv>

#include "core/clock.hpp"
#include "core/redact.hpp"
#include "record/json.hpp"

namespace syncline::admin {
namespace {

namespace json = boost::json;

json::object view(const store::RouteLedger& ledger) {
    return {{"received", ledger.received},   {"translated", ledger.translated},
            {"handshake", ledger.handshake}, {"duplicate", ledger.duplicate},
            {"dead", ledger.dead},           {"pending", ledger.pending},
            {"queried", ledger.queried}};
}

json::object view(const store::ConnectionLedger& ledger, bool is_present) {
    return {{"routed", ledger.routed},
            {"generated", ledger.generated},
            {"delivered", ledger.delivered},
            {"unchanged", ledger.unchanged},
            {"filtered", ledger.filtered},
            {"superseded", ledger.superseded},
            {"discarded", ledger.discarded},
            {"parked", ledger.parked + (is_present ? 0 : ledger.pending)},
            {"dead", ledger.dead},
            {"pending", is_present ? ledger.pending : 0}};
}

// The length of the character at the front of the text (RFC 3629), 0 when there is none.
std::size_t character_bytes(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned first = byte(0);
    if (first < 0x80) return 1;
    std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return 0;
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    bool is_overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    bool is_no_character = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
    return is_overlong || is_no_character ? 0 : bytes;
}

json::value body_view(const store::Body& body) {
    if (!body.file.empty()) return json::object{{"file", body.file}, {"bytes", body.size}};
    return text_view(body.text);
}

const char* operation_name(record::Operation operation) {
    switch (operation) {
        case record::Operation::kUpsert:
            return "upsert";
        case record::Operation::kDelete:
            return "delete";
        case record::Operation::kFetch:
            return "fetch";
    }
    return "";
}

json::object record_view(const store::RecordRow& record, const store::Edit* edit) {
    json::object view{{"stream", record.stream},
                      {"operation", operation_name(record.operation)},
                      {"key", record.key},
                      {"received", core::format_iso8601(record.received_ns).text},
                      {"body", body_view(record.body)}};
    if (edit != nullptr) view.emplace("edited_body", body_view(edit->body));
    return view;
}

json::object answer_view(const store::PlatformAnswer& answer) {
    return {{"request", text_view(answer.request)},
            {"status", answer.status},
            {"content_type", text_view(answer.content_type)},
            {"body", text_view(answer.body)},
            {"body_bytes", answer.body_bytes}};
}

json::object event_view(const store::Received& event) {
    json::object headers;
    for (const auto& [name, value] : event.headers) {
        headers.insert_or_assign(
            name, core::is_secret_name(name) ? json::value(core::kRedacted) : text_view(value));
    }
    return {{"method", event.method},
            {"path", text_view(event.path)},
            {"query", text_view(core::redact_query(event.query))},
            {"received", core::format_iso8601(event.received_ns).text},
            {"headers", std::move(headers)},
            {"body", body_view(event.body)}};
}

json::object failure_view(const store::FailureNote& failure) {
    return {{"class", failure.failure_class},
            {"code", text_view(failure.provider_code)},
            {"message", text_view(failure.message)}};
}

}  // namespace

std::string name_of(const store::State& state, store::NameKind kind, std::uint32_t id) {
    const auto& names = state.names(kind);
    auto at = names.find(id);
    return at == names.end() ? "#" + std::to_string(id) : at->second.name;
}

bool is_present(const store::State& state, store::NameKind kind, std::uint32_t id) {
    const auto& names = state.names(kind);
    auto at = names.find(id);
    return at != names.end() && at->second.is_present;
}

json::value text_view(std::string_view bytes) {
    constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
    json::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        std::size_t length = character_bytes(bytes);
        text.append(length == 0 ? kReplacement : bytes.substr(0, length));
        bytes.remove_prefix(length == 0 ? 1 : length);
    }
    return json::value(std::move(text));
}

json::object ledger_view(const store::State& state) {
    bool is_balanced = true;
    json::object routes;
    for (const auto& [id, ledger] : state.route_ledgers()) {
        is_balanced = is_balanced && ledger.balances();
        routes.insert_or_assign(name_of(state, store::NameKind::kRoute, id), view(ledger));
    }
    json::object connections;
    for (const auto& [id, ledger] : state.connection_ledgers()) {
        is_balanced = is_balanced && ledger.balances();
        connections.insert_or_assign(
            name_of(state, store::NameKind::kConnection, id),
            view(ledger, is_present(state, store::NameKind::kConnection, id)));
    }
    return {{"balanced", is_balanced},
            {"routes", std::move(routes)},
            {"connections", std::move(connections)}};
}

json::object letter_view(const store::State& state, const store::Letter& letter, bool is_whole) {
    const store::LetterRow& row = letter.row;
    bool is_record = row.kind == store::LetterKind::kRecord;
    json::object view{
        {"id", store::to_string(store::Position{letter.id})},
        {"kind", is_record ? "record" : "event"},
        {is_record ? "connection" : "route",
         name_of(state, is_record ? store::NameKind::kConnection : store::NameKind::kRoute,
                 row.owner)},
        {"at", core::format_iso8601(row.at_ns).text},
        {"attempts", row.attempts},
        {"class", row.failure.failure_class},
        {"code", row.failure.provider_code},
        {"message", row.failure.message},
        {"unknown_outcome", row.is_unknown}};
    const store::Edit* edit = letter.record ? store::edit_of(*letter.record, row.owner) : nullptr;
    if (letter.record) view.emplace("key", letter.record->key);
    if (is_record) view.emplace("edited", edit != nullptr);
    if (!is_whole) return view;
    if (letter.record) view.emplace("record", record_view(*letter.record, edit));
    if (row.answer) view.emplace("answer", answer_view(*row.answer));
    if (letter.event) view.emplace("event", event_view(*letter.event));
    return view;
}

json::object outcome_view(const store::State& state, store::Position event,
                          const store::OutcomeRow& outcome) {
    json::array records;
    for (const store::OutcomeEntry& entry : outcome.entries) {
        json::object view{{"index", entry.index},
                          {"stream", entry.stream},
                          {"key", entry.key},
                          {"status", store::to_string(entry.settlement)}};
        if (!entry.destination_key.empty()) view.emplace("id", entry.destination_key);
        if (!entry.reply.empty()) {
            Result<json::value> reply = record::parse_json(entry.reply);
            if (reply.has_value()) view.emplace("result", std::move(*reply));
        }
        if (entry.settlement == store::Settlement::kDead)
            view.emplace("failure", failure_view(entry.failure));
        records.push_back(std::move(view));
    }
    json::object view{
        {"id", store::to_string(event)},
        {"route", name_of(state, store::NameKind::kRoute, outcome.route)},
        {"connection", name_of(state, store::NameKind::kConnection, outcome.connection)},
        {"received", core::format_iso8601(outcome.received_ns).text},
        {"is_complete", outcome.is_complete()},
        {"waiting", outcome.open.size()},
        {"records", std::move(records)}};
    if (!outcome.failure.failure_class.empty())
        view.emplace("failure", failure_view(outcome.failure));
    return view;
}

std::optional<std::uint64_t> parse_letter_id(std::string_view text) {
    std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    std::uint64_t epoch = 0;
    std::uint64_t counter = 0;
    const char* middle = text.data() + dot;
    const char* end = text.data() + text.size();
    auto first = std::from_chars(text.data(), middle, epoch);
    auto second = std::from_chars(middle + 1, end, counter);
    bool is_number = first.ec == std::errc{} && first.ptr == middle && second.ec == std::errc{} &&
                     second.ptr == end;
    if (!is_number || counter >> store::Position::kCounterBits != 0) return std::nullopt;
    return store::Position::of(epoch, counter).value;
}

}  // namespace syncline::admin
