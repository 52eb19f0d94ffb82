// Any platform with an HTTP interface, as a destination: records go out as JSON.
//
// Stream "records": one request for each record. Stream "batches": one request with a list of them.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "syncline/connector.hpp"

namespace {

using syncline::Batch;
using syncline::Failure;
using syncline::HttpHeaders;
using syncline::HttpRequest;
using syncline::Response;
using syncline::Task;
using syncline::WriteRecord;
using syncline::json::Value;

// Where a record goes.
struct Call {
    std::string method, url;

    bool needs_id() const { return url.find("{id}") != std::string::npos; }
};

// The URL with the record's keys in the places of {key}, the source's, and {id}, the platform's.
std::string fill_in(const std::string& url, const WriteRecord& record) {
    std::string filled;
    for (std::size_t at = 0; at < url.size();) {
        if (url.compare(at, 5, "{key}") == 0) {
            filled += syncline::percent_encode(record.key());
            at += 5;
        } else if (url.compare(at, 4, "{id}") == 0) {
            filled += syncline::percent_encode(record.destination_key());
            at += 4;
        } else {
            filled += url[at++];
        }
    }
    return filled;
}

// Has a key made a segment of the URL's path one that leads elsewhere?
bool leads_elsewhere(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    while (!url.empty()) {
        const std::string_view segment = url.substr(0, url.find('/'));
        if (syncline::is_dot_segment(segment)) return true;
        url.remove_prefix(std::min(segment.size() + 1, url.size()));
    }
    return false;
}

// "https://crm.example.com:8443/v1?x" is "crm.example.com:8443".
std::string host_of(std::string_view url) {
    const std::size_t begin = url.find("//");
    if (begin == std::string_view::npos) return std::string{url};
    url.remove_prefix(begin + 2);
    return std::string{url.substr(0, url.find_first_of("/?#"))};
}

struct UpdateSettings {
    std::string method;
    std::optional<std::string> url;

    static constexpr auto settings() {
        return std::tuple{
            syncline::setting("method", &UpdateSettings::method, "The request's method",
                              {.preset = "PUT", .one_of = {"POST", "PUT", "PATCH"}}),
            syncline::setting("url", &UpdateSettings::url,
                              "On the same host; {id} is the platform's id"),
        };
    }
};

struct DeleteSettings {
    std::string method;
    std::optional<std::string> url;

    static constexpr auto settings() {
        return std::tuple{
            syncline::setting("method", &DeleteSettings::method, "The request's method",
                              {.preset = "DELETE", .one_of = {"DELETE", "POST", "PUT", "PATCH"}}),
            syncline::setting("url", &DeleteSettings::url,
                              "On the same host; {key} and {id} as above"),
        };
    }
};

struct HttpSettings {
    std::string url, method;
    std::optional<UpdateSettings> update;
    std::optional<DeleteSettings> removal;
    std::optional<std::string> authorization, idempotency_header, id_from;
    syncline::NamedTexts headers;

    static constexpr auto settings() {
        using Own = HttpSettings;
        return std::tuple{
            syncline::setting("url", &Own::url,
                              "Where records go; {key} stands for the record's key",
                              {.pattern = "^https?://[^/?#{}]+([/?].*)?$"}),
            syncline::setting("method", &Own::method, "The method of a new record's request",
                              {.preset = "POST", .one_of = {"POST", "PUT", "PATCH"}}),
            syncline::setting(
                "update", &Own::update,
                "How to send a record that the platform has; without it, as a new one"),
            syncline::setting("delete", &Own::removal,
                              "How to delete; without it, deletions become dead letters"),
            syncline::setting("authorization", &Own::authorization,
                              "The value of the header Authorization, e.g. Bearer ${CRM_TOKEN}",
                              {.is_secret = true}),
            syncline::setting("headers", &Own::headers,
                              "More headers; nothing secret, they may be logged"),
            syncline::setting("idempotency_header", &Own::idempotency_header,
                              "Header for a key that is the same for each attempt with a record",
                              {.min_length = 1}),
            syncline::setting("id_from", &Own::id_from,
                              "JSON Pointer to the platform's id in its answer, e.g. /id",
                              {.pattern = "^(/.*)?$"}),
        };
    }
};

class Http final : public syncline::Configured<HttpSettings>, public syncline::BatchWriter {
    syncline::Status configure(HttpSettings& settings) override {
        write_ = {settings.method, settings.url};
        if (const auto& own = settings.update)
            update_ = {own->method, own->url.value_or(settings.url)};
        if (const auto& own = settings.removal)
            delete_ = {own->method, own->url.value_or(settings.url)};
        platform_ = host_of(settings.url);
        if (write_.needs_id())
            return Failure{SYNCLINE_E_CONFIG,
                           "`url` has {id}, which a new record has not; see `update`"};
        if (settings.authorization) headers_.emplace_back("Authorization", *settings.authorization);
        headers_.insert(headers_.end(), settings.headers.begin(), settings.headers.end());
        return {};
    }

