// The schema and the loader say the same: every mistake that the schema knows of is made, one at a
// time, in a configuration that has every key, and both have to agree on each.
#include "config/schema.hpp"

#include <boost/json.hpp>
#include <functional>
#include <set>
#include <sstream>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

namespace json = boost::json;
using valijson::adapters::BoostJsonAdapter;

constexpr std::string_view kNoKey = "qqqqqqqqqqqq";

const char* const kEveryKey = R"({
"version": 1,
"hub": {
  "data_dir": "data", "connectors_dir": "connectors", "listen": "127.0.0.1:8080",
  "tls": {"certificate": "c.pem", "key": "k.pem"}, "allow_plain": false,
  "vault": {"key_file": "master.key"},
  "admin": {"listen": "unix:admin.sock"},
  "limits": {"connections_max": 1, "connections_per_ip_max": 0, "pending_bytes_max": 1048576,
             "unapplied_bytes_max": 1048576, "history_bytes_max": 0}},
"accounts": {"a": {"connector": "x", "settings": {"any": {"thing": [1]}}}},
"connections": {"c": {
  "from": {"account": "a", "stream": "s"}, "to": {"account": "a", "stream": "s"},
  "triggers": {"webhook": {
    "name": "w", "message_id": {"header": "X-Id"}, "success_status": 200, "body_bytes_max": 1,
    "answer": "query", "answer_from": "c", "answer_timeout_ms": 100, "late_status": 202,
    "answer_map": {"f": ".f"},
    "verify": [
      {"scheme": "hmac", "preset": "mapp", "key": "k"},
      {"scheme": "hmac", "algorithm": "sha1", "header": "X-H", "encoding": "hex", "prefix": "p",
       "key": "k"},
      {"scheme": "basic", "username": "u", "password": "p"},
      {"scheme": "connector", "key": "k"}]}},
  "when": ".a", "map": {"f": ".f"},
  "deliver": {"batch_records": 1, "batch_bytes": 1, "batch_wait_ms": 0, "concurrency": 1,
              "attempts_max": 1, "retry_base_ms": 1, "retry_max_ms": 86400000, "timeout_ms": 1},
  "tests": [
    {"name": "n", "given": {"f": 1}, "expect": {"f": 1}},
    {"given": {}, "expect_filtered": true},
    {"given": {}, "expect_error": "text"}]}}
})";

// As the program writes numbers and texts; JSON is YAML.
std::string text_of(const json::value& value) {
    return json::serialize(value);
}

class Agreement {
  public:
    Agreement() : schema_(json::parse(schema())), whole_(json::parse(kEveryKey)) {
        valijson::SchemaParser parser;
        parser.populateSchema(BoostJsonAdapter{schema_}, compiled_);
    }

    const json::value& schema_document() const { return schema_; }
    const json::value& whole() const { return whole_; }

    bool schema_accepts(const json::value& value) const {
        valijson::Validator validator;
        return validator.validate(compiled_, BoostJsonAdapter{value}, nullptr);
    }

    // What depends on other places of the file is not the schema's to say.
    bool loader_accepts(const json::value& value) {
        loaded_ = fixture_.load(text_of(value));
        return std::all_of(loaded_.problems.begin(), loaded_.problems.end(), [](const auto& found) {
            return found.error.is(kUnknownAccount) || found.error.is(kRouteConflict) ||
                   found.error.is(kPlainListener) || found.error.is(kAnswerAmbiguous);
        });
    }
    const Loaded& loaded() const { return loaded_; }

    // Behind references and choices: what may describe this value.
    std::vector<const json::object*> alternatives(const json::value& about) const {
        const json::object& object = about.as_object();
        if (const json::value* reference = object.if_contains("$ref")) {
            const std::string_view target = reference->as_string();
            return alternatives(schema_.at("definitions")
                                    .at(target.substr(std::string_view{"#/definitions/"}.size())));
        }
        std::vector<const json::object*> found{&object};
        if (const json::value* choices = object.if_contains("anyOf"))
            for (const json::value& choice : choices->as_array())
                for (const json::object* inner : alternatives(choice)) found.push_back(inner);
        return found;
    }

