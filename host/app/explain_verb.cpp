// `syncline explain`: what became of a key's records or of an event, in words.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "admin/views.hpp"
#include "app/admin_client.hpp"
#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

const json::array& list_of(const json::object& object, std::string_view name) {
    static const json::array kNone;
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

// Everything but letters, digits and what may stand for itself in a query (RFC 3986).
std::string encode_query(std::string_view text) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    constexpr char kDigits[] = "0123456789ABCDEF";
    std::string encoded;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (kPlain.find(c) != std::string_view::npos) {
            encoded += c;
        } else {
            encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
        }
    }
    return encoded;
}

// `permanent: no such user (404)`
std::string failure_of(const json::object& fact) {
    std::string text = text_of(fact, "class") + ": " + text_of(fact, "message");
    std::string code = text_of(fact, "code");
    return code.empty() ? text : text + " (" + code + ")";
}

std::string line_of(const json::object& fact) {
    std::string what = text_of(fact, "what");
    std::string text = text_of(fact, "at") + "  ";
    std::string attempt = "at attempt " + text_of(fact, "attempt");
    std::string letter = "dead letter " + text_of(fact, "letter");
    if (what == "delivered") {
        text += "delivered " + attempt;
        if (fact.contains("destination_key"))
            text += "; the destination calls it " + text_of(fact, "destination_key");
    } else if (what == "unchanged") {
        text += "unchanged: the destination has it, nothing was sent";
    } else if (what == "filtered") {
        text += "filtered: `when` does not let it pass";
    } else if (what == "superseded") {
        text += "superseded: the key got something newer before";
    } else if (what == "retry") {
        text += "failed " + attempt + ", next at " + text_of(fact, "due") + "; " + failure_of(fact);
    } else if (what == "dead") {
        text += letter + (fact.contains("attempt") ? ", " + attempt : "") + "; " + failure_of(fact);
    } else if (what == "edited") {
        text += letter + " was edited by command: " + text_of(fact, "body_bytes") + " bytes";
    } else if (what == "replayed") {
        text += letter + " was replayed by command" + (is_true(fact, "forced") ? ", forced" : "");
    } else if (what == "discarded") {
        text += letter + " was discarded by command";
    } else {
        text += "a late result of an older attempt, without effect";
    }
    return text + (is_true(fact, "unknown_outcome") ? "; it may have had its effect" : "");
}

void append_happened(std::string& text, const json::object& of) {
    for (const json::value& fact : list_of(of, "happened"))
        text += wrapped("  " + line_of(fact.as_object()), 6) + "\n";
}

std::string letter_line(const json::object& letter) {
    return "dead letter " + text_of(letter, "id") + " is open since " + text_of(letter, "at") +
           ", after " + text_of(letter, "attempts") + " attempts" +
           (is_true(letter, "edited") ? ", edited; " : "; ") + failure_of(letter);
}

std::string history_line(const json::object& of) {
    const json::object& history = of.at("history").as_object();
    std::string after = text_of(history, "after");
    std::string ended_by = text_of(history, "ended_by");
    if (ended_by == "beginning") return "The history is whole.";
    std::string text = "The history begins after " + after + ": ";
    if (ended_by == "limit") return text + "there is more than is shown.";
    if (ended_by == "deadline") return text + "there was no time to read more.";
    if (ended_by == "damage") return text + "what is older can't be read.";
    return text + "hub.limits.history_bytes_max keeps no more.";
}

// ---- A key

std::string heading(const json::object& record) {
    std::string text = "event " + text_of(record, "event");
    if (!record.contains("operation")) return text + ", older than the history";
    if (record.contains("received")) text += ", received " + text_of(record, "received");
    return text + " on route " + text_of(record, "route") + ": " + text_of(record, "operation");
}

void append_key_map(std::string& text, const json::value& row) {
    if (!row.is_object()) {
        text += "  nothing was delivered for this key\n";
        return;
    }
    const json::object& known = row.get_object();
    if (!known.at("event").is_null()) {
        text += "  the destination has the record of event " + text_of(known, "event") + ", " +
                text_of(known, "fields") + " fields";
        if (known.contains("delivered_at"))
            text += "; the last delivery was at " + text_of(known, "delivered_at");
        text += "\n";
    }
    std::string destination_key = text_of(known, "destination_key");
    if (!destination_key.empty()) text += "  the destination calls it " + destination_key + "\n";
    if (is_true(known, "unknown_outcome"))
        text += "  the outcome of the last attempt is unknown: the next one is sent whole\n";
}

