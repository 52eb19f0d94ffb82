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
#include "unit/auth/jose_vectors.hpp"
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
  "tls": {"certificate": "c.pem", "key": "k.pem", "client_ca": "a.pem"}, "allow_plain": false,
  "vault": {"key_file": "master.key"},
  "admin": {"listen": "unix:admin.sock"},
  "limits": {"connections_max": 1, "connections_per_ip_max": 0, "pending_bytes_max": 1048576,
             "unapplied_bytes_max": 1048576, "history_bytes_max": 0},
  "trial": {"share_percent": 10, "period_ms": 60000, "error_percent_max": 5,
            "call_limit_ms": 10000}},
"accounts": {
  "a": {"connector": "x", "settings": {"any": {"thing": [1]}}, "auth": {
    "scheme": "api_key", "header": "X-Key", "prefix": "p", "key": "k", "hosts": ["h"]}},
  "b": {"connector": "x", "secrets": {"any": "v"},
        "auth": {"scheme": "api_key", "query": "q", "key": "k", "hosts": ["h"]}},
  "c": {"connector": "x", "auth": {
    "scheme": "basic", "username": "u", "password": "p", "hosts": ["h"]}},
  "d": {"connector": "x", "auth": {"scheme": "bearer", "token": "t", "hosts": ["h"]}},
  "e": {"connector": "x", "auth": {
    "scheme": "oauth1", "consumer_key": "c", "consumer_secret": "s", "token": "t",
    "token_secret": "s", "method": "rsa-sha1", "realm": "r", "private_key": "${PEM}",
    "hosts": ["h"]}},
  "f": {"connector": "x", "auth": {
    "scheme": "aws_sigv4", "access_key_id": "a", "secret_access_key": "s", "session_token": "t",
    "region": "r", "service": "s3", "payload": "unsigned", "hosts": ["h"]}},
  "g": {"connector": "x", "auth": {
    "scheme": "azure_shared_key", "account": "a", "key": "a2V5", "version": "2021-12-02",
    "hosts": ["h"]}},
  "h": {"connector": "x", "auth": {
    "scheme": "hmac", "key": "k", "key_id": "i", "algorithm": "sha512", "encoding": "base64",
    "signed": "{body}", "headers": {"X-S": "{signature}"}, "hosts": ["h"]}},
  "i": {"connector": "x", "auth": {
    "scheme": "oauth2", "grant": "authorization_code", "token_url": "https://h/t",
    "client_id": "c", "client_secret": "s", "proof": "header", "request": "json",
    "client_id_name": "i", "client_secret_name": "s", "secret_header": "X-S",
    "secret_prefix": "p", "sends_grant_type": false, "scope": "a b", "parameters": {"a": "b"},
    "header": "X-T", "prefix": "p",
    "answer": {"format": "text", "token": "t", "refresh_token": "r", "life": "l",
               "default_life_s": 1},
    "authorize": {"url": "https://h/a", "parameters": {"a": "b"}, "redirect_url": "https://h/b",
                  "issuer": "https://h"},
    "hosts": ["h"]}},
  "j": {"connector": "x", "auth": {
    "scheme": "oauth2", "grant": "jwt_bearer", "token_url": "https://h/t", "client_id": "c",
    "client_secret": "s",
    "assertion": {"key": "${PEM}", "key_id": "k", "algorithm": "RS256", "issuer": "i",
                  "subject": "s", "audience": "a", "life_s": 1, "claims": {"any": {"thing": [1]}}},
    "hosts": ["h"]}},
  "k": {"connector": "x", "auth": {
    "scheme": "oauth2", "grant": "refresh_token", "token_url": "https://h/t", "client_id": "c",
    "proof": "none", "refresh_token": "r", "hosts": ["h"]}}},