    // Calls `visit` with every place of `value` (which can be changed there, and has to be put
    // back) and what the schema says of it.
    using Places = std::vector<const json::object*>;
    using Visit =
        std::function<void(json::value& at, const Places& about, const std::string& path)>;
    void walk(json::value& value, const json::value& about, const std::string& path,
              const Visit& visit) const {
        const Places places = alternatives(about);
        visit(value, places, path);
        if (value.is_object()) {
            std::vector<std::string> names;
            for (const auto& [name, ignored] : value.get_object()) names.emplace_back(name);
            for (const std::string& name : names)
                if (const json::value* inner = member(places, name, value.get_object()))
                    walk(value.get_object()[name], *inner, path + "/" + name, visit);
        }
        if (!value.is_array()) return;
        for (std::size_t i = 0; i < value.get_array().size(); ++i)
            for (const json::object* place : places)
                if (const json::value* items = place->if_contains("items"))
                    walk(value.get_array()[i], *items, path + "/" + std::to_string(i), visit);
    }

    // The alternative that describes an object with these keys.
    static const json::object* chosen(const Places& places, const json::object& value) {
        for (const json::object* place : places) {
            const json::value* properties = place->if_contains("properties");
            if (properties == nullptr) continue;
            if (std::all_of(value.begin(), value.end(), [&](const auto& member) {
                    return properties->as_object().contains(member.key());
                }))
                return place;
        }
        return nullptr;
    }

  private:
    static const json::value* member(const Places& places, const std::string& name,
                                     const json::object& value) {
        if (const json::object* place = chosen(places, value))
            return &place->at("properties").as_object().at(name);
        for (const json::object* place : places)
            if (const json::value* others = place->if_contains("additionalProperties");
                others != nullptr && others->is_object())
                return others;
        return nullptr;
    }

    json::value schema_, whole_;
    valijson::Schema compiled_;
    ConfigFixture fixture_;
    Loaded loaded_;
};

// Values of every kind, and those at and beyond the limits that the schema knows.
std::vector<json::value> replacements(const Agreement::Places& places) {
    std::vector<json::value> out{
        nullptr,           true,           false,        -1, 0, 5, 1.5, "", " ", "zzz", "a:b",
        "UPPER and blank", json::object{}, json::array{}};
    out.emplace_back(json::object{{kNoKey, 1}});
    out.emplace_back(json::array{"x"});
    out.emplace_back(std::string(63, 'n'));
    out.emplace_back(std::string(64, 'n'));
    out.emplace_back(std::string(256, 'n'));
    out.emplace_back(std::string(257, 'n'));
    for (const json::object* place : places) {
        for (const auto& [keyword, step] : {std::pair{"minimum", -1}, std::pair{"maximum", 1}})
            if (const json::value* limit = place->if_contains(keyword)) {
                out.push_back(*limit);
                out.emplace_back(limit->as_int64() + step);
            }
        if (const json::value* choices = place->if_contains("enum"))
            for (const json::value& choice : choices->as_array()) out.push_back(choice);
        if (const json::value* choice = place->if_contains("const")) out.push_back(*choice);
    }
    return out;
}

std::set<std::string> keys_of(const json::object& properties) {
    std::set<std::string> keys;
    for (const auto& [name, ignored] : properties) keys.emplace(name);
    return keys;
}

// The words between backquotes.
std::set<std::string> quoted_words(const std::string& text) {
    std::set<std::string> words;
    std::size_t begin = 0;
    while ((begin = text.find('`', begin)) != std::string::npos) {
        const std::size_t end = text.find('`', begin + 1);
        words.insert(text.substr(begin + 1, end - begin - 1));
        begin = end + 1;
    }
    return words;
}

// Every key that the schema describes, at any depth.
void each_property(const json::value& about,
                   const std::function<void(const std::string&, const json::value&)>& visit) {
    if (about.is_array())
        for (const json::value& item : about.get_array()) each_property(item, visit);
    if (!about.is_object()) return;
    for (const auto& [keyword, value] : about.get_object()) {
        if (keyword == "properties") {
            for (const auto& [name, property] : value.as_object()) {
                visit(std::string{name}, property);
                each_property(property, visit);
            }
        } else if (keyword != "dependencies") {  // those describe nothing anew
            each_property(value, visit);
        }
    }
}

}  // namespace

