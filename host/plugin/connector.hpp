// What the rest of the hub sees of connectors: manifests, generations, instances. The C ABI stays
// behind this header.
//
// Words: a *connector* is a shared library with an id; a *generation* is one loaded version of it,
// with a thread of its own; an *instance* is one account served by a generation.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/secret.hpp"
#include "record/record.hpp"

namespace syncline::plugin {

using Headers = std::vector<std::pair<std::string, std::string>>;

// ---- The manifest: JSON in an ELF note, read without running any code of the file

struct StreamSpec {
    std::string name;
    bool is_source = false;
    bool is_destination = false;
    std::uint32_t batch_records_max = 0;  // 0: no wish of the connector's
    bool is_mergeable = false;            // source: of records that wait, the newest will do
    bool takes_partial_updates = false;   // destination: told what changed and what is unset
    bool takes_ordered_batches = false;   // destination: a batch may repeat a key, in order
    bool can_fetch = false;
    std::uint32_t fetch_records_max = 1;
};

// Requests of one kind: all given conditions must hold.
struct RequestPattern {
    std::vector<std::string> methods;                        // empty: any
    std::vector<std::pair<std::string, std::string>> query;  // parameter = value
};

// A host that the connector wants to reach: a name or glob, or the name of a setting whose URL the
// operator wrote.
struct HostGrant {
    std::string host;
    std::string from_setting;
};

struct Manifest {
    std::string id;       // "mapp-dmp"
    std::string version;  // semantic version
    std::string name;     // "Mapp DMP"
    std::string summary;
    std::uint32_t abi_major = 0;
    std::uint32_t abi_draft = 0;
    std::uint32_t min_host_minor = 0;
    bool can_webhook = false;
    bool can_write = false;
    bool can_fetch = false;
    bool is_blocking = false;          // its calls wait; it has an instance for each of them
    bool verifies_webhooks = false;    // verify() is asked
    bool can_unload = true;            // false: the library stays mapped once loaded
    int webhook_success_status = 202;  // what the platform wants to hear
    std::vector<StreamSpec> streams;
    std::vector<RequestPattern> handshakes;  // the connector answers them, without effect
    std::vector<RequestPattern> answered;    // their senders wait for the outcome
    std::vector<HostGrant> allowed_hosts;
    std::vector<std::string> allowed_files;  // names of settings that name a file
    boost::json::object settings_schema;
    boost::json::object json;  // the whole manifest, for `connectors describe`

