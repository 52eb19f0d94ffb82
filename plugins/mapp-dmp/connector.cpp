// Mapp DMP, as a source: the "DIY integration" posts audience changes to one endpoint, with ?type=
// saying what they are.
//
// Mapp's documentation does not show the mutations' exact keys, so the reader is tolerant: names in
// any case, one user or a list of them, a user as text or as an object.
#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "syncline/connector.hpp"

namespace {

using syncline::Failure;
using syncline::put;
using syncline::Status;
using syncline::json::Object;
using syncline::json::Value;

namespace audience = syncline::audience;
namespace membership = syncline::membership;

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

// The first member that has one of the names, in any case. Null if there is none.
const Value* find(const Value& object, std::initializer_list<std::string_view> names) {
    if (object.object() == nullptr) return nullptr;
    for (const auto& [name, value] : *object.object()) {
        for (const std::string_view wanted : names) {
            if (same_name(name, wanted)) return &value;
        }
    }
    return nullptr;
}

// An id as text; "" if it is none. Mapp's ids are text, but numbers are as clear.
std::string id_of(const Value* value) {
    if (value == nullptr) return {};
    if (value->string() != nullptr) return *value->string();
    return value->int64() ? value->number()->text : std::string{};
}

// Makes a key of two ids: '/' separates them, so it is escaped within them, and distinct pairs stay
// distinct.
void append_escaped(std::string& key, std::string_view id) {
    for (const char c : id) {
        if (c == '%') {
            key += "%25";
        } else if (c == '/') {
            key += "%2F";
        } else {
            key += c;
        }
    }
}

Failure not_understood(std::string why) {
    return {SYNCLINE_E_PERMANENT, std::move(why)};
}

// What need not be there. The models have text in its place, so it can't be anything else.
std::optional<std::string> text_of(const Value* value, const std::string& where, const char* what) {
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (value->string() == nullptr && !value->int64())
        throw not_understood(where + what + " is no text");
    return id_of(value);
}

// Translates one request.
class Translation {
  public:
    Translation(const Value& body, syncline::RecordSink& records)
        : records_(records), body_(body), customer_(find(body, {"Customer"})) {}

    Status create_audience() {
        const std::string id = id_of(find(body_, {"Audience"}));
        if (id.empty()) return not_understood("CREATE_AUDIENCE names no audience");
        Object record;
        put<audience::Audience>(record, id);
        if (const auto name = text_of(find(body_, {"Name"}), "", "the audience's name"))
            put<audience::Name>(record, *name);
        if (customer_ != nullptr) put<audience::Customer>(record, *customer_);
        records_.add({"audiences", SYNCLINE_UPSERT, id, write(Value{std::move(record)})});
        return {};
    }

    Status mutations(syncline_operation operation) {
        const Value* mutations = find(body_, {"Mutation", "Mutations"});
        if (mutations == nullptr || mutations->array() == nullptr) {
            return not_understood("the body has no array 'Mutation'");
        }
        std::size_t index = 0;
        for (const Value& item : *mutations->array()) {
            if (Status status = mutation(item, operation, index++); !status.ok()) return status;
        }
        return {};
    }

  private:
    Status mutation(const Value& item, syncline_operation operation, std::size_t index) {
        const std::string where = "mutation " + std::to_string(index) + ": ";
        const std::string id = id_of(find(item, {"Audience"}));
        if (id.empty()) return not_understood(where + "no audience");
        if (const Value* type = find(item, {"Type"})) {
            if (!read_operation(id_of(type), operation))
                return not_understood(where + "unknown type");
        }
        const Value* users = find(item, {"Users", "User", "Uid", "UserId"});
        if (users == nullptr) return not_understood(where + "no user");
        if (users->array() == nullptr) return change(id, *users, operation, where);
        for (const Value& user : *users->array()) {
            if (Status status = change(id, user, operation, where); !status.ok()) return status;
        }
        return {};
    }