"connections": {"c": {
  "from": {"account": "a", "stream": "s"}, "to": {"account": "a", "stream": "s"},
  "triggers": {"webhook": {
    "name": "w", "message_id": {"header": "X-Id"}, "success_status": 200, "body_bytes_max": 1,
    "answer": "query", "answer_from": "c", "answer_timeout_ms": 100, "late_status": 202,
    "answer_map": {"f": ".f"},
    "verify": [
      {"scheme": "hmac", "preset": "mapp", "key": "k"},
      {"scheme": "hmac", "preset": "github",
       "keys": [{"key": "k", "until": "2027-01-31T12:00:00Z", "name": "old"}, {"key": "l"}]},
      {"scheme": "hmac", "preset": "stripe", "tolerance_s": 1, "key": "k"},
      {"scheme": "hmac", "preset": "svix", "tolerance_s": 1, "keys": [{"key": "k"}]},
      {"scheme": "hmac", "algorithm": "sha1", "header": "X-H", "encoding": "hex", "prefix": "p",
       "separator": ",", "signs": "{body}", "timestamp": {"header": "X-T", "tolerance_s": 1},
       "key": "k"},
      {"scheme": "hmac", "algorithm": "sha512", "header": "X-H", "encoding": "base64url",
       "timestamp": {"parameter": "t", "tolerance_s": 1}, "keys": [{"key": "k"}]},
      {"scheme": "hmac", "algorithm": "sha256", "header": "X-H", "encoding": "hex",
       "timestamp": {"header": "X-T"}, "nonce_header": "X-N", "key": "k"},
      {"scheme": "api_key", "header": "X-K", "prefix": "p", "key": "k"},
      {"scheme": "api_key", "header": "X-K", "keys": [{"key": "k"}]},
      {"scheme": "api_key", "query": "key", "key": "k"},
      {"scheme": "api_key", "query": "key", "keys": [{"key": "k"}]},
      {"scheme": "address", "allow": ["10.0.0.0/8"]},
      {"scheme": "http_signature", "preset": "copernica", "account": "a", "tolerance_s": 1,
       "public_key": "k.pem"},
      {"scheme": "http_signature", "preset": "copernica", "account": "a",
       "public_keys": [{"public_key": "k.pem", "until": "2027-01-31T12:00:00Z", "name": "old"}]},
      {"scheme": "basic", "username": "u", "password": "p"},
      {"scheme": "basic", "username": "u",
       "passwords": [{"password": "p", "until": "2027-01-31T12:00:00Z", "name": "old"}]},
      {"scheme": "jwt", "algorithms": ["HS256"], "header": "X-Token", "prefix": "p", "issuer": "i",
       "audience": "a", "tolerance_s": 1, "key": "k"},
      {"scheme": "jwt", "algorithms": ["HS256"], "keys": [{"key": "k"}]},
      {"scheme": "jwt", "algorithms": ["RS256", "ES256"], "header": "X-Token", "prefix": "p",
       "issuer": "i", "audience": "a", "tolerance_s": 1, "public_key": "k.pem"},
      {"scheme": "jwt", "algorithms": ["EdDSA"], "issuer": "i", "audience": "a",
       "public_keys": [{"public_key": "k.pem", "until": "2027-01-31T12:00:00Z", "name": "old"}]},
      {"scheme": "jwt", "algorithms": ["ES256"], "issuer": "i", "audience": "a",
       "jwks_file": "k.json"},
      {"scheme": "jwt", "algorithms": ["ES256"], "issuer": "i", "audience": "a",
       "jwks_url": "https://a.example/keys"},
      {"scheme": "client_certificate", "subjects": ["CN=a"], "sans": ["DNS:a.example"],
       "fingerprints": ["0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"]},
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

// The way that `path` tells, all behind its end, and of lists and accounts on or beside it one
// item: a mistake there is judged as in the whole, in a fraction of the time.
json::value around(const json::value& value, std::string_view path, bool is_on_way = true,
                   std::string_view name = "") {
    if (is_on_way && path.empty()) return value;
    std::string_view next, rest;
    if (is_on_way) {
        path.remove_prefix(1);
        next = path.substr(0, path.find('/'));
        rest = path.substr(next.size());
    }
    if (value.is_array()) {
        json::array kept;
        for (std::size_t i = 0; i < value.get_array().size() && kept.empty(); ++i)
            if (!is_on_way || std::to_string(i) == next)
                kept.push_back(around(value.get_array()[i], rest, is_on_way));
        return kept;
    }
    if (!value.is_object()) return value;
    json::object kept;
    for (const auto& [key, inner] : value.get_object()) {
        const bool is_next = is_on_way && key == next;
        if (name == "accounts" && !(is_on_way ? is_next : kept.empty())) continue;
        kept[key] = around(inner, is_next ? rest : "", is_next, key);
    }
    return kept;
}

class Agreement {
  public:
    Agreement() : schema_(json::parse(schema())), whole_(json::parse(kEveryKey)) {
        valijson::SchemaParser parser;
        parser.populateSchema(BoostJsonAdapter{schema_}, compiled_);
        fixture_.source.variables["PEM"] = test::kRfc7515A2Pem;
    }

    const json::value& schema_document() const { return schema_; }
    const json::value& whole() const { return whole_; }

    bool schema_accepts(const json::value& value) {
        return validator_.validate(compiled_, BoostJsonAdapter{value}, nullptr);
    }

    // What depends on other places of the file is not the schema's to say.
    bool loader_accepts(const json::value& value) {
        loaded_ = fixture_.load(text_of(value));
        return std::all_of(loaded_.problems.begin(), loaded_.problems.end(), [](const auto& found) {
            return found.error.is(kUnknownAccount) || found.error.is(kRouteConflict) ||
                   found.error.is(kPlainListener) || found.error.is(kClientCaMissing) ||
                   found.error.is(kAnswerAmbiguous) || found.error.code().starts_with("auth.");
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
    valijson::Validator validator_;  // one for all: it keeps the patterns that it has compiled
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
    const auto judge = [&](const std::string& path, const std::string& what) {
        const json::value part = around(whole, path);
        const bool by_schema = agreement.schema_accepts(part);
        const bool by_loader = agreement.loader_accepts(part);
        ++(by_loader ? accepted : refused);
        if (by_schema == by_loader) return;
        disagreements.push_back(path + what +
                                (by_loader ? ": only the loader accepts it"
                                           : ": only the schema accepts it; " +
                                                 test::all_messages(agreement.loaded())));
    };
    agreement.walk(whole, agreement.schema_document(), "",
                   [&](json::value& at, const Agreement::Places& places, const std::string& path) {
                       const json::value kept = at;
                       for (const json::value& replacement : replacements(places)) {
                           at = replacement;
                           judge(path, " = " + text_of(replacement));
                       }
                       at = kept;
                       if (!at.is_object()) return;
                       for (const auto& [name, ignored] : kept.as_object()) {
                           at.get_object().erase(name);
                           judge(path, " without " + std::string{name});
                           at = kept;
                       }
                       at.get_object()[kNoKey] = 1;
                       judge(path, " with an unknown key");
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
    CHECK(maps == 22 + 15 + 33 + 3 + 3 + 3);
}

TEST_CASE("schema: defaults are those of the loader", "[config][schema]") {
    Agreement agreement;
    json::value whole = agreement.whole();
    // Everything that has a default, left away, and written as the schema has it.
    // It goes with `answer: query`, which is no default.
    whole.at("connections").at("c").at("triggers").at("webhook").as_object().erase("answer_map");
    // And a private key only with `method: rsa-sha1`.
    json::object& oauth1 = whole.at("accounts").at("e").at("auth").as_object();
    oauth1.erase("private_key");
    oauth1["method"] = "hmac-sha256";
    // And a client without a secret is only written.
    whole.at("accounts").as_object().erase("k");
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
    CHECK(defaults == 2 * (41 + 15));
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
        for (const VerifyRule& rule : connection.webhook->verify)
            if (rule.scheme == VerifyScheme::kJwt)
                out << ' ' << rule.header << ' ' << rule.prefix << ' ' << rule.tolerance.count();
        const auto credential = [&](const char* account) -> const auth::Credential& {
            return std::get<auth::Credential>(config.accounts.at(account).auth->credential);
        };
        const auto oauth2 = [&](const char* account) -> const OAuth2& {
            return std::get<OAuth2>(config.accounts.at(account).auth->credential);
        };
        const auth::TokenEndpoint& endpoint = oauth2("i").endpoint;
        out << ' ' << static_cast<int>(endpoint.proof) << static_cast<int>(endpoint.parameters)
            << static_cast<int>(endpoint.answer) << endpoint.sends_grant_type << ' '
            << endpoint.method << ' ' << endpoint.client_id_name << ' '
            << endpoint.client_secret_name << ' ' << endpoint.secret_header << ' '
            << endpoint.token_member << ' ' << endpoint.refresh_member << ' '
            << endpoint.life_member << ' ' << endpoint.default_life.count() << ' '
            << oauth2("i").header << ' ' << oauth2("i").prefix << ' '
            << oauth2("i").authorize->redirect_url << ' '
            << oauth2("j").assertion->options.life.count() << ' ';
        out << static_cast<int>(std::get<auth::OAuth1>(credential("e")).method)
            << static_cast<int>(std::get<auth::AwsSigV4>(credential("f")).payload);
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
        const auto& problems = agreement.loaded().problems;
        CHECK(std::count_if(problems.begin(), problems.end(), [](const Problem& problem) {
                  return problem.error.is(kPlainListener);
              }) == 1);
    }
}

TEST_CASE("schema: what the hub listens on is an address or a Unix socket", "[config][schema]") {
    Agreement agreement;
    for (const auto& [listen, is_good] : {std::pair{"127.0.0.1:8080", true},
                                          {"[::1]:0", true},
                                          {"unix:hub.sock", true},
                                          {"unix:", false},
                                          {"hub.sock", false},
                                          {"/run/hub.sock", false}}) {
        CAPTURE(listen);
        const json::value document{
            {"version", 1},
            {"hub", {{"data_dir", "d"}, {"connectors_dir", "c"}, {"listen", listen}}}};
        CHECK(agreement.schema_accepts(document) == is_good);
        CHECK(agreement.loader_accepts(document) == is_good);
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
