// What goes into calls of connectors, and what comes out of them.
// Concurrency: [any]; plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugin/subject.hpp"
#include "record/record.hpp"

namespace syncline::plugin {

using Headers = std::vector<std::pair<std::string, std::string>>;

// ---- Webhooks and writing

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

}  // namespace syncline::plugin
