// Acme, as a source and as a destination of profiles.
//
// Source: Acme posts what changed to the hub's webhook, and all profiles, or those that changed
// since, can be read page by page. Destination: profiles go out in batches, and Acme's reply says
// of each whether it was taken; a profile is deleted by a request of its own.
#include <cstddef>
#include <cstdint>
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
using syncline::Page;
using syncline::Response;
using syncline::Task;
using syncline::WriteRecord;
using syncline::json::Value;
using syncline::profile::Attributes;
using syncline::profile::User;

// What is read of a record that goes out; nothing else can be.
using Profile = syncline::Reads<User, syncline::Optional<Attributes>>;

struct AcmeSettings {
    std::string base_url, list;

    static constexpr auto settings() {
        return std::tuple{
            syncline::setting("base_url", &AcmeSettings::base_url,
                              "Where Acme's API is, such as https://api.acme.example",
                              {.format = "uri"}),
            syncline::setting("list", &AcmeSettings::list, "Acme's list that profiles belong to",
                              {.preset = "default", .max_length = 64}),
        };
    }
};

class AcmeConnector final : public syncline::Configured<AcmeSettings>,
                            public syncline::WebhookReceiver,
                            public syncline::PageReader,
                            public syncline::BatchWriter {
    syncline::Status configure(AcmeSettings& settings) override {
        while (settings.base_url.ends_with('/')) settings.base_url.pop_back();
        return {};
    }

    // {"events": [{"type": "changed", "profile": {"id": "u1", ...}}, {"type": "deleted", ...}]}
    // One event that is not understood fails the request as a whole: it becomes a dead letter, and
    // none of its records is lost in silence.
    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        const Value body = syncline::parse_json(request.body());
        const Value* events = body.find("events");
        if (events == nullptr || events->array() == nullptr)
            return Failure{SYNCLINE_E_PERMANENT, "the body has no list 'events'"};
        for (std::size_t i = 0; i < events->array()->size(); ++i) {
            const std::string at = "event " + std::to_string(i) + ": ";
            const Value& event = (*events->array())[i];
            const Value* profile = event.find("profile");
            const std::string* type = event.find_string("type");
            const std::string* id = profile != nullptr ? profile->find_string("id") : nullptr;
            if (id == nullptr || id->empty())
                return Failure{SYNCLINE_E_PERMANENT, at + "no profile with an id"};
            const bool is_delete = type != nullptr && *type == "deleted";
            if (!is_delete && (type == nullptr || *type != "changed"))
                return Failure{SYNCLINE_E_PERMANENT, at + "its type is not known"};
            const std::string record = is_delete ? std::string{} : record_of(*profile, *id);
            records.add({"profiles", is_delete ? SYNCLINE_DELETE : SYNCLINE_UPSERT, *id, record});
        }
        return {};
    }

    // Acme's profile, as the hub's records have it.
    static std::string record_of(const Value& profile, const std::string& id) {
        syncline::json::Writer record;
        record.begin_object().member("user", id).key("attributes").begin_object();
        for (const auto& [name, value] : *profile.object()) {
            if (name != "id") record.member(name, value);
        }
        return record.end_object().end_object().take();
    }

    // GET /v1/profiles?after=CURSOR: {"profiles": [{"id": "u1", ...}, {"id": "u2", "deleted":
    // true}], "next": "c7", "more": true}. Acme's cursor is a place in the order of its changes, so
    // the last one of a run begins the next incremental run.
    Task<> read(Page& page) override {
        const std::string url = settings().base_url +
                                "/v1/profiles?list=" + syncline::percent_encode(settings().list) +
                                "&limit=" + std::to_string(page.records_max()) +
                                "&after=" + syncline::percent_encode(page.cursor());
        const Response response = co_await syncline::http::get(url);
        if (response.status() == 410)
            throw Failure{SYNCLINE_E_CURSOR_INVALID, "Acme does not know the cursor any more"};
        if (!response.is_success()) throw response.refusal("Acme");
        const auto reply = syncline::json::parse(response.body());
        const Value* profiles = reply ? reply.value->find("profiles") : nullptr;
        const std::string* next = reply ? reply.value->find_string("next") : nullptr;
        if (profiles == nullptr || profiles->array() == nullptr || next == nullptr)
            throw malformed();
        const bool has_more = is_true(*reply.value, "more");
        // A page that leads to itself would be read for ever.
        if (has_more && *next == page.cursor()) throw malformed();
        for (const Value& profile : *profiles->array()) {
            const std::string* id = profile.find_string("id");
            if (id == nullptr || id->empty()) throw malformed();
            const bool is_gone = is_true(profile, "deleted");
            const std::string record = is_gone ? std::string{} : record_of(profile, *id);
            syncline::Record made{"profiles", is_gone ? SYNCLINE_DELETE : SYNCLINE_UPSERT, *id};
            made.body = record;
            if (!page.emit(made)) co_return;
        }
        page.end(*next, has_more);
    }

    Task<> write(Batch& batch) override {
        co_await write_profiles(batch);
        for (const WriteRecord& record : batch) {
            if (record.is_delete()) co_await delete_profile(record);
        }
    }

    Task<> write_profiles(Batch& batch) {
        std::vector<WriteRecord> sent;
        syncline::json::Writer body;
        body.begin_object().member("list", settings().list).key("profiles").begin_array();
        for (const WriteRecord& record : batch) {
            if (record.is_delete()) continue;
            const auto profile = record.read<Profile>();
            if (!profile) continue;  // it has failed, alone
            body.begin_object().member("id", profile->get<User>());
            if (const auto& attributes = profile->get<Attributes>())
                body.member("attributes", Value{*attributes});
            body.end_object();
            sent.push_back(record);
        }
        body.end_array().end_object();
        if (sent.empty()) co_return;

        try {
            const Response response =
                co_await syncline::http::post(settings().base_url + "/v1/profiles", body.text());
            if (!response.is_success()) throw response.refusal("Acme");
            const auto refusals = refusals_in(response, sent.size());
            for (std::size_t i = 0; i < sent.size(); ++i) {
                const std::optional<Failure>& refusal = refusals[i];
                refusal ? sent[i].fail(*refusal) : sent[i].done();
            }
        } catch (const Failure& failure) {
            // Of these records alone: deletions are requests of their own.
            for (const WriteRecord& record : sent) record.fail(failure);
        }
    }

    Task<> delete_profile(WriteRecord record) {
        if (syncline::is_dot_segment(record.key())) {
            record.fail({SYNCLINE_E_PERMANENT, "no URL of a profile can have this key"});
            co_return;
        }
        syncline::HttpRequest request;
        request.method = "DELETE";
        request.url =
            settings().base_url + "/v1/profiles/" + syncline::percent_encode(record.key());
        const Response response = co_await syncline::http::send(std::move(request));
        // What is gone already is as it should be.
        if (!response.is_success() && response.status() != 404) throw response.refusal("Acme");
        record.done();
    }

    // {"refused": [{"index": 1, "code": "E7", "message": "no such list", "retry": false}]}: one
    // entry for each record. The whole reply has to make sense, since half of an answer could hide
    // a refused record.
    static std::vector<std::optional<Failure>> refusals_in(const Response& response,
                                                           std::size_t count) {
        const auto reply = syncline::json::parse(response.body());
        const Value* refused = reply ? reply.value->find("refused") : nullptr;
        if (refused == nullptr || refused->array() == nullptr)
            throw malformed().with_possible_effect();
        std::vector<std::optional<Failure>> refusals(count);
        for (const Value& item : *refused->array()) {
            const Value* index = item.find("index");
            if (index == nullptr || index->uint64().value_or(count) >= count)
                throw malformed().with_possible_effect();
            const std::string* code = item.find_string("code");
            const std::string* message = item.find_string("message");
            refusals[*index->uint64()] =
                Failure{is_true(item, "retry") ? SYNCLINE_E_TRANSIENT : SYNCLINE_E_PERMANENT,
                        message != nullptr ? *message : "Acme refused the profile",
                        code != nullptr ? *code : ""};
        }
        return refusals;
    }

    static bool is_true(const Value& object, std::string_view name) {
        const Value* member = object.find(name);
        return member != nullptr && member->boolean() != nullptr && *member->boolean();
    }
    static Failure malformed() { return {SYNCLINE_E_TRANSIENT, "Acme's answer is malformed"}; }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(AcmeConnector, R"json({
  "id": "acme",
  "version": "0.1.0",
  "name": "Acme",
  "summary": "Profiles from and to Acme",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 2},
  "style": "async",
  "unload": "supported",
  "capabilities": ["webhook", "read", "write"],
  "streams": [
    {"name": "profiles", "source": true, "read": ["full", "incremental"],
     "read_records_max": 500, "destination": true, "batch_records_max": 100}
  ],
  "handshakes": [],
  "branding": {
    "description": "Keeps the profiles of one of Acme's lists in step.",
    "categories": ["crm"],
    "links": {"docs": "https://acme.example/docs"}
  },
  "presets": [
    {"name": "people-by-address", "stream": "profiles",
     "summary": "People known by their e-mail address",
     "map": {"user": ".email | ascii_downcase", "attributes": "{name: .name}"}}
  ],
  "allowed_hosts": [{"from_setting": "base_url"}]
})json")
