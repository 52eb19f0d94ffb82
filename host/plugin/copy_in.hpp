// What a connector hands over is copied and checked here, field by field, before anything else sees
// it: lengths, null pointers, UTF-8, ranges. A pointer into nowhere can't be detected in one
// process; everything else is.
#pragma once

#include <string>
#include <string_view>

#include "plugin/manifest.hpp"
#include "plugin/services.hpp"
#include "syncline/fetch.h"
#include "syncline/http.h"
#include "syncline/read.h"
#include "syncline/state.h"
#include "syncline/types.h"
#include "syncline/webhook.h"
#include "syncline/write.h"

namespace syncline::plugin {

inline constexpr std::size_t kTranslationBytesMax =
    64 * 1024 * 1024;  // all records of one event or page
inline constexpr std::size_t kCursorBytesMax = 16 * 1024;
inline constexpr std::size_t kStateBytesMax = 1024 * 1024;
inline constexpr std::size_t kStateFormBytesMax = 128;
inline constexpr std::size_t kDiscoveredBytesMax = 1024 * 1024;
inline constexpr std::size_t kReplyBytesMax = 1024 * 1024;
inline constexpr std::size_t kDestinationKeyBytesMax = 1024;
inline constexpr std::size_t kRequestBytesMax = 32 * 1024 * 1024;
inline constexpr std::size_t kRequestHeadersMax = 100;
inline constexpr std::size_t kHeaderBytesMax = 8 * 1024;
inline constexpr std::size_t kUrlBytesMax = 8 * 1024;

// The rule that was broken, as a sentence; empty when all is well.
using Problem = std::string;

// Each fills `to` and returns the first problem; with one, `to` is not to be used. [any]
Problem copy_text(const syncline_str& from, std::size_t bytes_max, std::string_view name,
                  std::string& to);
Problem copy_record(const syncline_record* from, const Manifest& manifest, record::Record& to);
Problem copy_reply(const syncline_webhook_reply* from, WebhookReply& to);
// Of an error that says what came of something; `name` is what it is, for people.
Problem copy_error(const syncline_error* from, std::string_view name, Failure& to);
Problem copy_outcome(const syncline_outcome* from, Outcome& to);
Problem copy_fetch_result(const syncline_fetch_result* from, FetchResult& to);
// All but the records.
Problem copy_page_end(const syncline_page_end* from, ReadResult& to);
// The streams of a discovery, as JSON of the shape that discover.h describes.
Problem copy_streams(const syncline_str& from, std::string& to);
Problem copy_state(const syncline_state* from, HandedState& to);
Problem copy_header(const syncline_pair& from, std::pair<std::string, std::string>& to);
Problem copy_request(const syncline_http_request* from, HttpRequest& to);
// A text of any bytes.
Problem copy_bytes(const syncline_str& from, std::size_t bytes_max, std::string_view name,
                   std::string& to);

// The class of a status of the ABI; kPermanent for one that is not known.
FailureClass failure_class_of(syncline_status status);
syncline_status status_of(FailureClass failure_class);

// A failure as a call reported it: the status that it returned, the rest from `error`, made
// printable. The message is never empty.
Failure copy_failure(syncline_status status, const syncline_error& error);

// An error for the connector to fill, or as the host reports one.
syncline_error empty_error();
syncline_error to_error(const Failure& failure);
// Tells the connector why its call is refused, in an error that may be too small or NULL; the
// status to return.
syncline_status refuse(syncline_error* error, FailureClass failure_class, std::string message);

inline syncline_str to_str(std::string_view text) {
    return {text.data(), text.size()};
}

// A text of the connector's for a log line: at most `bytes_max` of it, with what is not UTF-8
// replaced.
std::string printable(const syncline_str& from, std::size_t bytes_max);

}  // namespace syncline::plugin
