// Read operations: a cursor goes to the connector, a page of records and the next cursor come back.
#include <utility>

#include "plugin/live_operation.hpp"

namespace syncline::plugin {

struct LiveInstance::Read final : LiveInstance::Operation {
    Read(ReadRequest given, std::function<void(ReadResult)> then)
        : Operation(given.stream, given.timeout),
          request(std::move(given)),
          done(std::move(then)) {}

    Failure check(const Manifest& manifest) const override {
        const StreamSpec* spec = manifest.stream(request.stream);
        const bool can_read =
            spec != nullptr && (request.is_full ? spec->reads_full : spec->reads_incremental);
        if (manifest.can_read && can_read) return {};
        const std::string how = request.is_full ? "as a whole" : "for what has changed";
        return {FailureClass::kUnsupported,
                "the connector does not read the stream \"" + request.stream + "\" " + how, "", -1};
    }

    const char* begin_name() const override { return "read()"; }

    syncline_status begin(const Tables& tables, syncline_instance* instance, std::uint64_t handle,
                          syncline_error* error) override {
        view = {sizeof view,
                request.records_max,
                to_str(request.stream),
                to_str(request.cursor),
                request.is_full ? 1 : 0,
                0,
                request.timeout.count()};
        return tables.read->read(instance, handle, &view, error);
    }

    void cancel(const Tables& tables, syncline_instance* instance, std::uint64_t handle) override {
        tables.read->cancel(instance, handle);
    }

    void refuse(const Failure& failure) override { fail(failure); }

    std::function<void()> take_result(LiveInstance&, const Failure& failure) override {
        if (!has_ended) fail(failure);
        return [then = std::move(done), result = std::move(result)]() mutable {
            then(std::move(result));
        };
    }

    // The failure counts, and nothing of the page besides.
    void fail(const Failure& failure) {
        has_ended = true;
        result = {};
        result.failure = failure;
    }
    // The connector broke a rule; what it says of the page from now on does not matter.
    void break_rule(const Problem& problem) {
        is_broken = true;
        fail({FailureClass::kPluginBug, problem, "", -1});
    }

    Problem add(const syncline_record* record, const Manifest& manifest) {
        if (has_ended) return "a record came behind the end of its page";
        if (result.records.size() >= record::kRecordsPerEventMax) {
            return "a page has more than " + std::to_string(record::kRecordsPerEventMax) +
                   " records";
        }
        record::Record copy;
        if (Problem problem = copy_record(record, manifest, copy); !problem.empty()) return problem;
        if (copy.stream != request.stream)
            return "a record of a page is of the stream \"" + copy.stream + "\", not of \"" +
                   request.stream + '"';
        bytes += copy.key.size() + copy.body.size();
        if (bytes > kTranslationBytesMax)
            return "a page has more than " + std::to_string(kTranslationBytesMax) + " bytes";
        result.records.push_back(std::move(copy));
        return {};
    }

    Problem end(const syncline_page_end* page_end) {
        if (has_ended) return "a page has a second end";
        ReadResult told;
        if (Problem problem = copy_page_end(page_end, told); !problem.empty()) return problem;
        if (told.failure.failure_class != FailureClass::kNone) {
            fail(told.failure);
            return {};
        }
        if (told.has_more && (told.cursor.empty() || told.cursor == request.cursor))
            return "a page says that there is more, and its cursor does not move";
        has_ended = true;
        result.cursor = std::move(told.cursor);
        result.has_more = told.has_more;
        return {};
    }

    const ReadRequest request;
    ReadResult result;
    std::size_t bytes = 0;
    bool has_ended = false;  // the result stands
    bool is_broken = false;
    std::function<void(ReadResult)> done;

    // The request in the connector's terms, borrowed by it until it completes.
    syncline_read_request view{};
};

void LiveInstance::read(ReadRequest request, std::function<void(ReadResult)> done) {
    open(std::make_shared<Read>(std::move(request), std::move(done)));
}

template <class Change>
syncline_status LiveInstance::change_page(syncline_read_handle handle, const Change& change) {
    Problem problem;
    {
        const std::lock_guard lock{mutex_};
        auto* page = find_operation<Read>(handle);
        if (page == nullptr || page->is_reported) return SYNCLINE_E_STALE;
        if (page->is_broken) return SYNCLINE_E_PLUGIN_BUG;
        problem = change(*page);
        if (problem.empty()) return SYNCLINE_OK;
        page->break_rule(problem);
    }
    misbehaved(problem);
    return SYNCLINE_E_PLUGIN_BUG;
}

syncline_status LiveInstance::page_record(syncline_read_handle handle,
                                          const syncline_record* record) {
    return change_page(handle, [&](Read& page) { return page.add(record, manifest()); });
}

syncline_status LiveInstance::page_end(syncline_read_handle handle, const syncline_page_end* end) {
    return change_page(handle, [&](Read& page) { return page.end(end); });
}

}  // namespace syncline::plugin
