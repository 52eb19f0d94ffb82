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
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "core/secret.hpp"
#include "plugin/data_contract.hpp"
#include "plugin/subject.hpp"
#include "record/locked_object.hpp"
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
    bool reads_full = false;         // source: page by page, every record
    bool reads_incremental = false;  // source: page by page, what has changed
    std::uint32_t read_records_max = 1000;
    std::uint32_t batch_bytes_max = 0;  // destination: of the bodies; 0: no wish of the connector's
    std::string model{};                // "profile/1": what its records are; "" for anything

    bool operator==(const StreamSpec&) const = default;
};

// Requests of one kind: all given conditions must hold.
struct RequestPattern {
    std::vector<std::string> methods;                        // empty: any
    std::vector<std::pair<std::string, std::string>> query;  // parameter = value

    bool operator==(const RequestPattern&) const = default;
};

// A host that the connector wants to reach: a name or glob, or the name of a setting whose URL the
// operator wrote.
struct HostGrant {
    std::string host;
    std::string from_setting;

    bool operator==(const HostGrant&) const = default;
};

// A secret that the connector reads itself, with the reason for the operator.
struct SecretNeed {
    std::string name;
    std::string reason;
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
    bool can_read = false;
    bool can_check = false;                  // whether the account's credentials are good
    bool can_migrate = false;                // settings of older versions
    bool can_keep_state = false;             // from one version to the next
    bool can_work = false;                   // at times of its own
    bool signs_requests = false;             // in a way of the platform's own
    bool can_discover = false;               // which streams and fields the account has
    bool is_blocking = false;                // its calls wait; it has an instance for each of them
    bool verifies_webhooks = false;          // verify() is asked
    std::vector<std::string> proof_headers;  // what verify() looks at, which is not stored
    std::vector<std::string> proof_parameters;  // the same of the query
    bool can_unload = true;                     // false: the library stays mapped once loaded
    int webhook_success_status = 202;           // what the platform wants to hear
    std::vector<StreamSpec> streams;
    std::vector<RequestPattern> handshakes;  // the connector answers them, without effect
    std::vector<RequestPattern> answered;    // their senders wait for the outcome
    std::vector<HostGrant> allowed_hosts;
    std::vector<std::string> allowed_files;  // names of settings that name a file
    std::vector<SecretNeed> secrets;
    DataContract data;  // which identities it gets, and how fast its requests may be
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
    Subject subject{};  // none before the event is durable
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
    Subject subject{};
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
    Subject subject{};       // the record that it is for
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

// ---- Reading by pages

struct ReadRequest {
    std::string stream;
    std::string cursor;  // "" for the beginning, otherwise what an earlier page ended with
    bool is_full = true;
    std::uint32_t records_max = 1000;  // a hint for the connector
    std::chrono::milliseconds timeout{60'000};
};

struct ReadResult {
    Failure failure;  // kNone: the page is whole
    std::vector<record::Record> records;
    std::string cursor;     // where the next page begins, or the next incremental run
    bool has_more = false;  // then the cursor is another than that of the request, and not empty
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

// ---- Work at times of the connector's own

struct WorkResult {
    Failure failure;                            // kNone: the turn is done
    std::optional<std::int64_t> next_due_ns{};  // none: at the next start
};

// ---- What a version hands to the next one

struct HandedState {
    std::string schema_id;  // which form the bytes have
    std::uint32_t version = 0;
    std::string bytes;
};

struct SavedState {
    Failure failure;  // kNone: `state` holds
    HandedState state;
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

class OwnIds;
class Pacer;
struct ExaminedLibraries;
class FlightRecorder;

struct InstanceOptions {
    std::string account;                  // for logs
    record::LockedObject settings;        // validated against the manifest's schema by start()
    std::shared_ptr<HttpTransport> http;  // of this account
    // What the operator has given of the manifest's secrets, by name.
    std::map<std::string, core::Secret, std::less<>> secrets{};
    // Of a blocking connector: how many operations may be under way at once, at most 16.
    std::uint32_t concurrency = 4;
    // Null: connectors find no such service.
    std::shared_ptr<Expressions> expressions{};
    std::shared_ptr<FileAppender> files{};
    std::shared_ptr<IdMap> ids{};  // of this account
    // What connections use of it: a new version has to have these streams as they are.
    std::set<std::string> streams{};
    // Ids that were put and are not in `ids` yet; the catalog makes one for all instances that
    // serve the account, one after the other.
    std::shared_ptr<OwnIds> own_ids{};
    // Of the account's requests; made as `own_ids` is.
    std::shared_ptr<Pacer> pacer{};
    // What the version before has handed over; null for none, which is no failure.
    std::shared_ptr<const HandedState> state{};
};

// ---- Instances and generations

// One account, on whatever generation serves it. Calls are queued to the generation's thread;
// completions run on that thread and must not block. Every call completes exactly once, also when
// the instance is stopped meanwhile. When the generation's thread is stuck in the connector,
// completions run on the catalog's own thread instead; after the catalog's end, inside the call.
// Concurrency: [any].
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
    // Reads one page. Past the timeout the host cancels.
    virtual void read(ReadRequest request, std::function<void(ReadResult)> done);
    // Are the account's credentials good? kNone: they are.
    virtual void check(std::chrono::milliseconds timeout, std::function<void(Failure)> done);
    // Streams and fields of the account: JSON, [{"name", "title", "fields": [...]}].
    virtual void discover(std::chrono::milliseconds timeout,
                          std::function<void(Failure, std::string)> done);
    // One turn of the connector's own work. `due_ns`: none for the first one of the account.
    virtual void work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds timeout,
                      std::function<void(WorkResult)> done);
    // What the next version may go on with; the instance serves on.
    virtual void save_state(std::function<void(SavedState)> done);
    // Is the request authentic by the platform's own scheme? kNone: it is. The secret may be empty.
    virtual void verify(WebhookRequest request, core::Secret secret,
                        std::function<void(Failure)> done);
    // Words the answer for a sender who waits for the outcome.
    virtual void answer(WebhookRequest request, Answer outcome,
                        std::function<void(Failure, WebhookReply)> done);

