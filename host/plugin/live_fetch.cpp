// Fetch operations: a batch of keys goes to the connector, a result for each comes back.
#include <utility>
#include <vector>

#include "plugin/live_operation.hpp"

namespace syncline::plugin {

struct LiveInstance::Fetch final : LiveInstance::Operation {
    Fetch(FetchBatch given, std::function<void(std::vector<FetchResult>)> then)
        : Operation(given.stream, given.timeout),
          batch(std::move(given)),
          results(batch.requests.size()),
          done(std::move(then)) {
        for (const FetchRequest& request : batch.requests)
            if (request.subject.event != 0) subjects_of_requests.push_back(request.subject);
    }

    Failure check(const Manifest& manifest) const override {
        const StreamSpec* spec = manifest.stream(batch.stream);
        if (!manifest.can_fetch || spec == nullptr || !spec->can_fetch) {
            return {FailureClass::kUnsupported,
                    "the connector reads no records of a stream \"" + batch.stream + '"', "", -1};
        }
        if (batch.requests.size() > spec->fetch_records_max) {
            return {FailureClass::kHostBug,
                    "the batch asks for more records than the connector reads", "", -1};
        }
        return {};
    }

    const char* begin_name() const override { return "fetch()"; }
    std::span<const Subject> subjects() const override { return subjects_of_requests; }

    syncline_status begin(const Tables& tables, syncline_instance* instance, std::uint64_t handle,
                          syncline_error* error) override {
        for (const FetchRequest& request : batch.requests) {
            views.push_back({sizeof(syncline_fetch_request), 0, to_str(request.key),
                             to_str(request.parameters)});
        }
        for (const auto& request : views) pointers.push_back(&request);
        view = {sizeof view, static_cast<std::uint32_t>(views.size()), to_str(batch.stream),
                pointers.data(), batch.timeout.count()};
        return tables.fetch->fetch(instance, handle, &view, error);
    }

    void cancel(const Tables& tables, syncline_instance* instance, std::uint64_t handle) override {
        tables.fetch->cancel(instance, handle);
    }

    void refuse(const Failure& failure) override {
        results.assign(results.size(), FetchResult{FetchKind::kFailed, "", failure});
    }

    std::function<void()> take_result(LiveInstance&, const Failure& failure) override {
        std::vector<FetchResult> told;
        for (auto& result : results)
            told.push_back(result ? std::move(*result)
                                  : FetchResult{FetchKind::kFailed, "", failure});
        return [then = std::move(done), results = std::move(told)]() mutable {
            then(std::move(results));
        };
    }

    const FetchBatch batch;
    std::vector<Subject> subjects_of_requests;
    std::vector<std::optional<FetchResult>> results;  // as the connector has given them
    std::function<void(std::vector<FetchResult>)> done;

    // The batch in the connector's terms, borrowed by it until it completes.
    std::vector<syncline_fetch_request> views;
    std::vector<const syncline_fetch_request*> pointers;
    syncline_fetch_batch view{};
};

void LiveInstance::fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) {
    if (batch.requests.empty()) {
        worker_->complete([done = std::move(done)] { done({}); });
        return;
    }
    open(std::make_shared<Fetch>(std::move(batch), std::move(done)));
}

syncline_status LiveInstance::fetched(syncline_fetch_handle handle, std::uint32_t index,
                                      const syncline_fetch_result* result) {
    FetchResult copy;
    Problem problem = copy_fetch_result(result, copy);
    {
        const std::lock_guard lock{mutex_};
        auto* operation = find_operation<Fetch>(handle);
        if (operation == nullptr || operation->is_reported) return SYNCLINE_E_STALE;
        auto& results = operation->results;
        if (problem.empty() && index >= results.size()) {
            problem = "a result is for request " + std::to_string(index) + " of a batch of " +
                      std::to_string(results.size());
        } else if (problem.empty() && results[index]) {
            problem = "a request got a second result";
        }
        if (problem.empty()) {
            results[index] = std::move(copy);
            return SYNCLINE_OK;
        }
        if (index < results.size() && !results[index]) {
            results[index] =
                FetchResult{FetchKind::kFailed, "", {FailureClass::kPluginBug, problem, "", -1}};
        }
    }
    misbehaved(problem);
    return SYNCLINE_E_PLUGIN_BUG;
}

}  // namespace syncline::plugin
