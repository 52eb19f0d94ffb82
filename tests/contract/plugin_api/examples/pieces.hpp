// What plugin-api/docs shows in pieces. check_doc_examples.py holds both together.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "syncline/connector.hpp"

namespace pieces {

using syncline::Batch;
using syncline::Failure;
using syncline::HttpRequest;
using syncline::Response;
using syncline::Task;
using syncline::WriteRecord;

namespace http = syncline::http;

// Several requests for each record, each in a task of its own.
class Steps final : public syncline::Connector, public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings&) override {
        url_ = "https://api.example.com";
        return {};
    }

    Task<std::string> find_user(std::string email) {
        const syncline::Url url = syncline::Url{url_, "/users"}.query("email", email);
        const auto response = co_await http::get(url.text());
        if (!response.is_success()) throw response.refusal("Acme");
        const std::string* id = response.json().find_string("id");
        if (id == nullptr) throw Failure{SYNCLINE_E_NOT_FOUND, "Acme knows no user " + email};
        co_return *id;
    }

    Task<> write_one(WriteRecord record) {
        const std::string id = co_await find_user(std::string(record.key()));
        HttpRequest request;
        request.method = "PUT";
        request.url = syncline::Url{url_, "/users"}.segment(id).text();
        request.headers = http::json_headers();
        request.body = record.body();
        request.timeout = std::chrono::seconds{10};
        const auto response = co_await http::send(std::move(request));
        if (!response.is_success()) throw response.refusal("Acme");
        record.done(id);
    }

    Task<> write(Batch& batch) override {
        std::vector<Task<>> tasks;
        for (const WriteRecord& record : batch)
            tasks.push_back(record.settled_by(write_one(record)));
        co_await syncline::all(std::move(tasks));
    }

    std::string url_;
};

// One request for the whole batch, with headers of its own.
class Bulk final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        syncline::json::Writer body;
        body.begin_array();
        for (const WriteRecord& record : batch) {
            body.begin_object().member("key", record.key());
            body.member("gone", record.is_delete()).end_object();
        }
        body.end_array();
        const syncline::HttpHeaders headers{{"Content-Type", "application/json"},
                                            {"X-Mode", "bulk"}};
        const Response response =
            co_await http::post("https://api.example.com/bulk", body.text(), headers);
        if (!response.is_success()) throw response.refusal("Acme");
        batch.rest_done();
    }
};

// A task that belongs to no batch.
class Warm final : public syncline::Connector {
    syncline::Status start() override {
        spawn(say_hello());
        return {};
    }

    Task<> say_hello() {
        const auto response = co_await http::get("https://api.example.com/limits");
        log(SYNCLINE_LOG_INFO, "the platform's limits", {{"limits", response.body()}});
    }
};

using syncline::membership::Audience;
using syncline::membership::User;
using syncline::membership::UserType;

using Member = syncline::Reads<Audience, User, syncline::Optional<UserType>>;

class Members final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        for (const WriteRecord& record : batch) {
            const auto member = record.read<Member>();
            if (!member) continue;
            std::string url = "https://api.example.com/audiences/" + member->get<Audience>();
            if (member->get<UserType>() == "email") url += "?by=email";
            const auto response = co_await http::post(url, member->get<User>());
            if (!response.is_success()) throw response.refusal("Acme");
            record.done();
        }
    }
};

namespace identity = syncline::identity;
namespace profile = syncline::profile;

using Identity = syncline::Reads<identity::Kind, identity::Value>;

struct Points : syncline::Field<profile::Model, "points", std::int64_t> {};

using Person = syncline::Reads<profile::User, syncline::List<profile::Identities, Identity>,
                               syncline::Optional<Points>>;

inline std::string email_of(const Person& person) {
    for (const Identity& each : person.get<profile::Identities>()) {
        if (each.get<identity::Kind>() == "email") return each.get<identity::Value>();
    }
    throw Failure{SYNCLINE_E_PERMANENT, "the profile has no e-mail address"};
}

// Expressions in settings, and an answer for who waits.
class Things final : public syncline::Connector, public syncline::WebhookReceiver {
    syncline::Status init(const syncline::Settings& settings) override {
        key_ = compile(settings.text("key"));
        return {};
    }

    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        const syncline::json::Value key = key_.evaluate(request.body());
        if (key.string() == nullptr) return Failure{SYNCLINE_E_PERMANENT, "the key is not a text"};
        records.add({"things", SYNCLINE_UPSERT, *key.string(), request.body()});
        return {};
    }

    syncline::Status answer(const syncline::WebhookRequest&, const syncline::Answer& outcome,
                            syncline::WebhookReply& reply) override {
        const bool is_there = outcome.size() > 0 && outcome[0].kind() != SYNCLINE_ANSWER_FAILED;
        reply.status = is_there ? 201 : 422;
        if (is_there) reply.body = outcome[0].destination_key();
        return {};
    }

    syncline::Expression key_;
};

