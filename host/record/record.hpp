// The unit of data: an envelope around a JSON body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace syncline::record {

enum class Operation : std::uint8_t {
    kUpsert = 1,
    kDelete = 2,
    kFetch = 3,  // only the key is known; the record is read from its source at its turn (rule 2)
};

// Limits that hold wherever a record comes from.
inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kRecordBytesMax = 16 * 1024 * 1024;
inline constexpr std::size_t kRecordsPerEventMax = 100'000;

struct Record {
    std::string stream;  // "audience_memberships"
    Operation operation = Operation::kUpsert;
    std::string key;   // identifies the record within its stream, 1 .. kKeyBytesMax bytes of UTF-8
    std::string body;  // UTF-8 JSON text; may be empty for a delete
    std::optional<std::int64_t>
        occurred_ns;  // when it happened at the source, UTC, if the source says so
    // What has to be at the destination first; both empty for nothing.
    std::string parent_stream, parent_key;
};

}  // namespace syncline::record
