// The blocking style, for a connector whose manifest says "style": "blocking": straight-line code
// on a thread of its own, which simply waits.
//
//     class Acme final : public syncline::Connector, public syncline::BlockingWriter {
//         void write(syncline::Batch& batch) override {
//             for (const syncline::WriteRecord& record : batch) {
//                 const syncline::Response response = fetch({"POST", url_, {},
//                 std::string{record.body()}}); response.is_success() ? record.done() :
//                 record.fail(response.refusal("Acme"));
//             }
//         }
//     };
//
// The host makes as many instances as it wants batches written at once, at most 16, so members are
// an instance's own and need no locks. What write() throws is the outcome of every record that has
// none, as with coroutines (write.hpp).
#ifndef SYNCLINE_BLOCKING_HPP
#define SYNCLINE_BLOCKING_HPP

#include <exception>

#include "syncline/failure.hpp"
#include "syncline/fetch.hpp"
#include "syncline/read.hpp"
#include "syncline/runtime.hpp"
#include "syncline/write.hpp"

namespace syncline {

// Implement it next to Connector; requests go out with Connector::fetch().
class BlockingWriter {
  public:
    virtual void write(Batch& batch) = 0;

  protected:
    ~BlockingWriter() = default;
};

class BlockingFetcher {
  public:
    virtual void fetch_records(FetchBatch& batch) = 0;

  protected:
    ~BlockingFetcher() = default;
};

class BlockingReader {
  public:
    virtual void read(Page& page) = 0;

  protected:
    ~BlockingReader() = default;
};

namespace detail {

// Gives what `run` throws to whatever of the batch is left, as an outcome.
template <typename Batch, typename Run>
void run_blocking(Scope& scope, Batch& batch, const Run& run) {
    Failure failure{SYNCLINE_E_PLUGIN_BUG, "the connector threw something"};
    try {
        return run();
    } catch (const Failure& thrown) {
        failure = scope.is_effect_open ? thrown.with_possible_effect() : thrown;
    } catch (const std::exception& e) {
        failure.message = e.what();
        failure.may_have_had_effect = scope.may_have_had_effect;
    } catch (...) {
        failure.may_have_had_effect = scope.may_have_had_effect;
    }
    batch.rest_fail(failure);
}

}  // namespace detail
}  // namespace syncline

#endif
