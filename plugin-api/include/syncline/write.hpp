// The capability "write": batches of records to the platform.
//
//     Task<> write(Batch& batch) override {
//         for (const WriteRecord& record : batch) {
//             const Response response = co_await http::post(url_, record.body());
//             if (response.is_success()) {
//                 record.done();
//             } else {
//                 record.fail(response.refusal("Acme"));
//             }
//         }
//     }
//
// The host gets exactly one outcome for each record, whatever write() does. What write() throws is
// the outcome of every record that has none; it is UNKNOWN if a request that changes something has
// got through since the last outcome, because nobody has said what it did. A record that has none
// when write() ends well is the connector's bug.
#ifndef SYNCLINE_WRITE_HPP
#define SYNCLINE_WRITE_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/batch.hpp"
#include "syncline/failure.hpp"
#include "syncline/runtime.hpp"
#include "syncline/task.hpp"
#include "syncline/write.h"

namespace syncline {

class Batch;

// One record to write: a view, valid while its batch lives. Cheap to copy.
class WriteRecord {
  public:
    WriteRecord(Batch& batch, std::size_t index) : batch_(&batch), index_(index) {}

    syncline_operation operation() const { return raw().operation; }
    bool is_delete() const { return raw().operation == SYNCLINE_DELETE; }
    std::string_view key() const { return view(raw().key); }    // the source's
    std::string_view body() const { return view(raw().body); }  // JSON; may be empty for a delete
    // "" when not known yet.
    std::string_view destination_key() const { return view(raw().destination_key); }
    // An earlier version has reached the destination.
    bool was_delivered() const { return raw().was_delivered != 0; }
    // All of the body counts. Otherwise changed_fields() and unset_fields() say what does: names of
    // top-level fields. Only with the manifest's "partial_updates".
    bool is_complete() const { return raw().is_complete != 0; }
    std::vector<std::string_view> changed_fields() const {
        return names(raw().changed_fields, raw().changed_count);
    }
    std::vector<std::string_view> unset_fields() const {
        return names(raw().unset_fields, raw().unset_count);
    }
    // An earlier attempt may have had its effect.
    bool is_unknown() const { return raw().is_unknown != 0; }
    // The destination's key of the parent; "" without one.
    std::string_view parent_key() const { return view(raw().parent_key); }
    // The same for every attempt with this record and for no other.
    std::string_view idempotency_key() const { return view(raw().idempotency_key); }

    // Reads the body as a view of declared fields (records.hpp). Without one that must be there the
    // record has failed by that, and there is nothing to write.
    template <typename View>
    std::optional<View> read() const {
        try {
            return View{body()};
        } catch (const Failure& failure) {
            fail(failure);
            return std::nullopt;
        }
    }

    // What became of it. The first word counts; later ones are ignored.
    //
    // The platform has it, under that key if it gave one; `reply` is JSON for a sender who waits.
    void done(std::string_view destination_key = {}, std::string_view reply = {}) const;
    // It has not; or it may have, if the failure may have had an effect.
    void fail(const Failure& why) const;
    // Awaits a task that is about this record alone:
    //
    //     co_await record.settled_by(write_one(record));
    //
    // What it throws is the outcome of this record, and the batch goes on. Only a limit
    // (SYNCLINE_E_RATE_LIMITED) is thrown on: those behind it would meet the same.
    Task<> settled_by(Task<> task) const { return settle(*this, std::move(task)); }

  private:
    static Task<> settle(WriteRecord record, Task<> task);
    const syncline_write_record& raw() const;
    static std::vector<std::string_view> names(const syncline_str* first, std::uint32_t count) {
        std::vector<std::string_view> all;
        all.reserve(count);
        for (std::uint32_t i = 0; i < count; ++i) all.push_back(view(first[i]));
        return all;
    }

    Batch* batch_;
    std::size_t index_;
};

// The records of one write operation, all of one stream and of different keys, unless the manifest
// says "ordered_batches". Lives until the task of write() has ended.
class Batch : public detail::Items<Batch, WriteRecord> {
  public:
    Batch(detail::Scope& scope, const syncline_write_batch& raw)
        : Items(raw.record_count), scope_(scope), raw_(raw) {}
    // Gives outcomes to those that have none, and ends the operation.
    ~Batch();