// A file of lines.
class Lines final : public syncline::Connector, public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings& settings) override {
        path_ = settings.text("path");
        return {};
    }

    Task<> write(Batch& batch) override {
        std::string lines;
        for (const WriteRecord& record : batch) lines.append(record.body()).append("\n");
        co_await syncline::file::append(path_, lines);
        batch.rest_done();
    }

    std::string path_;
};

struct Endpoint {
    std::string url;
    std::int64_t timeout_s = 0;

    static constexpr auto settings() {
        return std::tuple{
            syncline::setting("url", &Endpoint::url, "Where it is", {.format = "uri"}),
            syncline::setting("timeout_s", &Endpoint::timeout_s, "How long to wait for an answer",
                              {.preset = 10, .min = 1, .max = 60}),
        };
    }
};

struct ShopSettings {
    Endpoint api;
    std::string mode;
    std::optional<std::string> token;
    std::vector<std::string> countries;
    syncline::NamedTexts headers;

    static constexpr auto settings() {
        using Own = ShopSettings;
        return std::tuple{
            syncline::setting("api", &Own::api, "The shop's interface"),
            syncline::setting("mode", &Own::mode, "What to do with a record that is there",
                              {.preset = "replace", .one_of = {"replace", "merge"}}),
            syncline::setting("token", &Own::token, "Its key", {.is_secret = true}),
            syncline::setting("countries", &Own::countries, "Only these; all without",
                              {.max_items = 30, .each = {.min_length = 2, .max_length = 2}}),
            syncline::setting("headers", &Own::headers, "More headers; nothing secret"),
        };
    }
};

class Shop final : public syncline::Configured<ShopSettings>, public syncline::BatchWriter {
    syncline::Status configure(ShopSettings& settings) override {
        if (settings.mode == "merge" && !settings.token)
            return Failure{SYNCLINE_E_CONFIG, "/token: is required when `mode` is merge"};
        if (settings.api.url.ends_with('/')) settings.api.url.pop_back();
        return {};
    }

    Task<> write(Batch& batch) override {
        HttpRequest request;
        request.url = settings().api.url + "/" + settings().mode;
        request.headers = settings().headers;
        request.timeout = std::chrono::seconds{settings().api.timeout_s};
        const Response response = co_await http::send(std::move(request));
        if (!response.is_success()) throw response.refusal("The shop");
        batch.rest_done();
    }
};

// Ids that the platform gave to what records only name.
class Lists final : public syncline::Connector, public syncline::BatchWriter {
    Task<std::string> list_of(std::string name) {
        if (const auto known = co_await lists_.find(name)) co_return *known;
        const auto response = co_await http::post("https://api.example.com/lists", name);
        if (!response.is_success()) throw response.refusal("Acme");
        co_await lists_.put(name, response.body());
        co_return response.body();
    }

    Task<> write(Batch& batch) override {
        for (const WriteRecord& record : batch) {
            const auto member = record.read<Member>();
            if (!member) continue;
            const std::string list = co_await list_of(member->get<Audience>());
            const auto response =
                co_await http::post("https://api.example.com/lists/" + list, member->get<User>());
            if (!response.is_success()) throw response.refusal("Acme");
            record.done();
        }
    }

    const syncline::Ids lists_{"lists"};
};

// A key that the platform wants to see in the body.
class Newsletter final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        for (const WriteRecord& record : batch) {
            syncline::json::Writer body;
            body.begin_object().member("email", record.key());
            secret("site_key").read([&](std::string_view value) {
                body.member("site_key", value);
            });
            body.end_object();
            const auto response =
                co_await http::post("https://api.example.com/subscribe", body.text());
            if (!response.is_success()) throw response.refusal("Acme");
            record.done();
        }
    }
};

// What is gone at the source, gone at the platform.
inline std::string patch_of(const WriteRecord& record) {
    syncline::json::Writer patch;
    patch.begin_object();
    for (const std::string_view name : record.unset_fields()) patch.key(name).null();
    return patch.end_object().take();
}

struct OrderModel;
struct Total : syncline::Field<OrderModel, "total", std::string> {};  // money is text
struct Currency : syncline::Field<OrderModel, "currency", std::string> {};

using Order = syncline::Reads<Total, Currency>;

// ---- life.md, threads.md, errors.md, versions.md

class Listed final : public syncline::Connector {
    syncline::Status init(const syncline::Settings& settings) override {
        list_ = settings.text("list");
        if (list_.empty()) return Failure{SYNCLINE_E_CONFIG, "the list has no name"};
        return {};
    }

    std::string list_;
};

class Tally final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        written_ += batch.size();  // no lock: the calls of an instance never overlap
        const std::size_t before = written_;
        const auto response = co_await http::post("https://api.example.com/v1/tally", "{}");
        // Other batches may have been written meanwhile: `before` says how it was, not how it is.
        if (written_ != before) log(SYNCLINE_LOG_DEBUG, "other batches came in between");
        if (!response.is_success()) throw response.refusal("Acme");
        batch.rest_done();
    }

    std::size_t written_ = 0;
};