    // Null when there is none of that name.
    const StreamSpec* stream(std::string_view stream_name) const;
};

// ---- Calls

struct WebhookRequest {
    std::string method;
    std::string path;   // what follows /hooks/<name>, "" or starting with '/'
    std::string query;  // raw
    Headers headers;    // without those that authenticated the request
    std::string body;
    std::int64_t received_ns = 0;
};

struct WebhookReply {
    int status = 200;
    std::string content_type;
    std::string body;
};

// A connector's own words about a failure, with the closed set of classes of the ABI.
enum class FailureClass {
    kNone,
    kConfig,
    kAuthExpired,
    kAuthDenied,
    kRateLimited,
    kTransient,
    kPermanent,
    kNotFound,
    kConflict,
    kCursorInvalid,
    kCancelled,
    kDeadline,
    kUnsupported,
    kPluginBug,
    kHostBug,
    kStale,
};
std::string_view to_string(FailureClass failure_class);

struct Failure {
    FailureClass failure_class = FailureClass::kNone;
    std::string message;
    std::string provider_code;         // the platform's own code, if any
    std::int64_t retry_after_ms = -1;  // -1: not given
};

struct Translation {
    Failure failure;  // kNone: `records` holds
    std::vector<record::Record> records;
};

struct WriteRecord {
    record::Operation operation = record::Operation::kUpsert;
    std::string key;              // the source key
    std::string body;             // JSON, after mapping
    std::string destination_key;  // "" when not known yet
    bool was_delivered = false;   // an earlier version reached the destination
    bool is_complete = true;      // all of the body counts; otherwise what the lists name
    bool is_unknown = false;      // an earlier attempt may have had its effect
    std::vector<std::string> changed_fields{}, unset_fields{};
    std::string parent_key{};       // the destination's key of the parent
    std::string idempotency_key{};  // of this record, whatever the attempt
};

struct WriteBatch {
    std::string stream;
    std::vector<WriteRecord> records;  // of different keys, unless the stream takes ordered batches
    std::chrono::milliseconds timeout{60'000};
};

enum class OutcomeKind {
    kDone,
    kNotAttempted,  // surely had no effect
    kUnknown,       // may have had its effect
    kFailed,        // surely had no effect; `failure` says why
};

struct Outcome {
    OutcomeKind kind = OutcomeKind::kUnknown;
    Failure failure;
    std::string destination_key;
    std::string reply;  // JSON for whoever waits for an answer
};

// A response of the platform, as much of it as helps to understand a failure: nothing of what was
// sent but method and URL, nothing of the headers but the type, no secret of the settings.
struct PlatformAnswer {
    std::string request;  // "POST https://api.example.com/v1/users", without user and query
    int status = 0;
    std::string content_type;
    std::string body;              // the first kAnswerBodyBytesMax; what is not UTF-8 as \xNN
    std::uint64_t body_bytes = 0;  // of the whole
};
inline constexpr std::size_t kAnswerBodyBytesMax = 4096;

// An id that the connector mapped; an empty value maps to nothing.
struct IdMapping {
    std::string name_space, key, value;
};

struct WriteResult {
    std::vector<Outcome> outcomes;  // one for each record of the batch, in its order
    // The last response that arrived on behalf of the batch. Null when none did, and when every
    // record is done.
    std::shared_ptr<const PlatformAnswer> answer{};
    std::vector<IdMapping> ids{};      // to be kept together with the results
    std::function<void()> ids_kept{};  // to be called when IdMap::get() knows them; may be empty
};

// ---- Reading by key

struct FetchRequest {
    std::string key;
    std::string parameters;  // JSON, an object, or empty
};

struct FetchBatch {
    std::string stream;
    std::vector<FetchRequest> requests;
    std::chrono::milliseconds timeout{60'000};
};

enum class FetchKind { kFound, kAbsent, kFailed };

struct FetchResult {
    FetchKind kind = FetchKind::kFailed;
    std::string body;  // kFound: JSON
    Failure failure;   // kFailed
};

// ---- Answers for senders who wait for the outcome

enum class AnswerKind { kDelivered = 1, kUnchanged, kFiltered, kSuperseded, kFailed };

struct AnswerRecord {
    AnswerKind kind = AnswerKind::kFailed;
    std::string stream, key;
    std::string destination_key;
    std::string reply;  // JSON, or empty
    Failure failure;    // kFailed
};

struct Answer {
    std::string event;  // its id
    std::vector<AnswerRecord> records;
};

// ---- What the plugin module needs from outside; bound by app, so that tests need no network

struct HttpRequest {
    std::string method, url;
    Headers headers;
    std::string body;
    std::chrono::milliseconds timeout{30'000};
};

struct HttpReply {
    bool has_response = false;
    int status = 0;
    Headers headers;  // names in lower case
    std::string body;
    Failure failure;  // when there is no response
    bool may_have_been_processed = false;
};

// Concurrency: all methods [any].
struct HttpTransport {
    virtual ~HttpTransport() = default;
    // Completes exactly once, on any thread, never from inside the call. Returns an id for
    // cancel(), never 0.
    virtual std::uint64_t send(HttpRequest request, std::function<void(HttpReply)> done) = 0;
    virtual void cancel(std::uint64_t id) = 0;
};

// Expressions of connectors. Concurrency: [any].
struct Expressions {
    // Evaluates over a JSON text; the result is JSON.
    using Program = std::function<Result<std::string>(std::string_view input_json)>;
    virtual ~Expressions() = default;
    virtual Result<Program> compile(std::string_view text) = 0;
};

// Files that connectors append to. Concurrency: all methods [any].
struct FileAppender {
    virtual ~FileAppender() = default;
    // Completes exactly once, on any thread, never from inside the call, after the bytes are
    // durable. Appends to one file are done in order. False, and no completion, when too much is
    // waiting for the disk.
    virtual bool append(std::filesystem::path file, std::string bytes,
                        std::function<void(Result<void>)> done) = 0;
};

// The id map of one account. Concurrency: [any].
struct IdMap {
    virtual ~IdMap() = default;
    // The values in the order of the keys, "" for one that is not mapped. Completes exactly once,
    // on any thread, never from inside the call.
    virtual void get(std::string name_space, std::vector<std::string> keys,
                     std::function<void(Result<std::vector<std::string>>)> done) = 0;
};

struct InstanceOptions {
    std::string account;                  // for logs
    boost::json::object settings;         // validated against the manifest's schema by start()
    std::shared_ptr<HttpTransport> http;  // of this account
    // Of a blocking connector: how many operations may be under way at once, at most 16.
    std::uint32_t concurrency = 4;
    // Null: connectors find no such service.
    std::shared_ptr<Expressions> expressions{};
    std::shared_ptr<FileAppender> files{};
    std::shared_ptr<IdMap> ids{};  // of this account
};

// ---- Instances and generations

// One account on one generation. Calls are queued to the generation's thread; completions run on
// that thread and must not block. Every call completes exactly once, also when the instance is
// stopped meanwhile. When the generation's thread is stuck in the connector, completions run on the
// catalog's own thread instead; after the catalog's end, inside the call. Concurrency: [any].
class Instance {
  public:
    virtual ~Instance() = default;
    virtual const Manifest& manifest() const = 0;

