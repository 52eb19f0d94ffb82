#include "admin/explain_views.hpp"

#include <utility>

#include "admin/views.hpp"
#include "core/clock.hpp"
#include "record/diff.hpp"

namespace syncline::admin {
namespace {

namespace json = boost::json;

std::string time_text(std::int64_t ns) {
    return core::format_iso8601(ns).text;
}

void add_failure(json::object& view, const store::FailureNote& failure) {
    view["class"] = text_view(failure.failure_class);
    view["code"] = text_view(failure.provider_code);
    view["message"] = text_view(failure.message);
}

json::object view(store::Position at, const store::Settled& result) {
    json::object view{{"at", time_text(result.at_ns)},
                      {"what", store::to_string(result.settlement)},
                      {"attempt", result.attempt},
                      {"unknown_outcome", result.is_unknown}};
    bool is_dead = result.settlement == store::Settlement::kDead;
    if (is_dead) view["letter"] = store::to_string(at);
    if (result.settlement == store::Settlement::kRetry) view["due"] = time_text(result.due_ns);
    if (is_dead || view.contains("due")) add_failure(view, result.failure);
    if (!result.destination_key.empty())
        view["destination_key"] = text_view(result.destination_key);
    return view;
}

json::object view(const store::EventDied& died, store::Position at) {
    json::object view{
        {"at", time_text(died.at_ns)}, {"what", "dead"}, {"letter", store::to_string(at)}};
    add_failure(view, died.failure);
    return view;
}

const char* command_name(store::CommandKind kind) {
    switch (kind) {
        case store::CommandKind::kDiscardLetter:
            return "discarded";
        case store::CommandKind::kReplayLetter:
            return "replayed";
        case store::CommandKind::kEditLetter:
            return "edited";
    }
    return "";
}

json::object view(const store::Command& command) {
    json::object view{{"at", time_text(command.at_ns)},
                      {"what", command_name(command.kind)},
                      {"letter", store::to_string(store::Position{command.letter})}};
    if (command.kind == store::CommandKind::kReplayLetter) view["forced"] = command.is_forced;
    if (command.kind == store::CommandKind::kEditLetter) view["body_bytes"] = command.body.size;
    return view;
}

// What the facts say of one record on one connection, in the order of the journal.
class Story {
  public:
    void begin(const store::RecordSeen& record, const Names& names) {
        about_["route"] = names.route(record.route);
        if (record.received_ns != 0) about_["received"] = time_text(record.received_ns);
        about_["stream"] = record.stream;
        about_["operation"] = record.operation == record::Operation::kDelete ? "delete" : "upsert";
        about_["key"] = text_view(record.key);
    }

    // A short key stands in its lane's as it is.
    void begin(const store::Settled& result) {
        if (!about_.contains("key") && result.lane.starts_with('='))
            about_["key"] = text_view(std::string_view{result.lane}.substr(1));
    }

    // Rule 13: of an attempt that was over, a result changes nothing.
    void add(store::Position at, const store::Settled& result) {
        bool is_late = attempts_ && (is_settled_ || result.attempt != *attempts_ + 1);
        json::object fact = view(at, result);
        if (is_late) {
            fact["what"] = "ignored";
        } else {
            attempts_ = result.attempt;
            is_settled_ = result.settlement != store::Settlement::kRetry;
        }
        happened_.emplace_back(std::move(fact));
    }

    void add(const store::Command& command) {
        happened_.emplace_back(view(command));
        if (command.kind != store::CommandKind::kReplayLetter) return;
        attempts_ = 0;
        is_settled_ = false;
    }

    json::object take(store::RecordId id, const std::string& connection) {
        json::object view{{"event", store::to_string(id.event)}, {"index", id.index}};
        if (!connection.empty()) view["connection"] = connection;
        for (auto& [name, value] : about_) view[name] = std::move(value);
        view["happened"] = std::move(happened_);
        return view;
    }

  private:
    json::object about_;
    json::array happened_;
    std::optional<std::uint32_t> attempts_;
    bool is_settled_ = false;
};

}  // namespace

json::object history_view(const store::History& history) {
    const char* ended_by = history.is_cut                       ? "limit"
                           : history.is_late                    ? "deadline"
                           : history.is_damaged                 ? "damage"
                           : history.after == store::Position{} ? "beginning"
                                                                : "retention";
    return {{"after", store::to_string(history.after)}, {"ended_by", ended_by}};
}

json::array records_view(const store::History& history, const Names& names) {
    using Place = std::pair<store::RecordId, store::ConnectionId>;
    std::map<Place, Story> stories;
    std::map<std::uint64_t, Place> letters;
    for (const store::HistoryEntry& entry : history.entries) {
        if (const auto* record = std::get_if<store::RecordSeen>(&entry.what)) {
            if (record->targets.empty()) stories[{record->id, 0}].begin(*record, names);
            for (const store::Target& target : record->targets)
                stories[{record->id, target.connection}].begin(*record, names);
        } else if (const auto* result = std::get_if<store::Settled>(&entry.what)) {
            Place place{result->record, result->connection};
            stories[place].begin(*result);
            stories[place].add(entry.position, *result);
            if (result->settlement == store::Settlement::kDead)
                letters[entry.position.value] = place;
        } else if (const auto* command = std::get_if<store::Command>(&entry.what)) {
            if (auto place = letters.find(command->letter); place != letters.end())
                stories[place->second].add(*command);
        }
    }
    json::array view;
    for (auto& [place, story] : stories) {
        const auto& [id, connection] = place;
        view.emplace_back(story.take(id, connection == 0 ? "" : names.connection(connection)));
    }
    return view;
}

json::array event_happened_view(const store::History& history) {
    json::array happened;
    std::map<std::uint64_t, bool> letters;
    for (const store::HistoryEntry& entry : history.entries) {
        if (const auto* died = std::get_if<store::EventDied>(&entry.what)) {
            happened.emplace_back(view(*died, entry.position));
            letters[entry.position.value] = true;
        } else if (const auto* command = std::get_if<store::Command>(&entry.what)) {
            if (letters.contains(command->letter)) happened.emplace_back(view(*command));
        }
    }
    return happened;
}

json::value key_map_view(const std::optional<store::KeyMapRow>& row,
                         const store::History& history) {
    if (!row) return nullptr;
    json::object view{{"event", store::to_string(row->last.event)},
                      {"index", row->last.index},
                      {"destination_key", text_view(row->destination_key)},
                      {"fields", record::decode_field_hashes(row->field_hashes).size()},
                      {"unknown_outcome", row->is_unknown}};
    if (row->last.event == store::Position{}) view["event"] = nullptr;  // nothing arrived for sure
    for (const store::HistoryEntry& entry : history.entries) {
        const auto* result = std::get_if<store::Settled>(&entry.what);
        if (result != nullptr && result->settlement == store::Settlement::kDelivered) {
            view["delivered_event"] = store::to_string(result->record.event);
            view["delivered_at"] = time_text(result->at_ns);
        }
    }
    return view;
}

json::value lane_view(const std::optional<store::LaneRow>& row) {
    if (!row) return nullptr;
    json::object view{{"event", store::to_string(row->head.event)},
                      {"index", row->head.index},
                      {"forced", row->is_forced},
                      {"records", row->count},
                      {"attempts", row->attempts}};
    view["due"] = row->due_ns == 0 ? json::value(nullptr) : json::value(time_text(row->due_ns));
    if (row->attempts > 0) {
        json::object failure;
        add_failure(failure, row->last_failure);
        view["last_failure"] = std::move(failure);
    }
    return view;
}

}  // namespace syncline::admin