    Status change(const std::string& audience_id, const Value& user, syncline_operation operation,
                  const std::string& where) {
        const std::string id = id_of(user.object() != nullptr ? find(user, {"Id"}) : &user);
        if (id.empty()) return not_understood(where + "a user without an id");
        std::string key;
        append_escaped(key, audience_id);
        key += '/';
        append_escaped(key, id);
        Object record;
        put<membership::Audience>(record, audience_id);
        put<membership::User>(record, id);
        if (const auto type = text_of(find(user, {"Type"}), where, "a user's type"))
            put<membership::UserType>(record, *type);
        if (customer_ != nullptr) put<membership::Customer>(record, *customer_);
        const std::string body = write(Value{std::move(record)});
        // Where audiences are carried over, too, the audience goes first.
        syncline::Record made{"audience_memberships", operation, key, body};
        made.parent_stream = "audiences";
        made.parent_key = audience_id;
        records_.add(made);
        return {};
    }

    static bool read_operation(std::string_view type, syncline_operation& operation) {
        const bool is_add = same_name(type, "ADD") || same_name(type, "ADD_TO_AUDIENCE");
        const bool is_remove = same_name(type, "REMOVE") || same_name(type, "REMOVE_FROM_AUDIENCE");
        operation = is_add ? SYNCLINE_UPSERT : SYNCLINE_DELETE;
        return is_add || is_remove;
    }

    syncline::RecordSink& records_;
    const Value& body_;
    const Value* customer_;
};

class MappDmp final : public syncline::Configured<syncline::NoSettings>,
                      public syncline::WebhookReceiver {
    Status handshake(const syncline::WebhookRequest&, syncline::WebhookReply& reply) override {
        reply.status = 200;
        return {};
    }

    Status translate(const syncline::WebhookRequest& request,
                     syncline::RecordSink& records) override {
        const Value body = syncline::parse_json(request.body());
        const std::string type = request.query("type").value_or(id_of(find(body, {"Type"})));
        Translation translation{body, records};
        if (type == "ADD_TO_AUDIENCE") return translation.mutations(SYNCLINE_UPSERT);
        if (type == "REMOVE_FROM_AUDIENCE") return translation.mutations(SYNCLINE_DELETE);
        if (type == "CREATE_AUDIENCE") return translation.create_audience();
        return not_understood("the type '" + type + "' is not known");
    }

    // Mapp waits for the id of a new audience; anything but 200 tells its user what went wrong.
    Status answer(const syncline::WebhookRequest& request, const syncline::Answer& outcome,
                  syncline::WebhookReply& reply) override {
        if (request.query("type") != "CREATE_AUDIENCE")
            return syncline::Failure{SYNCLINE_E_UNSUPPORTED, "the host's words will do"};
        std::string id, problem;
        for (std::size_t i = 0; i < outcome.size(); ++i) {
            const syncline::AnswerRecord record = outcome[i];
            id = record.destination_key().empty() ? record.key() : record.destination_key();
            if (record.kind() == SYNCLINE_ANSWER_FAILED) problem = record.failure().message;
            if (record.kind() == SYNCLINE_ANSWER_FILTERED)
                problem = "This audience is not wanted at the destination.";
        }
        if (outcome.size() == 0) problem = "There is no destination for audiences.";
        syncline::json::Writer body;
        body.begin_object();
        problem.empty() ? body.member("id", id) : body.member("error", problem);
        reply.status = problem.empty() ? 200 : 422;
        reply.content_type = "application/json";
        reply.body = body.end_object().take();
        return {};
    }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(MappDmp, R"json({
  "id": "mapp-dmp",
  "version": "0.1.0",
  "name": "Mapp DMP",
  "summary": "Receives audiences and their members from Mapp DMP's DIY integration",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 0},
  "style": "async",
  "unload": "supported",
  "capabilities": ["webhook"],
  "streams": [
    {"name": "audience_memberships", "model": "membership/1", "source": true, "destination": false},
    {"name": "audiences", "model": "audience/1", "source": true, "destination": false}
  ],
  "handshakes": [{"methods": ["GET", "POST"], "query": {"type": "VALIDATE"}}],
  "webhook": {
    "success_status": 200,
    "answered": [{"methods": ["POST"], "query": {"type": "CREATE_AUDIENCE"}}]
  },
  "allowed_hosts": []
})json")
