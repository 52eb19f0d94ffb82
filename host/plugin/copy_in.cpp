#include "plugin/copy_in.hpp"

#include <algorithm>
#include <cstring>

#include "core/redact.hpp"
#include "core/utf8.hpp"
#include "record/json.hpp"
#include "record/redact.hpp"

namespace syncline::plugin {
namespace {

constexpr std::int64_t kRetryAfterMsMax = 24LL * 60 * 60 * 1000;
constexpr std::int64_t kRequestTimeoutMsMax = 10LL * 60 * 1000;
constexpr std::string_view kNoMessage = "the connector gave no message";

std::string repaired(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t length = core::utf8_length(text, 0);
        result += length == 0 ? std::string_view{"?"} : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return result;
}

// Cuts to the size without cutting a character.
std::string_view shortened(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

template <std::size_t N>
std::string_view terminated(const char (&text)[N]) {
    return {text, ::strnlen(text, N)};
}

// A connector's words, which are stored and shown: without secrets. Those that fill their place
// may have been cut.
template <std::size_t N>
std::string said(const char (&text)[N]) {
    constexpr std::size_t kCharacterBytesMax = 4;
    const std::string_view given = terminated(text);
    const bool is_full = given.size() + kCharacterBytesMax >= N;
    return core::redact(repaired(given), is_full ? core::TextEnd::kCut : core::TextEnd::kWhole);
}

template <std::size_t N>
void fill(char (&to)[N], std::string_view text) {
    const std::string_view cut = shortened(text, N - 1);
    std::memcpy(to, cut.data(), cut.size());
    to[cut.size()] = '\0';
}

template <class T>
Problem check_struct(const T* from, std::uint32_t size_min, std::string_view name) {
    if (from == nullptr) return std::string{name} + " is NULL";
    if (from->struct_size < size_min)
        return std::string{name} + " has a struct_size that is too small";
    return {};
}

Problem check_json(std::string_view text, std::string_view name) {
    if (const auto parsed = record::parse_json(text); !parsed) {
        return std::string{name} + " is not JSON: " + parsed.error().what();
    }
    return {};
}

bool is_token(std::string_view text) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               kOthers.find(c) != std::string_view::npos;
    });
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

}  // namespace

Problem copy_text(const syncline_str& from, std::size_t bytes_max, std::string_view name,
                  std::string& to) {
    if (from.len > bytes_max) {
        return std::string{name} + " has " + std::to_string(from.len) + " bytes, at most " +
               std::to_string(bytes_max) + " are allowed";
    }
    if (from.len != 0 && from.ptr == nullptr)
        return std::string{name} + " has a length but no text";
    to.assign(from.len == 0 ? "" : from.ptr, from.len);
    if (!core::is_utf8(to)) return std::string{name} + " is not UTF-8";
    return {};
}

namespace {

Problem copy_parent(const syncline_record& from, const Manifest& manifest, record::Record& to) {
    if (auto problem = copy_text(from.parent_stream, record::kKeyBytesMax,
                                 "a record's parent stream", to.parent_stream);
        !problem.empty()) {
        return problem;
    }
    if (auto problem = copy_text(from.parent_key, record::kKeyBytesMax, "a record's parent key",
                                 to.parent_key);
        !problem.empty()) {
        return problem;
    }
    if (to.parent_stream.empty() != to.parent_key.empty())
        return "a record names its parent by stream or key alone";
    if (to.parent_stream.empty()) return {};
    const auto is_stream = [&](const StreamSpec& stream) {
        return stream.is_source && stream.name == to.parent_stream;
    };
    if (std::none_of(manifest.streams.begin(), manifest.streams.end(), is_stream))
        return "a record's parent stream is no source stream of the manifest";
    return {};
}

}  // namespace

