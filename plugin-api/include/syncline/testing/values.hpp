// What tests say to a fake host, and what they hear from it.
#ifndef SYNCLINE_TESTING_VALUES_HPP
#define SYNCLINE_TESTING_VALUES_HPP

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"

namespace syncline::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method, path, query, body;
    Headers headers = {};
};

struct Reply {
    syncline_status status = SYNCLINE_OK;
    Failure failure = {};
    int http_status = 0;
    std::string content_type, body;
};

struct TranslatedRecord {
    std::string stream;
    syncline_operation operation = 0;
    std::string key, body;
    std::int64_t occurred_ns = SYNCLINE_NO_TIME;
    std::string parent_stream = {}, parent_key = {};
};

struct Translation {
    syncline_status status = SYNCLINE_OK;
    Failure failure = {};
    std::vector<TranslatedRecord> records = {};
};

// What became of a record, for a sender who waits.
struct AnswerRecord {
    syncline_answer_kind kind = SYNCLINE_ANSWER_DELIVERED;
    std::string stream, key;
    std::string destination_key = {}, reply = {};
    Failure failure = {};  // for SYNCLINE_ANSWER_FAILED
};

struct RecordToWrite {
    syncline_operation operation = SYNCLINE_UPSERT;
    std::string key, body;
    std::string destination_key = {};
    bool was_delivered = false;
    std::string parent_key = {};
    bool is_complete = true;
    std::vector<std::string> changed_fields = {}, unset_fields = {};
};

struct Outcome {
    syncline_outcome_kind kind = 0;  // 0: none was given
    Failure failure = {};
    std::string destination_key, reply;
};

struct Write {
    syncline_status status = SYNCLINE_OK;  // of the call that began it
    Failure failure = {};
    bool is_complete = false;
    std::vector<Outcome> outcomes = {};
};

// A page to read.
struct PageToRead {
    std::string stream;
    std::string cursor = {};
    bool is_full = true;
    std::uint32_t records_max = 1000;
};

struct PageRead {
    syncline_status status = SYNCLINE_OK;  // of the call that began it
    Failure failure = {SYNCLINE_OK, ""};   // of that call, or of the page
    bool is_complete = false;
    std::vector<TranslatedRecord> records = {};  // none of a page that failed
    std::string next_cursor = {};
    bool has_more = false;
};

// What check() or discover() came to.
struct Asked {
    syncline_status status = SYNCLINE_OK;  // of the call that began it
    Failure failure = {SYNCLINE_OK, ""};   // of that call, or the outcome
    bool is_complete = false;
    std::string streams = {};                     // of discover(): JSON
    std::int64_t next_due_ns = SYNCLINE_NO_TIME;  // of work()
};

// A request that the connector has sent and that has no result yet.
struct Exchange {
    std::string method, url, body;
    Headers headers;
    bool is_cancelled = false;
};

}  // namespace syncline::testing

#endif
