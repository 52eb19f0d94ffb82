// One open write operation.
// Concurrency: [work], the generation's thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugin/live_instance.hpp"

namespace syncline::plugin {

struct LiveInstance::Operation {
    WriteBatch batch;
    std::function<void(WriteResult)> done;
    std::vector<std::optional<Outcome>> outcomes;  // as the connector has given them

    // The batch in the connector's terms, borrowed by it until it completes.
    std::vector<syncline_write_record> records;
    std::vector<const syncline_write_record*> pointers;
    std::deque<std::vector<syncline_str>> field_names;  // of the records, where they stand
    syncline_write_batch view{};

    // The last response that arrived: looked into only if a record fails.
    std::string answered_request;
    std::shared_ptr<const HttpReply> answer;

    std::optional<Deadlines::Id> deadline;
    bool has_begun = false;    // the connector knows of it
    bool is_entering = false;  // write() has not returned yet
    bool is_reported = false;  // `done` was called, or is on its way
};

}  // namespace syncline::plugin