Problem copy_record(const syncline_record* from, const Manifest& manifest, record::Record& to) {
    if (auto problem = check_struct(from, SYNCLINE_RECORD_SIZE_1_0, "a record"); !problem.empty()) {
        return problem;
    }
    if (auto problem =
            copy_text(from->stream, record::kKeyBytesMax, "a record's stream", to.stream);
        !problem.empty()) {
        return problem;
    }
    const auto is_stream = [&](const StreamSpec& stream) {
        return stream.is_source && stream.name == to.stream;
    };
    const auto stream = std::find_if(manifest.streams.begin(), manifest.streams.end(), is_stream);
    if (stream == manifest.streams.end())
        return "a record's stream is no source stream of the manifest";
    if (auto problem = copy_text(from->key, record::kKeyBytesMax, "a record's key", to.key);
        !problem.empty()) {
        return problem;
    }
    if (to.key.empty()) return "a record has no key";
    switch (from->operation) {
        case SYNCLINE_UPSERT:
            to.operation = record::Operation::kUpsert;
            break;
        case SYNCLINE_DELETE:
            to.operation = record::Operation::kDelete;
            break;
        case SYNCLINE_FETCH:
            if (!stream->can_fetch)
                return "a record is to be fetched from a stream without `fetch`";
            to.operation = record::Operation::kFetch;
            break;
        default:
            return "a record's operation is none of upsert, delete and fetch";
    }
    if (from->body_format != SYNCLINE_BODY_JSON) return "a record's body_format is not known";
    if (auto problem = copy_text(from->body, record::kRecordBytesMax, "a record's body", to.body);
        !problem.empty()) {
        return problem;
    }
    if (from->occurred_ns != SYNCLINE_NO_TIME) to.occurred_ns = from->occurred_ns;
    if (auto problem = copy_parent(*from, manifest, to); !problem.empty()) return problem;
    if (to.body.empty() && to.operation != record::Operation::kUpsert) return {};
    return check_json(to.body, "a record's body");
}

Problem copy_reply(const syncline_webhook_reply* from, WebhookReply& to) {
    if (auto problem = check_struct(from, SYNCLINE_WEBHOOK_REPLY_SIZE_1_0, "a reply");
        !problem.empty()) {
        return problem;
    }
    if (from->status < 200 || from->status > 599) return "a reply's status is not 200 to 599";
    to.status = from->status;
    if (auto problem = copy_text(from->content_type, kHeaderBytesMax, "a reply's content type",
                                 to.content_type);
        !problem.empty()) {
        return problem;
    }
    if (has_control(to.content_type)) return "a reply's content type has control characters";
    Problem problem = copy_text(from->body, kReplyBytesMax, "a reply's body", to.body);
    to.body = record::redact_json(std::move(to.body));
    return problem;
}

Problem copy_error(const syncline_error* from, std::string_view name, Failure& to) {
    if (auto problem = check_struct(from, SYNCLINE_ERROR_SIZE_1_0, name); !problem.empty())
        return problem;
    if (from->failure_class == SYNCLINE_OK) return std::string{name} + " has no class";
    to = copy_failure(from->failure_class, *from);
    return {};
}

Problem copy_outcome(const syncline_outcome* from, Outcome& to) {
    if (auto problem = check_struct(from, SYNCLINE_OUTCOME_SIZE_1_0, "an outcome");
        !problem.empty()) {
        return problem;
    }
    switch (from->kind) {
        case SYNCLINE_DONE:
            to.kind = OutcomeKind::kDone;
            break;
        case SYNCLINE_NOT_ATTEMPTED:
            to.kind = OutcomeKind::kNotAttempted;
            break;
        case SYNCLINE_UNKNOWN:
            to.kind = OutcomeKind::kUnknown;
            break;
        case SYNCLINE_FAILED:
            to.kind = OutcomeKind::kFailed;
            break;
        default:
            return "an outcome's kind is not known";
    }
    if (to.kind == OutcomeKind::kFailed && from->error == nullptr) {
        return "an outcome FAILED has no error";
    }
    if (from->error != nullptr && to.kind != OutcomeKind::kDone) {
        if (auto problem = copy_error(from->error, "an outcome's error", to.failure);
            !problem.empty()) {
            return problem;
        }
    }
    if (auto problem = copy_text(from->destination_key, kDestinationKeyBytesMax,
                                 "an outcome's destination key", to.destination_key);
        !problem.empty()) {
        return problem;
    }
    if (auto problem = copy_text(from->reply, kReplyBytesMax, "an outcome's reply", to.reply);
        !problem.empty()) {
        return problem;
    }
    if (to.reply.empty()) return {};
    Problem problem = check_json(to.reply, "an outcome's reply");
    to.reply = record::redact_json(std::move(to.reply));
    return problem;
}