    // How often the connector broke a rule of the interface.
    virtual std::uint64_t misbehaviours() const { return 0; }

    // How many calls had to be given up: cancelled at their deadline, they did not end.
    virtual std::uint64_t overdue() const { return 0; }

    // Cancels what is open, lets the connector report `stopped`, destroys. Completes once, after
    // every other completion. Past the deadline the generation is marked stuck and never unloaded.
    virtual void stop(std::chrono::milliseconds deadline, std::function<void()> stopped) = 0;
};

using Probe = std::function<Result<void>(const std::filesystem::path& library,
                                         const std::vector<InstanceOptions>& accounts,
                                         const std::stop_token& stop)>;

// What became of new versions since the start. [any]
struct SwapCounters {
    core::Counter taken, refused;
    core::Counter taken_back;  // after a trial, or by the operator
    core::Counter pinned;      // libraries that were to be unloaded and are still mapped
    core::Counter stuck;       // generations that were left with work open
};

// How a new version shows that it serves well before it serves alone.
struct TrialPolicy {
    std::uint32_t share_percent = 0;  // of the keys go to it; 0: no trial, it takes over at once
    std::chrono::milliseconds period{60'000};
    // Of what it is given it may fail so much more than the version in service.
    std::uint32_t error_percent_max = 5;
    // How long one call into it may take; calls that may block are judged by their deadlines.
    std::chrono::milliseconds call_limit{10'000};
};

// ---- What the operator sees

struct VersionStatus {
    std::string version, sha256_hex;
    std::string file;              // in the connectors directory
    std::uint64_t generation = 0;  // counts all versions that this process staged
};

struct TrialStatus {
    VersionStatus version;
    std::uint32_t share_percent = 0;
    std::uint64_t records = 0, errors = 0;  // that it was given, and of these failed
};

struct ConnectorStatus {
    std::string id;
    VersionStatus serving;
    std::vector<std::string> accounts;  // that it serves
    std::optional<TrialStatus> trial;
};

// What became of one file, or of a version that served.
struct SwapEvent {
    enum class Kind {
        kServes,     // in service
        kOnTrial,    // for a share of the keys
        kRefused,    // `why` says so; nothing has changed
        kTakenBack,  // the version before serves again, and this one is quarantined
        kWithdrawn,  // its trial ended without a verdict: something else was installed
    };
    std::uint64_t number = 0;  // of all events of this process, from 1
    Kind kind = Kind::kServes;
    std::int64_t at_ns = 0;
    std::string id, version, sha256_hex, file;
    std::string code, why;  // empty, or of the error
};
std::string_view to_string(SwapEvent::Kind kind);
inline constexpr std::size_t kSwapEventsMax = 128;  // the oldest goes

class VersionNotes;

// What an account is to become.
struct AccountWish {
    std::string connector;
    InstanceOptions options;
    // What start() or prepare() gave for it, of the same connector; null: there is none yet.
    std::shared_ptr<Instance> now;
};

// Accounts that have started, beside what serves; those that were not taken into service stop with
// this. The catalog has to live. Concurrency: with the rest of the catalog, one thread at a time.
class PreparedAccounts {
  public:
    virtual ~PreparedAccounts() = default;
    // One for each wish: `now`, where there is one.
    virtual std::vector<std::shared_ptr<Instance>> accounts() const = 0;
    // New calls go to what was prepared; calls in flight end where they began. Once; can't fail.
    virtual void take_over() = 0;
    // After take_over(): blocks until the instances that served before are idle, and stops them.
    // What does not end within the drain limit is cancelled. Ends soon when a stop is asked for.
    virtual void retire(const std::stop_token& stop) = 0;
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
        // How long one call into a connector may take before its thread counts as stuck: far more
        // than a call needs that waits for nothing, which is each of an asynchronous connector and
        // of a blocking one what webhooks ask for.
        std::chrono::milliseconds call_limit{60'000};
        // How long a connector has to end an operation that it was asked to cancel.
        std::chrono::milliseconds cancel_grace{5'000};
        // How long what is in flight has to end on a version that is replaced, before it is
        // cancelled; then the same to stop.
        std::chrono::milliseconds drain_limit{30'000};
        // Notes what connectors work on. Null: nobody does.
        std::shared_ptr<FlightRecorder> recorder{};
        // Looks in a process of its own whether a staged library loads and serves these accounts.
        // It ends soon when a stop is asked for. Empty: a new version is loaded without.
        Probe probe{};
        TrialPolicy trial{};
        // Null: nothing is known of earlier versions, and none are kept.
        std::shared_ptr<VersionNotes> versions{};
        // Of a catalog of the same directory: what has not changed since is not read again, but
        // taken from there. Null: every file is read.
        std::shared_ptr<ExaminedLibraries> examined{};
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
    // The libraries as open() read them, with all their bytes, when it only tells.
    virtual std::shared_ptr<ExaminedLibraries> examined() const = 0;
    // Null when there is none. Valid until the next refresh().
    virtual const Manifest* find(std::string_view id) const = 0;
    // What to say of an id that find() does not know: `plugin.unknown_connector`, with what there
    // is and what was refused.
    virtual Error unknown(std::string_view id) const = 0;

    // Loads the connector if needed (dlopen, on the generation's thread) and starts an instance.
    // Errors: `plugin.unknown_connector` (lists what there is and what was refused),
    // `plugin.settings_invalid`, `plugin.load_failed`, `plugin.start_failed`.
    virtual Result<std::shared_ptr<Instance>> start(std::string_view id,
                                                    InstanceOptions options) = 0;

    // Starts accounts, new ones and others' successors, beside what serves: tried in a process of
    // their own first, and all of them or none. Errors: those of start(), `plugin.probe_failed`.
    // Blocks; the same thread as refresh(), or one that it synchronises with.
    virtual Result<std::unique_ptr<PreparedAccounts>> prepare(std::vector<AccountWish> wishes,
                                                              const std::stop_token& stop) = 0;
    // The streams that connections use of an account from now on: see InstanceOptions. As
    // prepare().
    virtual void use_streams(const Instance& account, std::set<std::string> streams) = 0;

    // Looks at the directory again. What is new in it takes over from what serves, account by
    // account, when it has proven that it can: it is staged, examined, probed, loaded beside the
    // old one and started for every account, whose credentials it finds good (if it can check
    // them: credential_check.hpp). Then new calls go to it; those in flight end on the
    // old one, which is stopped and unloaded. Whatever fails before leaves the old one in service;
    // it is logged and counted, and not tried again before the file changes. A file that is gone
    // changes nothing. With a trial it gets a share of the keys first, and takes over or is taken
    // back when refresh() finds that due. Blocks, also for minutes, and ends soon when a stop is
    // asked for. Returns after how long it has to be called again although nothing has changed.
    // Concurrency: one thread at a time, none of a generation's; so are the next three. Instances
    // are used meanwhile.
    virtual std::optional<std::chrono::milliseconds> refresh(const std::stop_token& stop) = 0;
    // From now on new versions take over at once: nobody will call refresh() for their trials.
    virtual void forgo_trials() = 0;
    // Ends a trial, or puts the previous version back into service, without a restart; what is left
    // is quarantined. Errors: `plugin.unknown_connector`, `plugin.no_previous`, and all that can
    // keep a version from taking over. Blocks as refresh() does.
    virtual Result<void> roll_back(std::string_view id, const std::stop_token& stop) = 0;
    // A version that was quarantined may come back; its file is looked at again.
    virtual Result<void> release(std::string_view id, const std::string& sha256_hex) = 0;
    // Nothing is remembered of the connector's versions any more. Errors: `plugin.in_use` when an
    // account is served.
    virtual Result<void> forget(std::string_view id) = 0;

    virtual const SwapCounters& swaps() const = 0;
    // What serves, and what has happened, as of the last call of the functions above. [any]
    virtual std::vector<ConnectorStatus> status() const = 0;
    virtual std::vector<SwapEvent> events() const = 0;
};

// Reads and checks one file as the catalog would, without running code: `connectors describe FILE`.
Result<Manifest> read_manifest(const std::filesystem::path& file);

// Checks settings against a manifest's JSON Schema. The error lists every violation as `/pointer:
// sentence`.
Result<void> check_settings(const Manifest& manifest, const boost::json::object& settings);

}  // namespace syncline::plugin
