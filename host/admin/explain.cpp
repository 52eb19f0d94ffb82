#include "admin/explain.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <future>
#include <optional>
#include <utility>

#include "admin/errc.hpp"
#include "admin/explain_views.hpp"
#include "admin/views.hpp"
#include "core/thread_name.hpp"
#include "store/history.hpp"

namespace syncline::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kLettersLookedAt = 1000;  // in one question to the state: these are short
constexpr std::size_t kLettersMax = 100;

struct KeyPresent {
    Names names;
    store::Position applied;
    store::ConnectionId connection = 0;
    bool is_configured = false;
    std::optional<store::KeyMapRow> key_map;
    std::optional<store::LaneRow> lane;
};

Error no_connection(const std::string& name, const store::State& state) {
    std::string known;
    for (const auto& [id, row] : state.names(store::NameKind::kConnection))
        known += (known.empty() ? "`" : ", `") + row.name + "`";
    return Error{
        kNotFound, "there is no connection `" + name + "`",
        known.empty() ? "no connection has ever been configured" : "the connections are " + known};
}

Result<KeyPresent> look_at_key(store::State& state, const std::string& connection,
                               const std::string& key) {
    KeyPresent present;
    present.names = Names::of(state);
    present.applied = state.applied();
    bool is_known = false;
    for (const auto& [id, row] : present.names.connections) {
        if (row.name != connection || (is_known && !row.is_present)) continue;
        is_known = true;
        present.connection = id;
        present.is_configured = row.is_present;
    }
    if (!is_known) return no_connection(connection, state);
    std::string lane = store::lane_key(key);
    SYNCLINE_TRY(present.key_map, state.key_map(present.connection, lane));
    SYNCLINE_TRY(present.lane, state.lane(present.connection, lane));
    return present;
}

std::string since(const store::History& history) {
    return history.after == store::Position{}
               ? "the history goes back to the beginning"
               : "the history begins after " + store::to_string(history.after);
}

const store::EventSeen* find_event(const store::History& history) {
    for (const store::HistoryEntry& entry : history.entries) {
        if (const auto* event = std::get_if<store::EventSeen>(&entry.what)) return event;
    }
    return nullptr;
}

struct EventPresent {
    std::optional<store::RouteId> pending_on;
    std::optional<store::Position> first;  // with its message id
};

Result<EventPresent> look_at_event(store::State& state, store::Position event, store::RouteId route,
                                   const std::string& message_id) {
    EventPresent present;
    for (const auto& [id, row] : state.names(store::NameKind::kRoute)) {
        SYNCLINE_TRY(bool is_pending, state.is_pending(id, event));
        if (is_pending) present.pending_on = id;
    }
    if (!message_id.empty()) {
        SYNCLINE_TRY(present.first, state.first_with(route, message_id));
    }
    return present;
}

// What the event's own way ended in, or where it stands.
const char* outcome_of(bool is_pending, bool is_duplicate, bool is_translated,
                       const json::array& happened) {
    if (is_pending) return "pending";
    if (is_translated) return "translated";
    if (is_duplicate) return "duplicate";
    if (happened.empty()) return "unknown";
    return happened.back().at("what") == "discarded" ? "discarded" : "dead";
}

}  // namespace

Explainer::~Explainer() {
    is_ending_ = true;
    if (thread_.joinable()) thread_.join();
}

void Explainer::explain_key(std::string connection, std::string key, Done done) {
    auto answer = [this, connection = std::move(connection), key = std::move(key)] {
        return about_key(connection, key);
    };
    begin(std::move(answer), std::move(done));
}

void Explainer::explain_event(store::Position event, Done done) {
    begin([this, event] { return about_event(event); }, std::move(done));
}

void Explainer::begin(Answer answer, Done done) {
    if (is_busy_.exchange(true)) return done(Error{kBusy, "another explanation is under way"});
    if (thread_.joinable()) thread_.join();  // it has its answer
    thread_ = std::thread{[this, answer = std::move(answer), done = std::move(done)] {
        core::name_this_thread("explain");
        give_up_ = std::chrono::steady_clock::now() + kDeadline;
        Result<json::value> result = answer();
        is_busy_ = false;
        done(std::move(result));
    }};
}

bool Explainer::may_go_on() const {
    return !is_ending_ && std::chrono::steady_clock::now() < give_up_;
}

// Waits for the state's thread. What waits there when the hub ends may never run: the promise is
// kept, so that it is not broken.
template <class T>
Result<T> Explainer::ask(std::function<Result<T>(store::State&)> question) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    std::future<Result<T>> answer = promise->get_future();
    bool is_asked = store_.ask([promise, question = std::move(question)](store::State& state) {
        promise->set_value(question(state));
    });
    constexpr std::chrono::milliseconds kLookAgain{100};
    while (is_asked && may_go_on()) {
        if (answer.wait_for(kLookAgain) == std::future_status::ready) return answer.get();
    }
    return Error{kStopping, "the state does not answer"};
}

