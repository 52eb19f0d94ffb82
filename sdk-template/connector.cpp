// Acme, as a source and as a destination of profiles.
//
// Source: Acme posts what changed to the hub's webhook, and all profiles, or those that changed
// since, can be read page by page. Destination: profiles go out in batches, and Acme's reply says
// of each whether it was taken; a profile is deleted by a request of its own.
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "syncline/connector.hpp"

namespace {

using syncline::Batch;
using syncline::Failure;
using syncline::Response;
using syncline::Status;
using syncline::Task;
using syncline::Url;
using syncline::WriteRecord;
using syncline::json::Value;
using syncline::profile::Attributes;
using syncline::profile::User;

namespace http = syncline::http;

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
                            public syncline::CredentialChecker,
                            public syncline::WebhookReceiver,
                            public syncline::PageReader,
                            public syncline::BatchWriter {
    Url profiles_url() const { return {settings().base_url, "/v1/profiles"}; }

    // Acme says 401 to a token that is good for nothing, and 404 to a list that is not there.
    Task<Status> check() override {
        const Url url = profiles_url().query("list", settings().list).query("limit", 1);
        const Response response = co_await http::get(url.text());
        if (!response.is_success()) co_return response.refusal("Acme");
        co_return Status{};
    }

    // {"events": [{"type": "changed", "profile": {"id": "u1", ...}}, {"type": "deleted", ...}]}
    // One event that is not understood fails the request as a whole: it becomes a dead letter, and
    // none of its records is lost in silence.
    Status translate(const syncline::WebhookRequest& request,
                     syncline::RecordSink& records) override {
        const Value body = syncline::parse_json(request.body());
        const auto* events = body.find_array("events");
        if (events == nullptr)
            return Failure{SYNCLINE_E_PERMANENT, "the body has no list 'events'"};
        for (std::size_t i = 0; i < events->size(); ++i) {
            const std::string at = "event " + std::to_string(i) + ": ";
            const Value* profile = (*events)[i].find("profile");
            const std::string* id = profile != nullptr ? profile->find_string("id") : nullptr;
            if (id == nullptr || id->empty())
                return Failure{SYNCLINE_E_PERMANENT, at + "no profile with an id"};
            const std::string type = (*events)[i].text_or("type", "");
            if (type == "deleted") {
                records.add({"profiles", SYNCLINE_DELETE, *id});
            } else if (type == "changed") {
                records.add({"profiles", SYNCLINE_UPSERT, *id, record_of(*profile, *id)});
            } else {
                return Failure{SYNCLINE_E_PERMANENT, at + "its type is not known"};
            }
        }
        return {};
    }

    // GET /v1/profiles?after=CURSOR: {"profiles": [{"id": "u1", ...}, {"id": "u2", "deleted":
    // true}], "next": "c7", "more": true}. Acme's cursor is a place in the order of its changes, so
    // the last one of a run begins the next incremental run.
    Task<> read(syncline::Page& page) override {
        Url url = profiles_url().query("list", settings().list);
        url.query("limit", page.records_max()).query("after", page.cursor());
        const Response response = co_await http::get(url.text());
        if (response.status() == 410)
            throw Failure{SYNCLINE_E_CURSOR_INVALID, "Acme does not know the cursor any more"};
        if (!response.is_success()) throw response.refusal("Acme");
        const Value& reply = response.json();
        const auto* profiles = reply.find_array("profiles");
        const std::string* next = reply.find_string("next");
        const bool has_more = reply.is_true("more");
        // A page that leads to itself would be read for ever.
        if (profiles == nullptr || next == nullptr || (has_more && *next == page.cursor()))
            throw response.malformed("Acme");
        for (const Value& profile : *profiles) {
            const std::string* id = profile.find_string("id");
            if (id == nullptr || id->empty()) throw response.malformed("Acme");
            if (profile.is_true("deleted")) {
                page.emit({"profiles", SYNCLINE_DELETE, *id});
            } else {
                page.emit({"profiles", SYNCLINE_UPSERT, *id, record_of(profile, *id)});
            }
        }
        page.end(*next, has_more);
    }

    // Acme's profile, as the hub's records have it.
    static std::string record_of(const Value& profile, const std::string& id) {
        syncline::json::Object record, attributes;
        for (const auto& member : *profile.object()) {
            if (member.name != "id") attributes.push_back(member);
        }
        syncline::put<User>(record, id);
        syncline::put<Attributes>(record, std::move(attributes));
        return syncline::json::write(Value{std::move(record)});
    }

    Task<> write(Batch& batch) override {
        co_await write_profiles(batch);
        for (const WriteRecord& record : batch) {
            if (record.is_delete()) co_await record.settled_by(delete_profile(record));
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
            const Response response = co_await http::post(profiles_url().text(), body.text());
            if (!response.is_success()) throw response.refusal("Acme");
            settle(sent, response);
        } catch (const Failure& failure) {
            // Of these records alone: deletions are requests of their own.
            for (const WriteRecord& record : sent) record.fail(failure);
        }
    }

    // {"refused": [{"index": 1, "code": "E7", "message": "no such list", "retry": false}]}: all
    // others were taken. What makes no sense may hide a refused record, so then nobody knows what
    // became of the others.
    static void settle(const std::vector<WriteRecord>& sent, const Response& response) {
        const Value& reply = response.json();
        const auto* refused = reply.find_array("refused");
        if (refused == nullptr) throw response.malformed("Acme");
        for (const Value& item : *refused) {
            const Value* index = item.find("index");
            if (index == nullptr || index->uint64().value_or(sent.size()) >= sent.size())
                throw response.malformed("Acme");
            sent[*index->uint64()].fail(
                {item.is_true("retry") ? SYNCLINE_E_TRANSIENT : SYNCLINE_E_PERMANENT,
                 item.text_or("message", "Acme refused the profile"), item.text_or("code", "")});
        }
        for (const WriteRecord& record : sent) record.done();
    }

    Task<> delete_profile(WriteRecord record) {
        const Url url = profiles_url().segment(record.key());
        const Response response = co_await http::send("DELETE", url.text());
        // What is gone already is as it should be.
        if (!response.is_success() && response.status() != 404) throw response.refusal("Acme");
        record.done();
    }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(AcmeConnector, R"json({
  "id": "acme",
  "version": "0.1.0",
  "name": "Acme",
  "summary": "Profiles from and to Acme",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 3},
  "style": "async",
  "unload": "supported",
  "capabilities": ["check", "webhook", "read", "write"],
  "streams": [
    {"name": "profiles", "model": "profile/1", "source": true, "read": ["full", "incremental"],
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