TEST_CASE("schema: what has every key is accepted by both", "[config][schema]") {
    Agreement agreement;
    CHECK(agreement.schema_accepts(agreement.whole()));
    CHECK(agreement.loader_accepts(agreement.whole()));
    INFO(test::all_messages(agreement.loaded()));
    CHECK(agreement.loaded().problems.empty());
    // And it has every key: what the schema knows beyond that is not loaded here.
    std::multiset<std::string> described, visited;
    each_property(agreement.schema_document(),
                  [&](const std::string& name, const json::value&) { described.insert(name); });
    std::set<const json::object*> seen;
    json::value whole = agreement.whole();
    agreement.walk(
        whole, agreement.schema_document(), "",
        [&](json::value& at, const Agreement::Places& places, const std::string&) {
            if (!at.is_object()) return;
            const json::object* place = Agreement::chosen(places, at.get_object());
            if (place == nullptr) return;
            for (const auto& [name, property] : place->at("properties").as_object())
                if (at.get_object().contains(name) && seen.insert(&property.as_object()).second)
                    visited.emplace(name);
        });
    CHECK(described == visited);
}

TEST_CASE("schema: both give the same verdict on every mistake", "[config][schema]") {
    Agreement agreement;
    json::value whole = agreement.whole();
    std::vector<std::string> disagreements;
    std::size_t refused = 0, accepted = 0;
    const auto judge = [&](const std::string& what) {
        const bool by_schema = agreement.schema_accepts(whole);
        const bool by_loader = agreement.loader_accepts(whole);
        ++(by_loader ? accepted : refused);
        if (by_schema == by_loader) return;
        disagreements.push_back(what + (by_loader ? ": only the loader accepts it"
                                                  : ": only the schema accepts it; " +
                                                        test::all_messages(agreement.loaded())));
    };
    agreement.walk(whole, agreement.schema_document(), "",
                   [&](json::value& at, const Agreement::Places& places, const std::string& path) {
                       const json::value kept = at;
                       for (const json::value& replacement : replacements(places)) {
                           at = replacement;
                           judge(path + " = " + text_of(replacement));
                       }
                       at = kept;
                       if (!at.is_object()) return;
                       for (const auto& [name, ignored] : kept.as_object()) {
                           at.get_object().erase(name);
                           judge(path + " without " + std::string{name});
                           at = kept;
                       }
                       at.get_object()[kNoKey] = 1;
                       judge(path + " with an unknown key");
                       at = kept;
                   });
    CHECK(disagreements == Found{});
    CHECK(refused > 500);
    CHECK(accepted > 100);
}

TEST_CASE("schema: both know the same keys", "[config][schema]") {
    Agreement agreement;
    json::value whole = agreement.whole();
    std::size_t maps = 0;
    agreement.walk(
        whole, agreement.schema_document(), "",
        [&](json::value& at, const Agreement::Places& places, const std::string& path) {
            if (!at.is_object()) return;
            const json::object* place = Agreement::chosen(places, at.get_object());
            if (place == nullptr) return;
            at.get_object()[kNoKey] = 1;
            CHECK_FALSE(agreement.loader_accepts(whole));
            at.get_object().erase(kNoKey);
            std::set<std::string> known;
            for (const Problem& problem : agreement.loaded().problems)
                if (problem.error.is(kUnknownKey)) known = quoted_words(problem.error.remedy());
            std::set<std::string> chosen = keys_of(place->at("properties").as_object()), all;
            for (const json::object* other : places)
                if (const json::value* properties = other->if_contains("properties"))
                    all.merge(keys_of(properties->as_object()));
            CAPTURE(path);
            CHECK(std::includes(known.begin(), known.end(), chosen.begin(), chosen.end()));
            CHECK(std::includes(all.begin(), all.end(), known.begin(), known.end()));
            ++maps;
        });
    CHECK(maps == 21);
}