inline Failure why(const Response& response) {
    if (response.status() == 409)
        return {SYNCLINE_E_CONFLICT, "Acme has another user with this address", "duplicate"};
    const Failure refusal = response.refusal("Acme");  // by the status, with Retry-After
    // Acme answers 502 when a user was made and its greeting could not be sent.
    return response.status() == 502 ? refusal.with_possible_effect() : refusal;
}

class Choosy final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        const auto response = co_await http::post("https://api.example.com/v1/users", "{}");
        batch.rest_fail(why(response));
    }
};

// The maker of a struct may be older than these headers: `struct_size` says what it knew.
inline std::string_view parent_of(const syncline_write_record& record) {
    if (!SYNCLINE_HAS(syncline_write_record, &record, parent_key)) return {};
    return syncline::view(record.parent_key);
}

// ---- models.md, records.md

namespace event = syncline::event;
namespace json = syncline::json;

using event::EventType;

using Purchase = syncline::Reads<EventType, event::Total>;

inline std::string paid(const Purchase& purchase) {
    if (purchase.get<EventType>() != EventType::kPurchase) return "0";
    return purchase.get<event::Total>();
}

inline std::string made_profile() {
    json::Object body;
    syncline::put<profile::User>(body, "u1");
    syncline::put<profile::UpdatedAt>(body, "2026-01-02T03:04:05Z");
    std::string text = json::write(json::Value{body});
    return text;
}

// A source that is read page by page.
class UserList final : public syncline::Connector, public syncline::PageReader {
    syncline::Task<> read(syncline::Page& page) override {
        syncline::Url url{"https://api.example.com", "/users"};
        url.query("limit", page.records_max()).query("after", page.cursor());
        const auto response = co_await http::get(url.text());
        if (response.status() == 410) throw Failure{SYNCLINE_E_CURSOR_INVALID, "it is too old"};
        if (!response.is_success()) throw response.refusal("Shop");
        const auto* users = response.json().find_array("users");
        const std::string* next = response.json().find_string("next");
        if (users == nullptr || next == nullptr) throw response.malformed("Shop");
        for (const syncline::json::Value& user : *users) {
            const std::string body = syncline::json::write(user);
            page.emit({.key = user.text_or("id", ""), .body = body});
        }
        page.end(*next, !next->empty());
    }
};

// Asked before the account serves, and by its operator.
class Asked final : public syncline::Connector,
                    public syncline::CredentialChecker,
                    public syncline::StreamDiscoverer {
    Task<syncline::Status> check() override {
        const auto response = co_await http::get("https://api.example.com/me");
        if (!response.is_success()) co_return response.refusal("Shop");
        co_return syncline::Status{};
    }

    Task<std::vector<syncline::DiscoveredStream>> discover() override {
        const auto response = co_await http::get("https://api.example.com/objects");
        if (!response.is_success()) throw response.refusal("Shop");
        const auto* objects = response.json().array();
        if (objects == nullptr) throw response.malformed("Shop");
        std::vector<syncline::DiscoveredStream> streams;
        for (const syncline::json::Value& object : *objects) {
            syncline::DiscoveredStream stream;
            stream.name = object.text_or("name", "");
            stream.fields.push_back({.name = "id", .type = "string", .is_key = true});
            streams.push_back(stream);
        }
        co_return streams;
    }
};

// What a version hands to the next one.
class Heir final : public syncline::Connector, public syncline::StateKeeper {
  public:
    // Version 1 called it "user".
    static syncline::json::Value migrate_settings(syncline::json::Value settings) {
        const std::string* user = settings.find_string("user");
        if (user == nullptr) throw Failure{SYNCLINE_E_CONFIG, "there is no `login`"};
        syncline::json::Writer migrated;
        migrated.begin_object().member("login", *user).end_object();
        return *syncline::json::parse(migrated.take()).value;
    }

    syncline::State save() override { return {"heir.session", 2, session_}; }
    syncline::Status restore(const syncline::State& state) override {
        if (!state.is("heir.session", 2)) return syncline::unknown_state();
        if (state.bytes.size() != 32) return Failure{SYNCLINE_E_PLUGIN_BUG, "it is cut short"};
        session_ = state.bytes;
        return {};
    }

  private:
    std::string session_;
};

// Work at times of its own.
class Subscriber final : public syncline::Connector, public syncline::PeriodicWorker {
    Task<std::int64_t> work(std::int64_t) override {
        const auto response = co_await http::post("https://api.example.com/subscriptions/7", "");
        if (!response.is_success()) throw response.refusal("Shop");
        co_return now_ns() + 3600 * syncline::kSecondNs;
    }
};

using syncline::to_hex;

// A signature of the platform's own.
class Signing final : public syncline::Connector, public syncline::RequestSigner {
    syncline::Status sign(syncline::OutgoingRequest& request) override {
        const std::string time = std::to_string(now_ns() / syncline::kSecondNs);
        const std::string text = time + std::string{request.url()} + std::string{request.body()};
        request.set("X-Time", time);
        request.set("X-Signature", to_hex(secret("key").hmac(SYNCLINE_SHA256, text)));
        return {};
    }
};

}  // namespace pieces