    virtual void handshake(WebhookRequest request,
                           std::function<void(Failure, WebhookReply)> done) = 0;
    // Translates events in order; one translation each. No I/O happens.
    virtual void translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                           std::function<void(std::vector<Translation>)> done) = 0;
    // Writes one batch. Past the timeout the host cancels; what then has no outcome is kUnknown.
    virtual void write(WriteBatch batch, std::function<void(WriteResult)> done) = 0;

    // What a connector need not have; without, the calls complete with kUnsupported.
    // Reads one batch by key; one result for each request.
    virtual void fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done);
    // Is the request authentic by the platform's own scheme? kNone: it is. The secret may be empty.
    virtual void verify(WebhookRequest request, core::Secret secret,
                        std::function<void(Failure)> done);
    // Words the answer for a sender who waits for the outcome.
    virtual void answer(WebhookRequest request, Answer outcome,
                        std::function<void(Failure, WebhookReply)> done);

    // How often the connector broke a rule of the interface.
    virtual std::uint64_t misbehaviours() const { return 0; }

    // Cancels what is open, lets the connector report `stopped`, destroys. Completes once, after
    // every other completion. Past the deadline the generation is marked stuck and never unloaded.
    virtual void stop(std::chrono::milliseconds deadline, std::function<void()> stopped) = 0;
};

// All connectors found in a directory, loaded from private copies.
class Catalog {
  public:
    struct Options {
        std::filesystem::path connectors_dir;
        // For private copies; made with mode 0700, emptied at open. Empty: the catalog only tells
        // what there is, and start() must not be called.
        std::filesystem::path stage_dir;
        const core::Clock* clock = nullptr;
        // How long one call into a connector may take before its thread counts as stuck: an
        // asynchronous connector waits for nothing, so this is far more than it needs.
        std::chrono::milliseconds call_limit{60'000};
        // How long a connector has to end an operation that it was asked to cancel.
        std::chrono::milliseconds cancel_grace{5'000};
    };
    // A file that was refused: everything else goes on.
    struct Refusal {
        std::filesystem::path file;
        Error error;
    };

    // Scans without running code. Errors: `plugin.directory_unreadable`, `plugin.stage_failed`.
    static Result<std::unique_ptr<Catalog>> open(Options options);
    // Stops the instances that are left and unloads what can be unloaded. Not on a generation's
    // thread.
    virtual ~Catalog() = default;

    virtual std::vector<Manifest> manifests() const = 0;
    virtual const std::vector<Refusal>& refusals() const = 0;
    // Null when there is none. Valid while the catalog lives.
    virtual const Manifest* find(std::string_view id) const = 0;
    // What to say of an id that find() does not know: `plugin.unknown_connector`, with what there
    // is and what was refused.
    virtual Error unknown(std::string_view id) const = 0;

    // Loads the connector if needed (dlopen, on the generation's thread) and starts an instance.
    // Errors: `plugin.unknown_connector` (lists what there is and what was refused),
    // `plugin.settings_invalid`, `plugin.load_failed`, `plugin.start_failed`.
    virtual Result<std::shared_ptr<Instance>> start(std::string_view id,
                                                    InstanceOptions options) = 0;
};

// Reads and checks one file as the catalog would, without running code: `connectors describe FILE`.
Result<Manifest> read_manifest(const std::filesystem::path& file);

// Checks settings against a manifest's JSON Schema. The error lists every violation as `/pointer:
// sentence`.
Result<void> check_settings(const Manifest& manifest, const boost::json::object& settings);

}  // namespace syncline::plugin
