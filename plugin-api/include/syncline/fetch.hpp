// The capability "fetch": records of the platform, read by key.
//
//     Task<> fetch(FetchBatch& batch) override {
//         for (const FetchRequest& request : batch) {
//             const Response response = co_await http::get(url_ + "/users/" +
//             std::string{request.key()}); if (response.status() == 404) {
//                 request.absent();
//             } else if (response.is_success()) {
//                 request.found(response.body());
//             } else {
//                 request.fail(response.refusal("Acme"));
//             }
//         }
//     }
//
// The host gets exactly one result for each request, whatever fetch() does: what it throws is the
// result of every request that has none.
#ifndef SYNCLINE_FETCH_HPP
#define SYNCLINE_FETCH_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>

#include "syncline/batch.hpp"
#include "syncline/failure.hpp"
#include "syncline/fetch.h"
#include "syncline/runtime.hpp"
#include "syncline/task.hpp"

namespace syncline {

class FetchBatch;

// One record to read: a view, valid while its batch lives. Cheap to copy.
class FetchRequest {
  public:
    FetchRequest(FetchBatch& batch, std::size_t index) : batch_(&batch), index_(index) {}

    std::string_view key() const { return view(raw().key); }
    // JSON, an object, or "": what else the asker wants to say.
    std::string_view parameters() const { return view(raw().parameters); }

    // What it brought. The first word counts; later ones are ignored.
    void found(std::string_view body_json) const;
    // The platform says that there is no such record.
    void absent() const;
    void fail(const Failure& why) const;

  private:
    const syncline_fetch_request& raw() const;

    FetchBatch* batch_;
    std::size_t index_;
};

// The requests of one fetch operation, all of one stream. Lives until the task of fetch() has
// ended.
class FetchBatch : public detail::Items<FetchBatch, FetchRequest> {
  public:
    FetchBatch(detail::Scope& scope, const syncline_fetch_batch& raw)
        : Items(raw.request_count), scope_(scope), raw_(raw) {}
    // Gives results to those that have none, and ends the operation.
    ~FetchBatch() {
        rest_fail({SYNCLINE_E_PLUGIN_BUG, "fetch() ended without a result for the request"});
        scope_.runtime->end_fetch(scope_.operation);
    }

    std::string_view stream() const { return view(raw_.stream); }

  private:
    friend class FetchRequest;
    void settle(std::size_t index, const syncline_fetch_result& result) {
        if (!settles(index)) return;
        scope_.runtime->fetched(scope_.operation, static_cast<std::uint32_t>(index), result);
    }

    detail::Scope& scope_;
    const syncline_fetch_batch& raw_;
};

// Implement it next to Connector.
class RecordFetcher {
  public:
    // Reads one batch; several may be under way at once. When the operation is cancelled, its
    // requests end early.
    virtual Task<> fetch(FetchBatch& batch) = 0;

  protected:
    ~RecordFetcher() = default;
};

// ---- Implementation --------------------------------------------------------------------------

inline const syncline_fetch_request& FetchRequest::raw() const {
    return *batch_->raw_.requests[index_];
}

inline void FetchRequest::found(std::string_view body_json) const {
    syncline_fetch_result result{};
    result.struct_size = sizeof result;
    result.kind = SYNCLINE_FETCH_FOUND;
    result.body = borrow(body_json);
    result.body_format = SYNCLINE_BODY_JSON;
    batch_->settle(index_, result);
}

inline void FetchRequest::absent() const {
    syncline_fetch_result result{};
    result.struct_size = sizeof result;
    result.kind = SYNCLINE_FETCH_ABSENT;
    batch_->settle(index_, result);
}

inline void FetchRequest::fail(const Failure& why) const {
    const syncline_error error = detail::to_c(why);
    syncline_fetch_result result{};
    result.struct_size = sizeof result;
    result.kind = SYNCLINE_FETCH_FAILED;
    result.error = &error;
    batch_->settle(index_, result);
}

namespace detail {

// One fetch operation from its beginning to its end.
inline Root run_fetch(TaskGroup&, Runtime&, syncline_fetch_handle, RecordFetcher& fetcher,
                      const syncline_fetch_batch& raw) {
    Scope& scope = co_await OwnScope();
    std::optional<FetchBatch> made;
    try {
        made.emplace(scope, raw);
    } catch (...) {  // there is no memory to remember outcomes in: nothing has been begun
        scope.runtime->end_fetch(scope.operation);
        co_return;
    }
    FetchBatch& batch = *made;
    try {
        co_await fetcher.fetch(batch);
    } catch (const Failure& failure) {
        batch.rest_fail(failure);
    } catch (const std::exception& e) {
        batch.rest_fail({SYNCLINE_E_PLUGIN_BUG, e.what()});
    } catch (...) {
        batch.rest_fail({SYNCLINE_E_PLUGIN_BUG, "the connector threw something"});
    }
}

}  // namespace detail
}  // namespace syncline

#endif
