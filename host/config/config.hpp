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
#include <vector>

#include "core/error.hpp"
#include "core/secret.hpp"

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

struct Tls {                            // hub.tls; what is in the files is checked by `app`
    std::filesystem::path certificate;  // made absolute against the file's folder
    std::filesystem::path key;
    Position certificate_at, key_at;
};

struct Hub {
    std::filesystem::path data_dir;  // made absolute against the file's folder
    std::filesystem::path connectors_dir;
    std::string listen_address = "127.0.0.1";
    std::uint16_t listen_port = 8080;
    std::optional<Tls> tls;                // none: plain HTTP, on loopback unless `allow_plain`
    std::filesystem::path admin_socket;    // default: <data_dir>/admin.sock
    std::filesystem::path vault_key_file;  // opens the vault; empty: the key comes another way
    ServerLimits limits;
};

struct Account {
    std::string name;
    std::string connector;
    boost::json::object settings;
    Position at, connector_at, settings_at;
    std::map<std::string, Position> setting_positions;  // by JSON pointer, for schema violations
    bool is_sealed = false;  // a secret of its settings can't be opened: it can't work now
};

enum class VerifyScheme { kNone, kHmac, kBasic, kConnector };
enum class HmacAlgorithm { kSha1, kSha256 };
enum class SignatureEncoding { kHex, kBase64 };

struct VerifyRule {
    VerifyScheme scheme = VerifyScheme::kNone;
    // hmac; `preset: mapp` sets header X-HMAC, SHA-1, hex, no prefix; `preset: github`
    // X-Hub-Signature-256, SHA-256, `sha256=`
    HmacAlgorithm algorithm = HmacAlgorithm::kSha256;
    SignatureEncoding encoding = SignatureEncoding::kHex;
    std::string header;  // lower case
    std::string prefix;
    core::Secret key;  // never empty, but with the scheme `connector`
    // basic
    std::string username;
    core::Secret password;
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
    std::optional<Webhook> webhook;  // the same name on several connections is one route
    std::optional<Located> when;
    std::vector<Mapping> map;  // empty: the body goes out as it came
    Deliver deliver;
    std::vector<MappingTest> tests;
    Position at;
};

struct Config {
    std::filesystem::path file;
    Hub hub;
    std::map<std::string, Account> accounts;
    std::vector<Connection> connections;
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