void append_lane(std::string& text, const json::object& answer, const json::value& row) {
    if (!row.is_object()) {
        text += "  nothing waits\n";
        return;
    }
    const json::object& lane = row.get_object();
    std::string due = text_of(lane, "due");
    text += "  waiting: " + text_of(lane, "records") + ", the first is of event " +
            text_of(lane, "event") + ", after " + text_of(lane, "attempts") + " attempts, ";
    if (!is_true(answer, "configured")) {
        text += "parked: the connection is not configured";
    } else {
        text += due.empty() ? "due at once" : "due at " + due;
    }
    text += "\n";
    if (const json::value* failure = lane.if_contains("last_failure"))
        text += wrapped("  the last failure was " + failure_of(failure->as_object()), 6) + "\n";
}

std::string about_key(const json::object& answer) {
    std::string text =
        "Key " + text_of(answer, "key") + " on connection " + text_of(answer, "connection") + "\n";
    for (const json::value& record : list_of(answer, "records")) {
        text += heading(record.as_object()) + "\n";
        append_happened(text, record.as_object());
    }
    const json::object& now = answer.at("now").as_object();
    text += "now\n";
    append_key_map(text, now.at("key_map"));
    append_lane(text, answer, now.at("lane"));
    for (const json::value& letter : list_of(now, "letters"))
        text += wrapped("  " + letter_line(letter.as_object()), 6) + "\n";
    return text;
}

// ---- An event

std::string outcome_line(const json::object& answer) {
    std::string outcome = text_of(answer, "outcome");
    if (outcome == "pending") return "It waits to be translated.";
    if (outcome == "translated")
        return "It became " + text_of(answer, "record_count") + " records.";
    if (outcome == "duplicate") {
        return "It repeats event " + text_of(answer, "duplicate_of") +
               " (the same message id) and had no effect of its own.";
    }
    if (outcome == "discarded") return "It could not be translated, and was given up.";
    if (outcome == "dead") return "It could not be translated.";
    return "The history does not tell what it became.";
}

std::string about_event(const json::object& answer) {
    std::string text = "Event " + text_of(answer, "event");
    if (answer.contains("received")) {
        text += ", received " + text_of(answer, "received") + " on route " +
                text_of(answer, "route") + ": " + text_of(answer, "request") + ", " +
                text_of(answer, "body_bytes") + " bytes";
    }
    text += "\n" + outcome_line(answer) + "\n";
    append_happened(text, answer);
    for (const json::value& value : list_of(answer, "records")) {
        const json::object& record = value.as_object();
        text += "record " + text_of(record, "index");
        if (record.contains("key")) text += ", key " + text_of(record, "key");
        if (record.contains("operation")) text += ", " + text_of(record, "operation");
        text += record.contains("connection") ? ", connection " + text_of(record, "connection")
                                              : ", which no connection takes";
        text += "\n";
        append_happened(text, record);
        if (list_of(record, "happened").empty() && record.contains("connection"))
            text += "  it waits for its turn\n";
    }
    for (const json::value& letter : list_of(answer, "letters"))
        text += wrapped(letter_line(letter.as_object()), 4) + "\n";
    return text;
}

Result<std::string> target_of(const Explained& what) {
    bool is_key = !what.connection.empty() && !what.key.empty();
    if (is_key == !what.event.empty() || (!is_key && !what.connection.empty()))
        return Error{kBadArgument, "name a connection and a key, or one event with --event"};
    if (is_key) {
        return "/v1/explain?connection=" + encode_query(what.connection) +
               "&key=" + encode_query(what.key);
    }
    if (admin::parse_letter_id(what.event)) return "/v1/explain?event=" + what.event;
    return Error{kBadArgument, "`" + what.event + "` is not the id of an event",
                 "an id has two numbers, such as 3.17"};
}

}  // namespace

int explain(const Common& common, const Explained& what) {
    constexpr const char* kCommand = "explain";
    Result<std::string> target = target_of(what);
    if (!target.has_value()) return print_error(kCommand, target.error(), common.is_json);
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_error(kCommand, loaded.problems.front().error, common.is_json);
    Result<json::value> answer = ask_hub(loaded.config->hub.admin_socket, "GET", *target);
    if (!answer.has_value()) return print_error(kCommand, answer.error(), common.is_json);
    Report report;
    report.command = kCommand;
    const json::object& object = answer->as_object();
    report.text = what.event.empty() ? about_key(object) : about_event(object);
    report.summary = history_line(object);
    report.result = std::move(*answer);
    return print(report, common.is_json);
}

}  // namespace syncline::app
