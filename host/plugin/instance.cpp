// What a manifest is asked, and what an instance answers that lacks a capability.
#include <algorithm>

#include "plugin/instance.hpp"

namespace syncline::plugin {

const StreamSpec* Manifest::stream(std::string_view stream_name) const {
    const auto found = std::find_if(streams.begin(), streams.end(), [&](const StreamSpec& spec) {
        return spec.name == stream_name;
    });
    return found == streams.end() ? nullptr : &*found;
}

namespace {

Failure unsupported(const char* what) {
    return {FailureClass::kUnsupported, what, "", -1};
}

}  // namespace

void Instance::fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) {
    const FetchResult result{FetchKind::kFailed, "", unsupported("the connector reads no records")};
    done(std::vector<FetchResult>(batch.requests.size(), result));
}

void Instance::read(ReadRequest, std::function<void(ReadResult)> done) {
    ReadResult result;
    result.failure = unsupported("the connector reads no pages");
    done(std::move(result));
}

void Instance::check(std::chrono::milliseconds, std::function<void(Failure)> done) {
    done(unsupported("the connector checks no credentials"));
}

void Instance::discover(std::chrono::milliseconds, std::function<void(Failure, std::string)> done) {
    done(unsupported("the connector discovers no streams"), {});
}

void Instance::work(std::optional<std::int64_t>, std::chrono::milliseconds,
                    std::function<void(WorkResult)> done) {
    done({unsupported("the connector has no work of its own"), {}});
}

void Instance::save_state(std::function<void(SavedState)> done) {
    done({unsupported("the connector keeps no state"), {}});
}

void Instance::verify(WebhookRequest, core::Secret, std::function<void(Failure)> done) {
    done(unsupported("the connector verifies no requests"));
}

void Instance::answer(WebhookRequest, Answer, std::function<void(Failure, WebhookReply)> done) {
    done(unsupported("the connector words no answers"), {});
}

}  // namespace syncline::plugin
