// The configuration: one YAML (or JSON) file -> validated, immutable structs.
//
// load() reports every problem of the file at once, each with file:line:column, a stable code and
// advice. Unknown keys are errors. `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `$${` and
// `${file:/path}` are replaced only inside string scalars, after parsing; `${secret:name}` is
// handed to the secret source like the others. What only a connector or an expression can judge is
// checked by `app` with the positions kept here.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/credential.hpp"
#include "auth/jws.hpp"
#include "config/oauth2.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/secret.hpp"
#include "record/locked_object.hpp"

namespace syncline::config {

struct Position {
    int line = 0;  // 1-based
    int column = 0;
};

// A text with the place where it begins.
struct Located {
    std::string text;
    Position at;
};

struct ServerLimits {  // hub.limits
    std::size_t connections_max = 4096;
    std::size_t connections_per_ip_max = 64;
    std::uint64_t pending_bytes_max = 8ull * 1024 * 1024 * 1024;  // quota of the backlog
    std::uint64_t unapplied_bytes_max = 64ull * 1024 * 1024;
    std::uint64_t history_bytes_max = 64ull * 1024 * 1024;  // 0 keeps none
};

struct Trial {                        // hub.trial, of new versions of connectors
    std::uint32_t share_percent = 0;  // of the keys; 0: none, they take over at once
    std::chrono::milliseconds period{60'000};
    std::uint32_t error_percent_max = 5;
    std::chrono::milliseconds call_limit{10'000};

    bool operator==(const Trial&) const = default;
};

struct Tls {                            // hub.tls; what is in the files is checked by `app`
    std::filesystem::path certificate;  // made absolute against the file's folder
    std::filesystem::path key;
    std::filesystem::path client_ca;  // empty: clients are not asked for certificates
    Position certificate_at, key_at, client_ca_at;
};

struct Hub {
    std::filesystem::path data_dir;  // made absolute against the file's folder
    std::filesystem::path connectors_dir;
    std::string listen_address = "127.0.0.1";
    std::uint16_t listen_port = 8080;
    std::filesystem::path listen_socket;   // made absolute; not empty: instead of address and port
    std::optional<Tls> tls;                // none: plain HTTP, on this machine unless `allow_plain`
    std::filesystem::path admin_socket;    // default: <data_dir>/admin.sock
    std::filesystem::path vault_key_file;  // opens the vault; empty: the key comes another way
    ServerLimits limits;
    Trial trial;
};

// How the hub shows a platform who it is; connectors never see it.
struct AccountAuth {
    std::variant<auth::Credential, OAuth2> credential;
    std::vector<std::string> hosts;  // that get it; empty: those of the account's settings
    Position at;
};

// A secret that the operator gives to a connector.
struct GivenSecret {
    core::Secret value;  // never empty
    Position at;
};

struct Account {
    std::string name;
    std::string connector;
    record::LockedObject settings;
    std::optional<AccountAuth> auth;
    // What the connector may read itself, by the manifest's names; what is in it is told nobody
    // else.
    std::map<std::string, GivenSecret, std::less<>> secrets;
    Position at, connector_at, settings_at;
    std::map<std::string, Position> setting_positions;  // by JSON pointer, for schema violations
    bool is_sealed = false;   // a secret of its settings can't be opened: it can't work now
    std::string digest;       // of all that is said of it: see digest.hpp
    std::string auth_digest;  // of `auth` alone; "" without
};

enum class VerifyScheme {
    kNone,
    kHmac,
    kBasic,
    kConnector,
    kApiKey,
    kAddress,
    kHttpSignature,
    kJwt,
    kClientCertificate,
};

// One of those that are valid at the same time.
struct VerifyKey {
    core::Secret value;                    // never empty, but with a file
    std::filesystem::path file;            // that has it, made absolute: of public keys
    std::optional<std::int64_t> until_ns;  // valid before that moment of wall-clock time
    std::string name;                      // "": it is called by its place, from 1
};

// What is meaningful depends on the scheme. What only its use can judge, such as the template of
// what is signed, is checked by `app`.
struct VerifyRule {
    VerifyScheme scheme = VerifyScheme::kNone;
    // basic: the passwords; connector: one or none; http_signature: files of public keys; jwt:
    // secrets or files of public keys, or none
    std::vector<VerifyKey> keys;

    // hmac, written or from a preset
    core::HmacDigest algorithm = core::HmacDigest::kSha256;
    core::TextEncoding encoding = core::TextEncoding::kHex;
    std::string header;  // lower case
    std::string prefix;
    std::string separator;
    std::string signs = "{body}";
    std::string timestamp_header, timestamp_parameter;  // one of them, or none
    std::chrono::seconds tolerance{300};
    bool has_standard_keys = false;  // `whsec_` and `whpk_`

    std::string nonce_header;  // hmac, http_signature; may be empty

    std::string username;            // basic
    std::string parameter;           // api_key, of the query; or `header`, with `prefix`
    std::vector<std::string> allow;  // address: as written
    std::string account;             // http_signature: Copernica's

    // jwt; with `header`, `prefix`, and `tolerance`
    std::vector<auth::JwsAlgorithm> algorithms;
    std::string issuer, audience;     // "": any
    std::filesystem::path jwks_file;  // where the keys are; or
    std::string jwks_url;             // https, or plain http of this machine

    // client_certificate: one that fits is enough
    std::vector<std::string> subjects;
    std::vector<std::string> sans;          // `DNS:` in lower case, `URI:` or `email:`
    std::vector<std::string> fingerprints;  // SHA-256 in lower-case hex

    std::string message_id_header;  // of the preset: the webhook's, when it names none
    bool is_whole = true;           // nothing of it was reported
    Position at;
};

struct Mapping {
    std::string field;
    Located expression;
};

// What a sender is answered with.
enum class AnswerMode {
    kReceived,   // that its event is durable
    kOutcome,    // what became of it at a destination
    kConnector,  // either, as the manifest of the source says
    kQuery,      // what a destination holds; nothing is stored
};

struct Webhook {
    std::string name;                // /hooks/<name>
    std::vector<VerifyRule> verify;  // all must hold; exactly one kNone when `verify: none`
    std::string message_id_header;   // lower case; "" : no deduplication
    int success_status = 0;  // 0: the default (202), unless the connector's manifest says otherwise
    std::size_t body_bytes_max = 1024 * 1024;
    AnswerMode answer = AnswerMode::kConnector;
    std::string answer_from;  // the connection; "" : several, and none was named
    std::chrono::milliseconds answer_timeout{10'000};
    int late_status = 504;            // or 202
    std::vector<Mapping> answer_map;  // kQuery; empty: as it is there
    bool is_sealed = false;  // a secret of `verify` can't be opened: nobody can be verified
    Position at, answer_at;  // answer_at: of `answer`, or the same as `at`
    std::string digest, verify_digest;  // of its description, and of `verify`: see digest.hpp
};

// `syncline test` maps `given` as delivery would and compares.
struct MappingTest {
    enum class Outcome { kMapped, kFiltered, kError };

    std::string name;           // may be empty
    boost::json::object given;  // the body of the source record
    Outcome outcome = Outcome::kMapped;
    boost::json::object expected;  // kMapped: the body that goes out
    std::string error_part;        // kError: what the error contains
    Position at;
};

struct Deliver {
    std::uint32_t batch_records = 100;
    std::uint32_t batch_bytes = 1024 * 1024;
    std::chrono::milliseconds batch_wait{1000};
    std::uint32_t concurrency = 4;  // batches in flight
    std::uint32_t attempts_max = 20;
    std::chrono::milliseconds retry_base{1000};
    std::chrono::milliseconds retry_max{15 * 60 * 1000};
    std::chrono::milliseconds timeout{60'000};  // of one batch
};

struct Endpoint {
    std::string account, stream;
    Position at;
};

struct Connection {
    std::string name;
    Endpoint from, to;
    bool has_triggers = false;       // otherwise it works when `syncline sync` is called
    std::optional<Webhook> webhook;  // the same name on several connections is one route
    std::optional<Located> when;
    std::vector<Mapping> map;  // empty: the body goes out as it came
    Deliver deliver;
    std::vector<MappingTest> tests;
    Position at;
    std::string digest;  // of all but `triggers` and `tests`: see digest.hpp
};

struct Config {
    std::filesystem::path file;
    Hub hub;
    std::map<std::string, Account> accounts;
    std::vector<Connection> connections;
    std::vector<core::Watch> watches;  // of all its secrets
};

// Where `${...}` comes from; implemented by the module `secret`, replaced in tests.
struct SecretSource {
    virtual ~SecretSource() = default;
    virtual std::optional<std::string> environment(const std::string& name) const = 0;
    virtual Result<std::string> file(const std::filesystem::path& path) const = 0;
    // Of the vault of this hub. `is_sealed`: there is such a secret, perhaps, but it can't be
    // opened now; the value is one that nobody can guess. Errors: those of module secret.
    struct VaultValue {
        std::string value;
        bool is_sealed = false;
    };
    virtual Result<VaultValue> vault(const Hub& hub, const std::string& name) const = 0;
};

struct Problem {
    Error error;  // where() is file:line:column
    Position at;
};

// Either a configuration without problems, or every problem found, in the order of the file.
struct Loaded {
    std::optional<Config> config;
    // What could be read in spite of the problems: for finding the others, never for running.
    std::optional<Config> draft;
    std::vector<Problem> problems;
};

// [any] Reads the file and nothing else (but what the source is asked for).
Loaded load(const std::filesystem::path& file, const SecretSource& secrets);

}  // namespace syncline::config
