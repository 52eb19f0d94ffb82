#include "checker/tour.hpp"

#include <algorithm>
#include <utility>

#include "checker/errc.hpp"

namespace syncline::checker {

std::vector<plugin::WriteRecord> sample_records(std::size_t count, const std::string& prefix) {
    std::vector<plugin::WriteRecord> records;
    for (std::size_t i = 1; i <= count; ++i) {
        const std::string key = prefix + '-' + std::to_string(i);
        plugin::WriteRecord record;
        record.key = key;
        record.body = R"({"id":")" + key + R"(","user":")" + key + R"(","audience":"a-1",)" +
                      R"("name":"Ann","email":"ann@example.com","description":"A sample",)" +
                      R"("user_type":"email","expires_at":"2030-01-01T00:00:00Z",)" +
                      R"("updated_at":"2026-01-01T00:00:00Z","attributes":{"city":"Ulm"},)" +
                      R"("identities":[{"kind":"email","value":"ann@example.com"}]})";
        record.idempotency_key = "sample-" + std::to_string(i);
        records.push_back(std::move(record));
    }
    return records;
}

WritePlan sample_write(const plugin::StreamSpec& stream, Responder respond,
                       const std::string& prefix) {
    const std::size_t limit = stream.batch_records_max == 0 ? 3 : stream.batch_records_max;
    WritePlan plan;
    plan.stream = stream.name;
    plan.records = sample_records(std::min<std::size_t>(limit, 3), prefix);
    plan.respond = std::move(respond);
    return plan;
}

std::vector<plugin::WebhookRequest> sample_requests() {
    std::vector<plugin::WebhookRequest> requests;
    const auto add = [&](std::string method, std::string type, std::string query,
                         std::string body) {
        plugin::WebhookRequest request;
        request.method = std::move(method);
        request.query = std::move(query);
        if (!type.empty()) request.headers.emplace_back("Content-Type", std::move(type));
        request.headers.emplace_back("X-Request-Id", "sample");
        request.body = std::move(body);
        request.received_ns = 1'790'000'000'000'000'000;
        requests.push_back(std::move(request));
    };
    const std::string one = sample_records(1)[0].body;
    const std::string two = sample_records(2)[1].body;
    add("POST", "application/json", "", one);
    add("POST", "application/json", "", "[" + one + "," + two + "]");
    add("POST", "application/x-ndjson", "", one + "\n" + two + "\n");
    add("POST", "application/x-www-form-urlencoded", "", "id=k-1&x=1&email=ann%40example.com");
    add("GET", "", "id=k-1&x=1", "");
    add("POST", "application/json", "", "{}");
    return requests;
}

std::vector<plugin::WebhookRequest> requests_for(const std::vector<plugin::RequestPattern>& all) {
    std::vector<plugin::WebhookRequest> requests;
    for (const plugin::RequestPattern& pattern : all) {
        plugin::WebhookRequest request;
        request.method = pattern.methods.empty() ? "POST" : pattern.methods.front();
        for (const auto& [name, value] : pattern.query)
            request.query += (request.query.empty() ? "" : "&") + name + "=" + value;
        request.body = request.method == "GET" ? "" : sample_records(1)[0].body;
        request.headers.emplace_back("Content-Type", "application/json");
        requests.push_back(std::move(request));
    }
    return requests;
}

Responder answers(int status, std::string body, plugin::Headers headers) {
    plugin::HttpReply reply;
    reply.has_response = true;
    reply.status = status;
    reply.body = std::move(body);
    reply.headers = std::move(headers);
    reply.may_have_been_processed = true;
    if (!reply.body.empty()) reply.headers.emplace_back("content-type", "application/json");
    return [reply](const plugin::HttpRequest&) { return reply; };
}

Responder accepts() {
    return answers(200, "{}");
}

Responder breaks(plugin::FailureClass failure_class, bool may_have_been_processed) {
    plugin::HttpReply reply;
    reply.failure = {failure_class, "the connection was lost", "", -1};
    reply.may_have_been_processed = may_have_been_processed;
    return [reply](const plugin::HttpRequest&) { return reply; };
}

Result<std::vector<plugin::StreamSpec>> destinations(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    if (!manifest->can_write) return Error{kNotApplicable, "the connector does not write"};
    std::vector<plugin::StreamSpec> streams;
    for (const plugin::StreamSpec& stream : manifest->streams) {
        if (stream.is_destination) streams.push_back(stream);
    }
    if (streams.empty()) return Error{kNotApplicable, "no stream is a destination"};
    return streams;
}

namespace {

void tour_writes(StrictHost& host, const Subject& subject) {
    const auto streams = destinations(subject);
    if (!streams) return;
    const Responder responders[] = {
        accepts(),
        answers(204, ""),
        answers(429, "{}", {{"retry-after", "7"}}),
        answers(500, R"({"error":"sample"})"),
        answers(400, R"({"error":"sample"})"),
        breaks(plugin::FailureClass::kTransient, true),
        breaks(plugin::FailureClass::kTransient, false),
    };
    for (const plugin::StreamSpec& stream : *streams) {
        for (const Responder& respond : responders) host.write(sample_write(stream, respond));
        WritePlan deletes = sample_write(stream, accepts(), "d");
        for (plugin::WriteRecord& record : deletes.records) {
            record.operation = record::Operation::kDelete;
            record.destination_key = "d-" + record.key;
            record.was_delivered = true;
        }
        host.write(deletes);
        WritePlan cancelled = sample_write(stream, accepts(), "c");
        cancelled.cancel_after = 0;
        host.write(cancelled);
    }
}

void tour_webhooks(StrictHost& host, const plugin::Manifest& manifest) {
    if (!manifest.can_webhook) return;
    for (const auto& request : requests_for(manifest.handshakes)) host.handshake(request);
    for (const auto& request : sample_requests()) {
        if (manifest.verifies_webhooks) host.verify(request);
        host.translate(request);
    }
    for (const auto& request : requests_for(manifest.answered)) host.translate(request);
}

void tour_questions(StrictHost& host, const plugin::Manifest& manifest) {
    std::vector<Question> questions;
    if (manifest.can_check) questions.push_back(Question::kCheck);
    if (manifest.can_discover) questions.push_back(Question::kDiscover);
    if (manifest.can_work) questions.push_back(Question::kWork);
    for (const Question question : questions) {
        for (const Responder& respond : {accepts(), answers(401, "{}"), answers(500, "{}"),
                                         breaks(plugin::FailureClass::kTransient, false)}) {
            host.ask({question, respond});
        }
        host.ask({question, accepts(), 0});
    }
}

}  // namespace

Result<std::vector<Violation>> tour(const Subject& subject, StrictHost::Options options) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded, options};
    SYNCLINE_CHECK(host.begin());
    tour_webhooks(host, *manifest);
    tour_writes(host, subject);
    tour_questions(host, *manifest);
    host.end();
    return host.violations();
}

}  // namespace syncline::checker