    Task<> write(Batch& batch) override {
        if (batch.stream() == "batches") {
            co_await write_together(batch);
        }
        for (const WriteRecord& record : batch) {
            if (batch.stream() == "records" || record.is_delete())
                co_await record.settled_by(write_one(record));
        }
    }

    // All that are no deletions, as a list.
    Task<> write_together(Batch& batch) {
        std::vector<WriteRecord> sent;
        syncline::json::Writer body;
        body.begin_array();
        for (const WriteRecord& record : batch) {
            if (record.is_delete()) continue;
            const auto value = syncline::json::parse(record.body());
            if (value) body.value(*value.value);
            sent.push_back(record);
        }
        body.end_array();
        if (sent.empty()) co_return;
        HttpRequest request = request_for(write_.method, write_.url, body.text());
        try {
            const Response response = co_await syncline::http::send(std::move(request));
            if (!response.is_success()) throw response.refusal(platform_);
            for (const WriteRecord& record : sent) record.done();
        } catch (const Failure& failure) {
            for (const WriteRecord& record : sent) record.fail(failure);
        }
    }

    Task<> write_one(WriteRecord record) {
        const Call* call = call_for(record);
        if (call == nullptr)
            throw Failure{SYNCLINE_E_UNSUPPORTED,
                          "the settings do not say how to delete: they have no `delete`"};
        if (call->needs_id() && record.destination_key().empty())
            throw Failure{SYNCLINE_E_NOT_FOUND, platform_ + " has given no id for the record"};
        std::string url = fill_in(call->url, record);
        if (leads_elsewhere(url))
            throw Failure{SYNCLINE_E_PERMANENT,
                          "the record's key makes a URL with a segment `.` or `..`, which is that "
                          "of something else"};
        const std::string_view body = record.is_delete() ? std::string_view{} : record.body();
        HttpRequest request = request_for(call->method, std::move(url), body);
        if (const auto& header = settings().idempotency_header)
            request.headers.emplace_back(*header, record.idempotency_key());
        const Response response = co_await syncline::http::send(std::move(request));
        const bool is_gone = response.status() == 404 || response.status() == 410;
        if (response.is_success()) {
            record.done(id_in(response));
        } else if (record.is_delete() && is_gone) {
            record.done();
        } else {
            throw response.refusal(platform_);
        }
    }

    // Null when there is none.
    const Call* call_for(const WriteRecord& record) const {
        if (record.is_delete()) return delete_ ? &*delete_ : nullptr;
        const bool is_known = update_ && (update_->needs_id() ? !record.destination_key().empty()
                                                              : record.was_delivered());
        return is_known ? &*update_ : &write_;
    }

    HttpRequest request_for(std::string method, std::string url, std::string_view body) const {
        HttpRequest request;
        request.method = std::move(method);
        request.url = std::move(url);
        request.headers = headers_;
        if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
        request.body = body;
        return request;
    }

    // "" when the settings want none, or there is none.
    std::string id_in(const Response& response) const {
        if (!settings().id_from) return {};
        const Value* id = response.json().at(*settings().id_from);
        if (id == nullptr) return {};
        if (id->string() != nullptr) return *id->string();
        return id->int64() || id->uint64() ? id->number()->text : std::string{};
    }

    Call write_;
    std::optional<Call> update_, delete_;
    std::string platform_;
    HttpHeaders headers_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Http, R"json({
  "id": "http",
  "version": "0.1.0",
  "name": "HTTP",
  "summary": "Sends records as JSON to an HTTP interface",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 0},
  "style": "async",
  "unload": "supported",
  "capabilities": ["write"],
  "streams": [
    {"name": "records", "source": false, "destination": true, "batch_records_max": 1},
    {"name": "batches", "source": false, "destination": true, "batch_records_max": 500}
  ],
  "handshakes": [],
  "allowed_hosts": [{"from_setting": "url"}]
})json")