TEST_CASE("schema: defaults are those of the loader", "[config][schema]") {
    Agreement agreement;
    json::value whole = agreement.whole();
    // Everything that has a default, left away, and written as the schema has it.
    // It goes with `answer: query`, which is no default.
    whole.at("connections").at("c").at("triggers").at("webhook").as_object().erase("answer_map");
    json::value without = whole, with = whole;
    std::size_t defaults = 0;
    const auto change = [&](json::value& document, bool writes) {
        agreement.walk(document, agreement.schema_document(), "",
                       [&](json::value& at, const Agreement::Places& places, const std::string&) {
                           if (!at.is_object()) return;
                           const json::object* place = Agreement::chosen(places, at.get_object());
                           if (place == nullptr) return;
                           for (const auto& [name, about] : place->at("properties").as_object()) {
                               const json::value* value = about.as_object().if_contains("default");
                               if (value == nullptr || !at.get_object().contains(name)) continue;
                               if (writes)
                                   at.get_object()[name] = *value;
                               else
                                   at.get_object().erase(name);
                               ++defaults;
                           }
                       });
    };
    change(without, false);
    change(with, true);
    CHECK(defaults == 2 * 20);
    const auto dump = [&](const json::value& document) {
        REQUIRE(agreement.loader_accepts(document));
        REQUIRE(agreement.loaded().config.has_value());
        const Config& config = *agreement.loaded().config;
        const ServerLimits& limits = config.hub.limits;
        const Connection& connection = config.connections.front();
        const Deliver& deliver = connection.deliver;
        std::ostringstream out;
        out << config.hub.listen_address << ' ' << config.hub.listen_port << ' '
            << limits.connections_max << ' ' << limits.connections_per_ip_max << ' '
            << limits.pending_bytes_max << ' ' << limits.unapplied_bytes_max << ' '
            << limits.history_bytes_max << ' ' << static_cast<int>(connection.webhook->answer)
            << ' ' << connection.webhook->answer_timeout.count() << ' '
            << connection.webhook->late_status << ' ' << connection.webhook->body_bytes_max << ' '
            << connection.webhook->verify[1].prefix << ' ' << deliver.batch_records << ' '
            << deliver.batch_bytes << ' ' << deliver.batch_wait.count() << ' '
            << deliver.concurrency << ' ' << deliver.attempts_max << ' '
            << deliver.retry_base.count() << ' ' << deliver.retry_max.count() << ' '
            << deliver.timeout.count();
        return out.str();
    };
    CHECK(dump(with) == dump(without));
    CHECK(dump(with) != dump(whole));
    // `allow_plain` shows in what is refused.
    whole.at("hub").as_object()["listen"] = "0.0.0.0:1";
    whole.at("hub").as_object().erase("tls");
    for (const bool is_written : {true, false}) {
        if (!is_written) whole.at("hub").as_object().erase("allow_plain");
        agreement.loader_accepts(whole);
        CHECK(agreement.loaded().problems.size() == 1);
    }
}

TEST_CASE("schema: every key says what it is, and every number its range and default",
          "[config][schema]") {
    Agreement agreement;
    std::size_t keys = 0;
    each_property(agreement.schema_document(),
                  [&](const std::string& name, const json::value& property) {
                      const json::object& about = property.as_object();
                      CAPTURE(name);
                      ++keys;
                      CHECK(about.contains("title"));
                      CHECK(about.contains("description"));
                      for (const json::object* place : agreement.alternatives(property)) {
                          const json::value* type = place->if_contains("type");
                          if (type == nullptr || *type != "integer") continue;
                          CHECK(place->contains("minimum"));
                          CHECK(place->contains("maximum"));
                          CHECK((about.contains("default") || name == "success_status"));
                      }
                  });
    CHECK(keys > 50);
}

TEST_CASE("schema: both refuse the same names of accounts and connections", "[config][schema]") {
    Agreement agreement;
    for (const char* section : {"accounts", "connections"}) {
        for (const std::string& name :
             {std::string{"b-2_"}, std::string{"Upper"}, std::string{"-b"}, std::string{},
              std::string(63, 'n'), std::string(64, 'n')}) {
            json::value whole = agreement.whole();
            json::object& entries = whole.at(section).as_object();
            const json::value entry = entries.begin()->value();
            entries[name] = entry;
            CAPTURE(section, name);
            CHECK(agreement.schema_accepts(whole) == agreement.loader_accepts(whole));
        }
    }
}

TEST_CASE("schema: a number may be a variable", "[config][schema]") {
    Agreement agreement;
    json::value whole = agreement.whole();
    whole.at("connections").at("c").at("deliver").as_object()["timeout_ms"] = "${PORT}";
    CHECK(agreement.schema_accepts(whole));
    CHECK(agreement.loader_accepts(whole));
}
