// `syncline dlq ...`: dead letters are listed, looked at, edited, replayed and given up.
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <utility>

#include "admin/letter_bodies.hpp"
#include "admin/views.hpp"
#include "app/admin_client.hpp"
#include "app/editor.hpp"
#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"
#include "record/json.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

// The reason when something that is to be a dead letter's id is none.
std::optional<Error> check_id(const std::string& id) {
    if (admin::parse_letter_id(id)) return std::nullopt;
    return Error{kBadArgument, "`" + id + "` is not the id of a dead letter",
                 "`syncline dlq list` shows them, such as 3.17"};
}

// Which letter, and below it what failed.
std::string letter_lines(const json::object& letter) {
    const bool is_record = letter.contains("connection");
    std::string about = text_of(letter, "id") + "  " + text_of(letter, "at") + "  " +
                        (is_record ? "connection " : "route ") +
                        text_of(letter, is_record ? "connection" : "route");
    if (letter.contains("key")) about += "  key " + text_of(letter, "key");
    about += "  attempts " + text_of(letter, "attempts") + "  class " + text_of(letter, "class");
    if (is_true(letter, "edited")) about += "  edited";
    return about + "\n" + wrapped("    " + text_of(letter, "message"), 4);
}

}  // namespace

int dlq_list(const Common& common) {
    json::array letters;
    std::string after;
    do {
        Result<json::value> page =
            ask(common, "GET", "/v1/dlq" + (after.empty() ? "" : "?after=" + after));
        if (!page.has_value()) return print_error("dlq list", page.error(), common.is_json);
        json::object& object = page->as_object();
        for (json::value& letter : object.at("letters").as_array())
            letters.push_back(std::move(letter));
        after = text_of(object, "next");
    } while (!after.empty());
    Report report;
    report.command = "dlq list";
    for (const json::value& letter : letters)
        report.text += letter_lines(letter.as_object()) + "\n";
    report.summary = count_of(letters.size(), "dead letter");
    report.result = json::object{{"letters", std::move(letters)}};
    return print(report, common.is_json);
}

int dlq_show(const Common& common, const std::string& id) {
    if (auto wrong = check_id(id)) return print_error("dlq show", *wrong, common.is_json);
    Result<json::value> letter = ask(common, "GET", "/v1/dlq/" + id);
    if (!letter.has_value()) return print_error("dlq show", letter.error(), common.is_json);
    Report report;
    report.command = "dlq show";
    report.text = letter_lines(letter->as_object());
    for (const char* part : {"record", "event", "answer"}) {
        const json::value* inner = letter->as_object().if_contains(part);
        if (inner == nullptr) continue;
        if (std::string_view{part} == "answer") report.text += "\nthe platform answered";
        for (const auto& [name, value] : inner->as_object()) {
            report.text += "\n  " + std::string{name} + ": " + text_of(inner->as_object(), name);
        }
    }
    report.result = std::move(*letter);
    return print(report, common.is_json);
}

namespace {

Result<std::vector<std::string>> select(const Common& common, const LetterSelection& selection) {
    if (!selection.is_all) return selection.ids;
    std::vector<std::string> ids;
    std::string after;
    do {
        SYNCLINE_TRY(json::value page,
                     ask(common, "GET", "/v1/dlq" + (after.empty() ? "" : "?after=" + after)));
        const json::object& object = page.as_object();
        for (const json::value& letter : object.at("letters").as_array()) {
            const json::object& fields = letter.as_object();
            if (!selection.connection.empty() &&
                text_of(fields, "connection") != selection.connection)
                continue;
            ids.push_back(text_of(fields, "id"));
        }
        after = text_of(object, "next");
    } while (!after.empty());
    return ids;
}

}  // namespace

int dlq_change(const Common& common, LetterVerb verb, const LetterSelection& selection) {
    const std::string name = verb == LetterVerb::kReplay ? "replay" : "discard";
    const std::string command = "dlq " + name;
    if (selection.ids.empty() == !selection.is_all) {
        return print_error(command,
                           Error{kBadArgument, "name dead letters by id, or say --all (not both)"},
                           common.is_json);
    }
    if (!selection.connection.empty() && !selection.is_all) {
        return print_error(command, Error{kBadArgument, "--connection goes with --all"},
                           common.is_json);
    }
    for (const std::string& id : selection.ids) {
        if (auto wrong = check_id(id)) return print_error(command, *wrong, common.is_json);
    }
    Result<std::vector<std::string>> ids = select(common, selection);
    if (!ids.has_value()) return print_error(command, ids.error(), common.is_json);
    json::array done;
    for (const std::string& id : *ids) {
        Result<json::value> answer = ask(
            common, "POST", "/v1/dlq/" + id + "/" + name + (selection.is_forced ? "?force=1" : ""));
        if (!answer.has_value()) {
            return print_error(command, answer.error(), common.is_json,
                               json::object{{"done", std::move(done)}});
        }
        done.emplace_back(id);
    }
    Report report;
    report.command = command;
    report.summary =
        std::to_string(done.size()) + (verb == LetterVerb::kReplay ? " replayed" : " discarded");
    report.result = json::object{{"done", std::move(done)}};
    return print(report, common.is_json);
}

namespace {

// For people: one member a line, as deep as it goes. Text that is no JSON stays as it is.
std::string to_edit(const std::string& body) {
    Result<json::value> parsed = record::parse_json(body);
    return parsed.has_value() ? pretty_json(*parsed) : body + "\n";
}

bool is_same(const std::string& one, const std::string& other) {
    Result<json::value> first = record::parse_json(one), second = record::parse_json(other);
    if (!first.has_value() || !second.has_value()) return one == other;
    return record::canonical_json(*first) == record::canonical_json(*second);
}

// The new body; nothing when whoever edited it left it as it was.
Result<std::optional<std::string>> edited_body(const Common& common, const LetterEdit& edit) {
    std::string text;
    if (!edit.file.empty() || ::isatty(STDIN_FILENO) == 0) {
        SYNCLINE_TRY(text, edit.file.empty() ? read_all(STDIN_FILENO) : read_all(edit.file));
    } else {
        SYNCLINE_TRY(std::string editor, editor_command());
        SYNCLINE_TRY(json::value present, ask(common, "GET", "/v1/dlq/" + edit.id + "/edit"));
        const std::string before = to_edit(text_of(present.as_object(), "body"));
        SYNCLINE_TRY(text, edit_text(editor, before));
        if (is_same(before, text)) return std::optional<std::string>{};
    }
    SYNCLINE_TRY(std::string body, admin::check_letter_body(text));
    return std::optional{std::move(body)};
}

}  // namespace

int dlq_edit(const Common& common, const LetterEdit& edit) {
    constexpr const char* kCommand = "dlq edit";
    if (auto wrong = check_id(edit.id)) return print_error(kCommand, *wrong, common.is_json);
    Result<std::optional<std::string>> body = edited_body(common, edit);
    if (!body.has_value()) return print_error(kCommand, body.error(), common.is_json);
    if (*body) {
        Result<json::value> answer = ask(common, "POST", "/v1/dlq/" + edit.id + "/edit", **body);
        if (!answer.has_value()) return print_error(kCommand, answer.error(), common.is_json);
    }
    Report report;
    report.command = kCommand;
    report.summary = *body ? "edited; `syncline dlq replay " + edit.id + "` sends it"
                           : "unchanged, nothing was done";
    report.result = json::object{{"edited", body->has_value()}};
    return print(report, common.is_json);
}

}  // namespace syncline::app
