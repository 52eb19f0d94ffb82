// Any platform that can post JSON, as a source: the settings say where in a request the records are
// and what their keys are.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "syncline/connector.hpp"

namespace {

using syncline::Expression;
using syncline::Failure;
using syncline::parse_json;
using syncline::RecordSink;
using syncline::Status;
using syncline::WebhookRequest;
using syncline::json::Value;

constexpr std::size_t kKeyBytesMax = 1024;

// "application/json; charset=utf-8" is "application/json".
std::string media_type(const WebhookRequest& request) {
    const std::string_view header = request.header("Content-Type");
    std::string type{header.substr(0, header.find(';'))};
    while (!type.empty() && type.back() == ' ') type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return type;
}

bool is_lines(std::string_view type) {
    return type == "application/x-ndjson" || type == "application/ndjson" ||
           type == "application/jsonl" || type == "application/x-jsonlines";
}

// `curl -d` calls everything a form; what begins like this is none.
bool looks_like_json(std::string_view body) {
    const std::size_t begin = body.find_first_not_of(" \t\r\n");
    return begin != std::string_view::npos && (body[begin] == '{' || body[begin] == '[');
}

// The fields of a form or a query; one that is repeated is a list.
Value object_of(std::string_view encoded) {
    syncline::json::Object object;
    for (auto& [name, text] : syncline::query_parameters(encoded)) {
        const auto is_same = [&](const auto& member) { return member.name == name; };
        const auto known = std::find_if(object.begin(), object.end(), is_same);
        if (known == object.end()) {
            object.push_back({std::move(name), Value{std::move(text)}});
            continue;
        }
        const syncline::json::Array* list = known->value.array();
        syncline::json::Array longer =
            list != nullptr ? *list : syncline::json::Array{known->value};
        longer.emplace_back(std::move(text));
        known->value = Value{std::move(longer)};
    }
    return Value{std::move(object)};
}

// `pointer` as people see it.
std::string place(const std::string& pointer) {
    return pointer.empty() ? "the top" : pointer;
}

struct KeyExpression {
    std::string expr;

    static constexpr auto settings() {
        return std::tuple{syncline::setting("expr", &KeyExpression::expr,
                                            "Expression over a record: its result is the key")};
    }
};

struct WebhookSettings {
    syncline::TextOr<KeyExpression> key;
    std::string records;
    std::optional<std::string> delete_when;

    static constexpr auto settings() {
        using Own = WebhookSettings;
        return std::tuple{
            syncline::setting(
                "key", &Own::key,
                "Where a record's key is: a JSON Pointer as /id, or {expr: EXPRESSION}",
                {.pattern = "^/"}),
            syncline::setting(
                "records", &Own::records,
                "JSON Pointer to the record or to a list of them; without it, the whole body",
                {.preset = "", .pattern = "^(/.*)?$"}),
            syncline::setting(
                "delete_when", &Own::delete_when,
                "Expression over a record: where it is true, the record is a deletion"),
        };
    }
};

class Webhook final : public syncline::Configured<WebhookSettings>,
                      public syncline::WebhookReceiver {
    Status configure(WebhookSettings& settings) override {
        if (const auto* key = std::get_if<KeyExpression>(&settings.key)) {
            key_expression_ = compile(key->expr);
        } else {
            key_ = std::get<std::string>(settings.key);
        }
        if (settings.delete_when) delete_when_ = compile(*settings.delete_when);
        return {};
    }

    Status translate(const WebhookRequest& request, RecordSink& records) override {
        const std::string type = media_type(request);
        if (request.method() == "GET") {
            translate_document(object_of(request.query()), "", records);
        } else if (type == "application/x-www-form-urlencoded" &&
                   !looks_like_json(request.body())) {
            translate_document(object_of(request.body()), "", records);
        } else if (is_lines(type)) {
            translate_lines(request.body(), records);
        } else {
            translate_document(parse_json(request.body()), "", records);
        }
        return {};
    }

    void translate_lines(std::string_view body, RecordSink& records) const {
        for (std::size_t number = 1; !body.empty(); ++number) {
            const std::string_view line = body.substr(0, body.find('\n'));
            body.remove_prefix(std::min(line.size() + 1, body.size()));
            if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
            const std::string where = "line " + std::to_string(number) + ": ";
            translate_document(parse_json(line, where), where, records);
        }
    }

    void translate_document(const Value& document, const std::string& where,
                            RecordSink& records) const {
        const std::string& pointer = settings().records;
        const Value* found = document.at(pointer);
        if (found == nullptr)
            throw Failure{SYNCLINE_E_PERMANENT, where + "nothing at " + place(pointer)};
        if (found->array() == nullptr) return add(*found, where, records);
        std::size_t number = 1;
        for (const Value& record : *found->array())
            add(record, where + "record " + std::to_string(number++) + ": ", records);
    }

    // Failures begin with `where`.
    void add(const Value& record, const std::string& where, RecordSink& records) const {
        if (record.object() == nullptr)
            throw Failure{SYNCLINE_E_PERMANENT, where + "a record is a JSON object"};
        const std::string body = syncline::json::write(record);
        try {
            const std::string key = key_of(record, body);
            const bool is_gone = delete_when_ && delete_when_.is_true(body);
            records.add({"records", is_gone ? SYNCLINE_DELETE : SYNCLINE_UPSERT, key, body});
        } catch (const Failure& failure) {
            throw Failure{failure.failure_class, where + failure.message};
        }
    }

    std::string key_of(const Value& record, const std::string& body) const {
        const std::string place = key_expression_ ? "the expression of `key`" : key_;
        const Value made = key_expression_ ? key_expression_.evaluate(body) : Value{};
        const Value* found = key_expression_ ? &made : record.at(key_);
        const auto no_key = [](std::string words) {
            return Failure{SYNCLINE_E_PERMANENT, std::move(words)};
        };
        if (found == nullptr) throw no_key("nothing at " + place);
        if (found->is_null()) throw no_key("null at " + place + ", where the key should be");
        std::string key;
        if (found->string() != nullptr) key = *found->string();
        if (found->int64() || found->uint64()) key = found->number()->text;
        if (key.empty()) throw no_key("a key is a text or an integer; see " + place);
        if (key.size() > kKeyBytesMax) throw no_key("the key at " + place + " is too long");
        return key;
    }

    std::string key_;
    Expression key_expression_, delete_when_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Webhook, R"json({
  "id": "webhook",
  "version": "0.1.0",
  "name": "Webhook",
  "summary": "Receives records as JSON, lines of JSON or forms from anybody",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 0},
  "style": "async",
  "unload": "supported",
  "capabilities": ["webhook"],
  "streams": [{"name": "records", "source": true, "destination": false}],
  "handshakes": [],
  "allowed_hosts": []
})json")