Problem copy_fetch_result(const syncline_fetch_result* from, FetchResult& to) {
    if (auto problem = check_struct(from, SYNCLINE_FETCH_RESULT_SIZE_1_0, "a fetch result");
        !problem.empty()) {
        return problem;
    }
    switch (from->kind) {
        case SYNCLINE_FETCH_ABSENT:
            to.kind = FetchKind::kAbsent;
            return {};
        case SYNCLINE_FETCH_FAILED:
            to.kind = FetchKind::kFailed;
            if (from->error == nullptr) return "a fetch result FAILED has no error";
            return copy_error(from->error, "a fetch result's error", to.failure);
        case SYNCLINE_FETCH_FOUND:
            to.kind = FetchKind::kFound;
            break;
        default:
            return "a fetch result's kind is not known";
    }
    if (from->body_format != SYNCLINE_BODY_JSON) return "a fetch result's body_format is not known";
    if (auto problem =
            copy_text(from->body, record::kRecordBytesMax, "a fetch result's body", to.body);
        !problem.empty()) {
        return problem;
    }
    return check_json(to.body, "a fetch result's body");
}

Problem copy_page_end(const syncline_page_end* from, ReadResult& to) {
    if (auto problem = check_struct(from, SYNCLINE_PAGE_END_SIZE_1_2, "a page's end");
        !problem.empty()) {
        return problem;
    }
    if (from->error != nullptr) return copy_error(from->error, "a page's error", to.failure);
    to.has_more = from->has_more != 0;
    return copy_text(from->cursor, kCursorBytesMax, "a page's cursor", to.cursor);
}

Problem copy_streams(const syncline_str& from, std::string& to) {
    if (auto problem = copy_text(from, kDiscoveredBytesMax, "what was discovered", to);
        !problem.empty()) {
        return problem;
    }
    constexpr const char* kShape = "what was discovered is no list of streams with names";
    const auto parsed = record::parse_json(to);
    if (!parsed || !parsed->is_array()) return kShape;
    const auto is_named = [](const boost::json::value& value) {
        const boost::json::object* object = value.if_object();
        const boost::json::value* name = object ? object->if_contains("name") : nullptr;
        return name != nullptr && name->is_string() && !name->get_string().empty();
    };
    for (const boost::json::value& stream : parsed->get_array()) {
        if (!is_named(stream)) return kShape;
        const boost::json::value* fields = stream.get_object().if_contains("fields");
        if (fields == nullptr) continue;
        const boost::json::array* list = fields->if_array();
        if (list == nullptr || !std::all_of(list->begin(), list->end(), is_named))
            return "a stream that was discovered has no list of fields with names";
    }
    return {};
}

Problem copy_state(const syncline_state* from, HandedState& to) {
    if (auto problem = check_struct(from, SYNCLINE_STATE_SIZE_1_3, "a state"); !problem.empty())
        return problem;
    if (auto problem =
            copy_text(from->schema_id, kStateFormBytesMax, "a state's schema_id", to.schema_id);
        !problem.empty()) {
        return problem;
    }
    if (to.schema_id.empty()) return "a state has no schema_id";
    to.version = from->version;
    return copy_bytes(from->bytes, kStateBytesMax, "a state", to.bytes);
}

Problem copy_header(const syncline_pair& from, std::pair<std::string, std::string>& to) {
    if (auto problem = copy_text(from.name, 256, "a header's name", to.first); !problem.empty())
        return problem;
    if (auto problem = copy_text(from.value, kHeaderBytesMax, "a header's value", to.second);
        !problem.empty()) {
        return problem;
    }
    if (!is_token(to.first) || has_control(to.second)) return "a request's header is malformed";
    return {};
}

Problem copy_request(const syncline_http_request* from, HttpRequest& to) {
    if (auto problem = check_struct(from, SYNCLINE_HTTP_REQUEST_SIZE_1_0, "a request");
        !problem.empty()) {
        return problem;
    }
    if (auto problem = copy_text(from->method, 32, "a request's method", to.method);
        !problem.empty()) {
        return problem;
    }
    if (!is_token(to.method)) return "a request's method is malformed";
    if (auto problem = copy_text(from->url, kUrlBytesMax, "a request's URL", to.url);
        !problem.empty()) {
        return problem;
    }
    if (to.url.empty() || has_control(to.url) || to.url.find(' ') != std::string::npos) {
        return "a request's URL is malformed";
    }
    if (from->header_count > kRequestHeadersMax) return "a request has more than 100 headers";
    if (from->header_count != 0 && from->headers == nullptr) return "a request's headers are NULL";
    for (std::uint32_t i = 0; i < from->header_count; ++i) {
        std::pair<std::string, std::string> header;
        if (auto problem = copy_header(from->headers[i], header); !problem.empty()) return problem;
        to.headers.push_back(std::move(header));
    }
    if (auto problem = copy_bytes(from->body, kRequestBytesMax, "a request's body", to.body);
        !problem.empty()) {
        return problem;
    }
    if (from->timeout_ms < 0) return "a request's timeout is negative";
    if (from->timeout_ms > 0) {
        to.timeout = std::chrono::milliseconds{std::min(from->timeout_ms, kRequestTimeoutMsMax)};
    }
    return {};
}

