// An account that can't work now, because a secret of its settings can't be opened: what is asked
// of it has to be asked again later. Its events and records wait (see is_sealed in
// pipeline/plan.hpp).
//
// Concurrency: [any]; every call completes at once.
#pragma once

#include "plugin/instance.hpp"

namespace syncline::app {

class SealedInstance final : public plugin::Instance {
  public:
    explicit SealedInstance(plugin::Manifest manifest) : manifest_(std::move(manifest)) {}

    const plugin::Manifest& manifest() const override { return manifest_; }
    void handshake(plugin::WebhookRequest,
                   std::function<void(plugin::Failure, plugin::WebhookReply)> done) override {
        done(sealed(), {});
    }
    void translate(std::vector<std::shared_ptr<const plugin::WebhookRequest>> requests,
                   std::function<void(std::vector<plugin::Translation>)> done) override {
        plugin::Translation left;
        left.failure.failure_class = plugin::FailureClass::kCancelled;
        done(std::vector<plugin::Translation>(requests.size(), left));
    }
    void write(plugin::WriteBatch batch, std::function<void(plugin::WriteResult)> done) override {
        plugin::WriteResult result;
        result.outcomes.resize(batch.records.size());
        for (plugin::Outcome& outcome : result.outcomes)
            outcome.kind = plugin::OutcomeKind::kNotAttempted;
        done(std::move(result));
    }
    void fetch(plugin::FetchBatch batch,
               std::function<void(std::vector<plugin::FetchResult>)> done) override {
        plugin::FetchResult failed;
        failed.failure = sealed();
        done(std::vector<plugin::FetchResult>(batch.requests.size(), failed));
    }
    void read(plugin::ReadRequest, std::function<void(plugin::ReadResult)> done) override {
        plugin::ReadResult failed;
        failed.failure = sealed();
        done(std::move(failed));
    }
    void check(std::chrono::milliseconds, std::function<void(plugin::Failure)> done) override {
        done(sealed());
    }
    void discover(std::chrono::milliseconds,
                  std::function<void(plugin::Failure, std::string)> done) override {
        done(sealed(), {});
    }
    void verify(plugin::WebhookRequest, core::Secret,
                std::function<void(plugin::Failure)> done) override {
        done(sealed());
    }
    void stop(std::chrono::milliseconds, std::function<void()> stopped) override { stopped(); }

  private:
    static plugin::Failure sealed() {
        plugin::Failure failure;
        failure.failure_class = plugin::FailureClass::kTransient;
        failure.message = "a secret of this account can't be opened now";
        return failure;
    }

    const plugin::Manifest manifest_;
};

}  // namespace syncline::app