    std::string_view stream() const { return view(raw_.stream); }

    // Every record that has no outcome yet is done.
    void rest_done() {
        for (const WriteRecord& record : *this) record.done();
    }

  private:
    friend class WriteRecord;
    void settle(std::size_t index, const syncline_outcome& outcome) {
        if (!settles(index)) return;
        scope_.is_effect_open = false;
        scope_.runtime->outcome(scope_.operation, static_cast<std::uint32_t>(index), outcome);
    }

    detail::Scope& scope_;
    const syncline_write_batch& raw_;
};

// Implement it next to Connector.
class BatchWriter {
  public:
    // Writes one batch; several may be under way at once. When the operation is cancelled, its
    // requests end early.
    virtual Task<> write(Batch& batch) = 0;

  protected:
    ~BatchWriter() = default;
};

// ---- Implementation --------------------------------------------------------------------------

inline const syncline_write_record& WriteRecord::raw() const {
    return *batch_->raw_.records[index_];
}

inline void WriteRecord::done(std::string_view destination_key, std::string_view reply) const {
    syncline_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.kind = SYNCLINE_DONE;
    outcome.destination_key = borrow(destination_key);
    outcome.reply = borrow(reply);
    batch_->settle(index_, outcome);
}

inline void WriteRecord::fail(const Failure& why) const {
    const syncline_error error = detail::to_c(why);
    const bool is_cancelled = why.failure_class == SYNCLINE_E_CANCELLED;
    syncline_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.kind = why.may_have_had_effect ? SYNCLINE_UNKNOWN
                   : is_cancelled          ? SYNCLINE_NOT_ATTEMPTED
                                           : SYNCLINE_FAILED;
    outcome.error = &error;
    batch_->settle(index_, outcome);
}

inline Task<> WriteRecord::settle(WriteRecord record, Task<> task) {
    // What the requests of other records do meanwhile says nothing of this one.
    detail::Scope own = record.batch_->scope_.part();
    try {
        co_await detail::Within(own, std::move(task));
    } catch (const Failure& failure) {
        record.fail(own.may_have_had_effect ? failure.with_possible_effect() : failure);
        if (failure.failure_class == SYNCLINE_E_RATE_LIMITED) throw;
    }
}

inline Batch::~Batch() {
    syncline_error error = detail::empty_error();
    detail::fill(error, SYNCLINE_E_PLUGIN_BUG, "write() ended without an outcome for the record");
    syncline_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.kind = scope_.may_have_had_effect ? SYNCLINE_UNKNOWN : SYNCLINE_FAILED;
    outcome.error = &error;
    for (std::size_t i = 0; i < size(); ++i) settle(i, outcome);
    scope_.runtime->end_write(scope_.operation);
}

namespace detail {

// One write operation from its beginning to its end.
inline Root run_write(TaskGroup&, Runtime&, syncline_write_handle, BatchWriter& writer,
                      const syncline_write_batch& raw) {
    Scope& scope = co_await OwnScope();
    std::optional<Batch> made;
    try {
        made.emplace(scope, raw);
    } catch (...) {  // there is no memory to remember outcomes in: nothing has been begun
        scope.runtime->end_write(scope.operation);
        co_return;
    }
    Batch& batch = *made;
    const auto bug = [&](const char* words) {
        Failure failure{SYNCLINE_E_PLUGIN_BUG, words};
        failure.may_have_had_effect = scope.may_have_had_effect;
        batch.rest_fail(failure);
    };
    try {
        co_await writer.write(batch);
    } catch (const Failure& failure) {
        batch.rest_fail(scope.is_effect_open ? failure.with_possible_effect() : failure);
    } catch (const std::exception& e) {
        bug(e.what());
    } catch (...) {
        bug("the connector threw something");
    }
}

}  // namespace detail
}  // namespace syncline

#endif