Problem copy_bytes(const syncline_str& from, std::size_t bytes_max, std::string_view name,
                   std::string& to) {
    if (from.len > bytes_max)
        return std::string{name} + " is longer than " + std::to_string(bytes_max) + " bytes";
    if (from.len != 0 && from.ptr == nullptr) return std::string{name} + " is NULL";
    to.assign(from.len == 0 ? "" : from.ptr, from.len);
    return {};
}

std::string_view to_string(FailureClass failure_class) {
    switch (failure_class) {
        case FailureClass::kNone:
            return "none";
        case FailureClass::kConfig:
            return "config";
        case FailureClass::kAuthExpired:
            return "auth_expired";
        case FailureClass::kAuthDenied:
            return "auth_denied";
        case FailureClass::kRateLimited:
            return "rate_limited";
        case FailureClass::kTransient:
            return "transient";
        case FailureClass::kPermanent:
            return "permanent";
        case FailureClass::kNotFound:
            return "not_found";
        case FailureClass::kConflict:
            return "conflict";
        case FailureClass::kCursorInvalid:
            return "cursor_invalid";
        case FailureClass::kCancelled:
            return "cancelled";
        case FailureClass::kDeadline:
            return "deadline";
        case FailureClass::kUnsupported:
            return "unsupported";
        case FailureClass::kPluginBug:
            return "plugin_bug";
        case FailureClass::kHostBug:
            return "host_bug";
        case FailureClass::kStale:
            return "stale";
    }
    return "permanent";
}

FailureClass failure_class_of(syncline_status status) {
    static_assert(static_cast<int>(FailureClass::kConfig) == SYNCLINE_E_CONFIG &&
                      static_cast<int>(FailureClass::kStale) == SYNCLINE_E_STALE,
                  "the classes stand in the order of the ABI");
    if (status < SYNCLINE_OK || status > SYNCLINE_E_STALE) return FailureClass::kPermanent;
    return static_cast<FailureClass>(status);
}

syncline_status status_of(FailureClass failure_class) {
    return static_cast<syncline_status>(failure_class);
}

Failure copy_failure(syncline_status status, const syncline_error& error) {
    Failure failure;
    failure.failure_class = failure_class_of(status);
    failure.message = said(error.message);
    if (failure.message.empty()) failure.message = kNoMessage;
    failure.provider_code = said(error.provider_code);
    failure.retry_after_ms = std::clamp<std::int64_t>(error.retry_after_ms, -1, kRetryAfterMsMax);
    return failure;
}

syncline_error empty_error() {
    syncline_error error{};
    error.struct_size = sizeof(syncline_error);
    error.retry_after_ms = -1;
    return error;
}

syncline_error to_error(const Failure& failure) {
    syncline_error error = empty_error();
    error.failure_class = status_of(failure.failure_class);
    error.retry_after_ms = failure.retry_after_ms;
    fill(error.provider_code, failure.provider_code);
    fill(error.message, failure.message);
    return error;
}

syncline_status refuse(syncline_error* error, FailureClass failure_class, std::string message) {
    if (error != nullptr && error->struct_size >= SYNCLINE_ERROR_SIZE_1_0) {
        const std::uint32_t size = error->struct_size;
        *error = to_error({failure_class, std::move(message), "", -1});
        error->struct_size = size;
    }
    return status_of(failure_class);
}

std::string printable(const syncline_str& from, std::size_t bytes_max) {
    if (from.ptr == nullptr) return {};
    const std::size_t size = std::min<std::uint64_t>(from.len, bytes_max);
    return repaired(shortened({from.ptr, size}, bytes_max));
}

}  // namespace syncline::plugin
