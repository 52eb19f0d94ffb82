// The capability "write": batches of records to the platform.
#ifndef SYNCLINE_WRITE_HPP
#define SYNCLINE_WRITE_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/http.hpp"
#include "syncline/runtime.hpp"
#include "syncline/write.h"

namespace syncline {

// One record to write. A view: valid while its batch lives.
struct WriteRecord {
    syncline_operation operation = SYNCLINE_UPSERT;
    std::string_view key;              // the source's
    std::string_view body;             // JSON; may be empty for a delete
    std::string_view destination_key;  // "" when not known yet
    bool was_delivered = false;        // an earlier version reached the destination
};

// An open write operation. It ends when the last reference to it goes; whoever will still settle
// records holds one, as an exchange sent through the batch does. A record that has no outcome then
// is unknown to the host.
class Batch : public std::enable_shared_from_this<Batch> {
  public:
    Batch(detail::Runtime& runtime, syncline_write_handle operation,
          const syncline_write_batch& batch)
        : runtime_(runtime),
          operation_(operation),
          batch_(batch),
          is_settled_(batch.record_count) {}
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() { runtime_.end_operation(operation_); }

    std::string_view stream() const { return view(batch_.stream); }
    std::size_t size() const { return batch_.record_count; }
    WriteRecord operator[](std::size_t index) const {
        const syncline_write_record& raw = *batch_.records[index];
        return {raw.operation, view(raw.key), view(raw.body), view(raw.destination_key),
                raw.was_delivered != 0};
    }

    // What became of one record. The first word counts; later ones are ignored.
    void done(std::size_t index, std::string_view destination_key = {},
              std::string_view reply = {}) {
        settle(index, SYNCLINE_DONE, nullptr, destination_key, reply);
    }
    // Surely without effect.
    void failed(std::size_t index, const Failure& why) { settle(index, SYNCLINE_FAILED, &why); }
    // Perhaps with effect.
    void unknown(std::size_t index, const Failure& why) { settle(index, SYNCLINE_UNKNOWN, &why); }
    // Surely without effect, and nothing is wrong with it.
    void not_attempted(std::size_t index) { settle(index, SYNCLINE_NOT_ATTEMPTED, nullptr); }

    // The same for every record that has no outcome yet.
    void rest_done() {
        for (std::size_t i = 0; i < size(); ++i) done(i);
    }
    void rest_failed(const Failure& why) {
        for (std::size_t i = 0; i < size(); ++i) failed(i, why);
    }
    void rest_not_attempted() {
        for (std::size_t i = 0; i < size(); ++i) not_attempted(i);
    }
    void rest_unknown(const Failure& why) {
        for (std::size_t i = 0; i < size(); ++i) unknown(i, why);
    }

    // Starts an exchange for this batch: keeps it open until the callback has run, and is cancelled
    // with it. The callback comes exactly once, never from inside this call; a request that the
    // host refuses ends as a result without response.
    void send(const HttpRequest& request, std::function<void(Batch&, const HttpResult&)> callback) {
        auto self = shared_from_this();
        runtime_.send(
            request,
            [self, callback = std::move(callback)](const HttpResult& result) {
                self->guard([&] { callback(*self, result); });
            },
            operation_);
    }

    // Runs a function; what it throws becomes the reason why the rest is unknown.
    template <typename Function>
    void guard(Function function) {
        try {
            function();
        } catch (const std::exception& e) {
            rest_unknown({SYNCLINE_E_PLUGIN_BUG, e.what()});
        } catch (...) {
            rest_unknown({SYNCLINE_E_PLUGIN_BUG, "the connector threw something"});
        }
    }

  private:
    void settle(std::size_t index, syncline_outcome_kind kind, const Failure* why,
                std::string_view destination_key = {}, std::string_view reply = {}) {
        if (index >= size() || is_settled_[index]) return;
        is_settled_[index] = true;
        const syncline_error error = why != nullptr ? detail::to_c(*why) : syncline_error{};
        syncline_outcome raw{};
        raw.struct_size = sizeof raw;
        raw.kind = kind;
        raw.error = why != nullptr ? &error : nullptr;
        raw.destination_key = borrow(destination_key);
        raw.reply = borrow(reply);
        runtime_.outcome(operation_, static_cast<std::uint32_t>(index), raw);
    }

    detail::Runtime& runtime_;
    syncline_write_handle operation_;
    const syncline_write_batch& batch_;
    std::vector<bool> is_settled_;
};

// Implement it next to Connector.
class BatchWriter {
  public:
    // Begins to write; must not wait. Cancelling is done for it: the batch's exchanges end early.
    virtual void write(std::shared_ptr<Batch> batch) = 0;

  protected:
    ~BatchWriter() = default;
};

}  // namespace syncline

#endif
