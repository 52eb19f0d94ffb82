// The fake host's open write operations.
#ifndef SYNCLINE_TESTING_WRITE_HPP
#define SYNCLINE_TESTING_WRITE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"
#include "syncline/testing/ids.hpp"
#include "syncline/testing/instance.hpp"
#include "syncline/testing/values.hpp"

namespace syncline::testing::fake {

struct Operation {
    Operation(std::string stream_name, std::vector<RecordToWrite> given)
        : stream(std::move(stream_name)), records(std::move(given)) {
        for (const RecordToWrite& record : records) {
            syncline_write_record& to = raw.emplace_back();
            to.struct_size = sizeof to;
            to.operation = record.operation;
            to.key = borrow(record.key);
            to.body = borrow(record.body);
            to.destination_key = borrow(record.destination_key);
            to.body_format = SYNCLINE_BODY_JSON;
            to.was_delivered = record.was_delivered ? 1 : 0;
            to.parent_key = borrow(record.parent_key);
            to.is_complete = record.is_complete ? 1 : 0;
            to.idempotency_key = borrow(record.key);
            auto& names = field_names.emplace_back();
            for (const std::string& name : record.changed_fields) names.push_back(borrow(name));
            for (const std::string& name : record.unset_fields) names.push_back(borrow(name));
            to.changed_count = static_cast<std::uint32_t>(record.changed_fields.size());
            to.unset_count = static_cast<std::uint32_t>(record.unset_fields.size());
            to.changed_fields = names.data();
            to.unset_fields = names.data() + to.changed_count;
        }
        for (const syncline_write_record& record : raw) pointers.push_back(&record);
        batch = {sizeof batch, static_cast<std::uint32_t>(raw.size()), borrow(stream),
                 pointers.data(), 60'000};
        write->outcomes.resize(raw.size());
    }
    std::string stream;
    std::vector<RecordToWrite> records;
    std::vector<syncline_write_record> raw;
    std::deque<std::vector<syncline_str>> field_names;
    std::vector<const syncline_write_record*> pointers;
    syncline_write_batch batch{};
    bool is_beginning = false;
    std::shared_ptr<Write> write = std::make_shared<Write>();
};

class Writes {
  public:
    Writes(const Instance& instance, Handles& handles, FakeIds& ids,
           std::vector<std::string>& violations)
        : instance_(instance), handles_(handles), ids_(ids), violations_(violations) {}

    std::shared_ptr<Write> begin(std::string stream, std::vector<RecordToWrite> records) {
        const syncline_write_handle handle = handles_.next();
        auto operation = std::make_shared<Operation>(std::move(stream), std::move(records));
        open_[handle] = operation;
        syncline_error error = detail::empty_error();
        operation->is_beginning = true;
        operation->write->status = table().write(instance_.self, handle, &operation->batch, &error);
        operation->is_beginning = false;
        if (operation->write->status != SYNCLINE_OK) {
            operation->write->failure = detail::from_c(error);
            open_.erase(handle);
        }
        return operation->write;
    }

    void cancel() {
        const auto open = open_;
        for (const auto& [handle, operation] : open) table().cancel(instance_.self, handle);
    }

    std::size_t size() const { return open_.size(); }

    // What the connector calls.
    syncline_status outcome(syncline_write_handle operation, std::uint32_t index,
                            const syncline_outcome* raw) {
        const auto found = open_.find(operation);
        if (found == open_.end()) {
            violations_.push_back("an outcome of an operation that is over");
            return SYNCLINE_E_STALE;
        }
        std::vector<Outcome>& outcomes = found->second->write->outcomes;
        if (index >= outcomes.size() || outcomes[index].kind != 0) {
            violations_.push_back("a second outcome, or of no record");
            return SYNCLINE_E_PLUGIN_BUG;
        }
        outcomes[index] = {
            raw->kind,
            raw->error != nullptr ? detail::from_c(*raw->error) : Failure{SYNCLINE_OK, ""},
            std::string{view(raw->destination_key)}, std::string{view(raw->reply)}};
        return SYNCLINE_OK;
    }
    syncline_status complete(syncline_write_handle operation) {
        const auto found = open_.find(operation);
        if (found == open_.end() || found->second->is_beginning) {
            violations_.push_back("a completion of an operation that is over or beginning");
            return found == open_.end() ? SYNCLINE_E_STALE : SYNCLINE_E_PLUGIN_BUG;
        }
        const std::vector<Outcome>& outcomes = found->second->write->outcomes;
        ids_.settle(operation,
                    std::any_of(outcomes.begin(), outcomes.end(),
                                [](const Outcome& each) { return each.kind == SYNCLINE_DONE; }));
        found->second->write->is_complete = true;
        open_.erase(found);
        return SYNCLINE_OK;
    }
    syncline_status put_id(syncline_write_handle operation, syncline_str name_space,
                           syncline_str key, syncline_str value, syncline_error* error) {
        if (!open_.contains(operation))
            return refuse({SYNCLINE_E_STALE, "the write operation is over"}, error);
        const Failure failure = ids_.put(operation, view(name_space), view(key), view(value));
        if (failure.failure_class == SYNCLINE_OK) return SYNCLINE_OK;
        violations_.push_back(failure.message);
        return refuse(failure, error);
    }

  private:
    const syncline_plugin_write& table() const {
        return instance_.table<syncline_plugin_write>(SYNCLINE_WRITE_ID);
    }

    const Instance& instance_;
    Handles& handles_;
    FakeIds& ids_;
    std::vector<std::string>& violations_;
    std::map<syncline_write_handle, std::shared_ptr<Operation>> open_;
};

}  // namespace syncline::testing::fake

#endif