Result<json::array> Explainer::letters(std::function<bool(const store::LetterRow&)> is_wanted) {
    json::array views;
    std::uint64_t after = 0;
    do {
        using Page = std::pair<std::uint64_t, json::array>;
        auto look = [after, is_wanted](store::State& state) -> Result<Page> {
            std::vector<store::Letter> found;
            Page page;
            SYNCLINE_TRY(page.first, state.find_letters(after, kLettersLookedAt, is_wanted, found));
            for (const store::Letter& letter : found)
                page.second.emplace_back(letter_view(state, letter, false));
            return page;
        };
        SYNCLINE_TRY(Page page, ask<Page>(std::move(look)));
        after = page.first;
        for (json::value& letter : page.second) views.push_back(std::move(letter));
    } while (after != 0 && views.size() < kLettersMax);
    return views;
}

Result<json::value> Explainer::about_key(const std::string& connection, const std::string& key) {
    auto look = [connection, key](store::State& state) {
        return look_at_key(state, connection, key);
    };
    SYNCLINE_TRY(KeyPresent present, ask<KeyPresent>(std::move(look)));
    auto is_of_key = [owner = present.connection,
                      lane = store::lane_key(key)](const store::LetterRow& row) {
        return row.kind == store::LetterKind::kRecord && row.owner == owner && row.lane == lane;
    };
    SYNCLINE_TRY(json::array open_letters, letters(std::move(is_of_key)));
    store::HistoryQuery query;
    query.connection = present.connection;
    query.key = key;
    query.until = present.applied;
    query.entries_max = kEntriesMax;
    query.may_go_on = [this] { return may_go_on(); };
    store::History history = store::read_history(store_.journal_files(), query);
    bool is_known = present.key_map || present.lane || !open_letters.empty();
    if (!is_known && history.entries.empty()) {
        return Error{kNotFound,
                     "nothing is known of key `" + key + "` on connection `" + connection + "`",
                     "keys are as the source's records have them; " + since(history)};
    }
    json::object now{{"key_map", key_map_view(present.key_map, history)},
                     {"lane", lane_view(present.lane)},
                     {"letters", std::move(open_letters)}};
    return json::value(json::object{{"connection", connection},
                                    {"configured", present.is_configured},
                                    {"key", text_view(key)},
                                    {"history", history_view(history)},
                                    {"records", records_view(history, present.names)},
                                    {"now", std::move(now)}});
}

Result<json::value> Explainer::about_event(store::Position event) {
    using Past = std::pair<Names, store::Position>;
    auto begin = [](store::State& state) -> Result<Past> {
        return Past{Names::of(state), state.applied()};
    };
    SYNCLINE_TRY(Past past, ask<Past>(std::move(begin)));
    store::HistoryQuery query;
    query.event = event;
    query.until = past.second;
    query.entries_max = kEntriesMax;
    query.may_go_on = [this] { return may_go_on(); };
    store::History history = store::read_history(store_.journal_files(), query);
    const store::EventSeen* seen = find_event(history);
    auto look = [event, route = seen ? seen->route : 0,
                 id = seen ? seen->message_id : std::string{}](store::State& state) {
        return look_at_event(state, event, route, id);
    };
    SYNCLINE_TRY(EventPresent present, ask<EventPresent>(std::move(look)));
    auto is_of_event = [event](const store::LetterRow& row) { return row.record.event == event; };
    SYNCLINE_TRY(json::array open_letters, letters(std::move(is_of_event)));
    std::string id = store::to_string(event);
    if (history.entries.empty() && !present.pending_on && open_letters.empty()) {
        if (event > history.after) return Error{kNotFound, id + " is not the id of an event", ""};
        return Error{kNotFound, "nothing is known of event " + id + " any more: " + since(history),
                     "hub.limits.history_bytes_max keeps more history"};
    }
    json::array happened = event_happened_view(history);
    bool is_duplicate = present.first && *present.first != event;
    json::object view{{"event", id},
                      {"outcome", outcome_of(present.pending_on.has_value(), is_duplicate,
                                             history.is_translated, happened)},
                      {"history", history_view(history)}};
    if (present.pending_on) view["route"] = past.first.route(*present.pending_on);
    if (seen != nullptr) {
        view["route"] = past.first.route(seen->route);
        view["received"] = core::format_iso8601(seen->received_ns).text;
        view["request"] =
            text_view(seen->method + " /hooks/" + past.first.route(seen->route) + seen->path);
        view["body_bytes"] = seen->body_bytes;
    }
    if (is_duplicate) view["duplicate_of"] = store::to_string(*present.first);
    view["happened"] = std::move(happened);
    view["record_count"] = history.records;
    view["records"] = records_view(history, past.first);
    view["letters"] = std::move(open_letters);
    return json::value(std::move(view));
}

}  // namespace syncline::admin
