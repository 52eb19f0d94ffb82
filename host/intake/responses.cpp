#include "intake/responses.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "intake/errc.hpp"
#include "record/json.hpp"
#include "store/errc.hpp"

namespace syncline::intake {
namespace {

namespace json = boost::json;
using plugin::FailureClass;

// A full disk takes longer to mend than a busy moment.
const char* retry_after_s(const Error& error) {
    if (error.is(kRouteSealed)) return "60";
    return error.is(store::kDiskFull) ? "120" : "2";
}

http_server::Refusal reason_of(const Error& error) {
    if (error.is(store::kDiskFull)) return http_server::Refusal::kDiskFull;
    return error.is(store::kQuota) ? http_server::Refusal::kQuota : http_server::Refusal::kBusy;
}

// Facts spell classes as words, with a few of the host's own among them.
FailureClass class_of(std::string_view word) {
    for (int i = 0; i <= static_cast<int>(FailureClass::kStale); ++i) {
        auto failure_class = static_cast<FailureClass>(i);
        if (plugin::to_string(failure_class) == word) return failure_class;
    }
    return word == "mapping" ? FailureClass::kPermanent : FailureClass::kTransient;
}

int status_of(FailureClass failure_class) {
    switch (failure_class) {
        case FailureClass::kConflict:
            return 409;
        case FailureClass::kPermanent:
        case FailureClass::kNotFound:
        case FailureClass::kUnsupported:
            return 422;
        case FailureClass::kDeadline:
            return 504;
        default:
            return 502;
    }
}

bool is_failed(const store::OutcomeEntry& entry) {
    return entry.settlement == store::Settlement::kDead;
}

// To a sender a dead letter is a failure.
const char* word_of(const store::OutcomeEntry& entry) {
    return is_failed(entry) ? "failed" : store::to_string(entry.settlement);
}

void add_result(json::object& to, const store::OutcomeEntry& entry) {
    if (!entry.destination_key.empty()) to.emplace("id", entry.destination_key);
    if (entry.reply.empty()) return;
    Result<json::value> reply = record::parse_json(entry.reply);
    if (reply.has_value()) to.emplace("result", std::move(*reply));
}

http_server::Response failure_response(const char* what, const core::ErrorCode& code,
                                       const store::FailureNote& failure, json::object body) {
    std::string sentence = what;
    if (!failure.message.empty()) sentence += ": " + failure.message;
    body.insert_or_assign("status", "failed");
    body.emplace("error", sentence);
    body.emplace("code", code.name);
    body.emplace("class", failure.failure_class);
    if (!failure.provider_code.empty()) body.emplace("provider_code", failure.provider_code);
    http_server::Response response =
        json_response(status_of(class_of(failure.failure_class)), body);
    response.text = std::move(sentence);
    return response;
}

json::object view(const store::OutcomeEntry& entry) {
    json::object view{{"key", entry.key}, {"status", word_of(entry)}};
    add_result(view, entry);
    if (is_failed(entry)) {
        view.emplace("error", entry.failure.message);
        view.emplace("class", entry.failure.failure_class);
    }
    return view;
}

plugin::AnswerKind kind_of(store::Settlement settlement) {
    switch (settlement) {
        case store::Settlement::kDelivered:
            return plugin::AnswerKind::kDelivered;
        case store::Settlement::kUnchanged:
            return plugin::AnswerKind::kUnchanged;
        case store::Settlement::kFiltered:
            return plugin::AnswerKind::kFiltered;
        case store::Settlement::kSuperseded:
            return plugin::AnswerKind::kSuperseded;
        default:
            return plugin::AnswerKind::kFailed;
    }
}

plugin::Failure failure_of(const store::FailureNote& note) {
    if (note.failure_class.empty()) return {};
    return {class_of(note.failure_class), note.message, note.provider_code, -1};
}

}  // namespace

http_server::Response json_response(int status, const json::object& body) {
    http_server::Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = json::serialize(body);
    return response;
}

http_server::Response refusal(int status, const Error& error) {
    http_server::Response response =
        json_response(status, {{"error", error.what()}, {"code", error.code()}});
    response.text = error.what();
    return response;
}

http_server::Response busy(const Error& error) {
    http_server::Response response = refusal(503, error);
    response.refusal = reason_of(error);
    response.headers.emplace_back("Retry-After", retry_after_s(error));
    return response;
}

// The answer to nearly every request. The id has nothing to escape.
http_server::Response accepted(int status, store::Position event) {
    http_server::Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = R"({"status":"accepted","event":")" + store::to_string(event) + R"("})";
    return response;
}

http_server::Response unanswered(int status, const Error& error, store::Position event) {
    std::string id = store::to_string(event);
    http_server::Response response =
        json_response(status, {{"error", error.what()}, {"code", error.code()}, {"event", id}});
    response.text = std::string{error.what()} + " (event " + id + ")";
    return response;
}

http_server::Response outcome_response(const store::OutcomeTold& outcome) {
    const store::OutcomeRow& row = outcome.row;
    json::object body{{"status", "done"}, {"event", store::to_string(outcome.event)}};
    if (row.is_dead()) {
        return failure_response("the request can't be understood", kNotTranslated, row.failure,
                                std::move(body));
    }
    auto failed = std::find_if(row.entries.begin(), row.entries.end(), is_failed);
    if (row.entries.size() == 1) {
        const store::OutcomeEntry& entry = row.entries.front();
        body["status"] = word_of(entry);
        add_result(body, entry);
    } else {
        json::array records;
        for (const store::OutcomeEntry& entry : row.entries) records.push_back(view(entry));
        body.emplace("records", std::move(records));
    }
    if (failed == row.entries.end()) return json_response(200, body);
    return failure_response("the record was not delivered", kNotDelivered, failed->failure,
                            std::move(body));
}

plugin::Answer to_answer(const store::OutcomeTold& outcome) {
    plugin::Answer answer;
    answer.event = store::to_string(outcome.event);
    if (outcome.row.is_dead()) {
        plugin::AnswerRecord record;
        record.failure = failure_of(outcome.row.failure);
        answer.records.push_back(std::move(record));
    }
    for (const store::OutcomeEntry& entry : outcome.row.entries) {
        plugin::AnswerRecord record;
        record.kind = kind_of(entry.settlement);
        record.stream = entry.stream;
        record.key = entry.key;
        record.destination_key = entry.destination_key;
        record.reply = entry.reply;
        record.failure = failure_of(entry.failure);
        answer.records.push_back(std::move(record));
    }
    return answer;
}

http_server::Response query_response(plugin::FetchResult result) {
    if (result.kind == plugin::FetchKind::kAbsent)
        return refusal(404, Error{kNothingFound, "the destination has no such record"});
    if (result.kind == plugin::FetchKind::kFailed)
        return refusal(status_of(result.failure.failure_class),
                       Error{kQueryFailed, result.failure.message});
    http_server::Response response;
    response.status = 200;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = std::move(result.body);
    return response;
}

}  // namespace syncline::intake
