// Handshakes and translations: calls that end when the connector returns.
#include <utility>

#include "plugin/live_instance.hpp"
#include "plugin/sinks.hpp"

namespace syncline::plugin {
namespace {

// A request in the connector's terms; borrows from the original.
struct RequestView {
    explicit RequestView(const WebhookRequest& request) {
        for (const auto& [name, value] : request.headers) {
            headers.push_back({to_str(name), to_str(value)});
        }
        view.struct_size = sizeof view;
        view.header_count = static_cast<std::uint32_t>(headers.size());
        view.method = to_str(request.method);
        view.path = to_str(request.path);
        view.query = to_str(request.query);
        view.headers = headers.data();
        view.body = to_str(request.body);
        view.received_ns = request.received_ns;
    }

    std::vector<syncline_pair> headers;
    syncline_webhook_request view{};
};

Failure plugin_bug(std::string message) {
    return {FailureClass::kPluginBug, std::move(message), "", -1};
}

}  // namespace

void LiveInstance::handshake(WebhookRequest request,
                             std::function<void(Failure, WebhookReply)> done) {
    auto shared = std::make_shared<const WebhookRequest>(std::move(request));
    enqueue([this, shared, done](std::uint64_t call) { run_handshake(call, *shared, done); },
            [done](Failure failure) { done(std::move(failure), {}); });
}

void LiveInstance::run_handshake(std::uint64_t call, const WebhookRequest& request,
                                 const std::function<void(Failure, WebhookReply)>& done) {
    const syncline_plugin_webhook* table = generation_->tables().webhook;
    if (table == nullptr || table->handshake == nullptr) {
        const Failure failure{FailureClass::kUnsupported, "the connector knows no handshakes", "",
                              -1};
        if (finish(call)) done(failure, {});
        return;
    }
    const RequestView view{request};
    ReplySink sink;
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    const bool has_returned = call_connector(
        [&] { status = table->handshake(instance_, &view.view, sink.table(), &error); });
    Failure failure;
    if (!has_returned) {
        failure = plugin_bug("an exception escaped from handshake()");
    } else if (status != SYNCLINE_OK) {
        failure = copy_failure(status, error);
    } else if (!sink.problem().empty()) {
        failure = plugin_bug(sink.problem());
    } else if (!sink.has_reply()) {
        failure = plugin_bug("handshake() succeeded without a reply");
    }
    if (failure.failure_class == FailureClass::kPluginBug) misbehaved(failure.message);
    if (!finish(call)) return;
    done(failure, failure.failure_class == FailureClass::kNone ? sink.take() : WebhookReply{});
}

void LiveInstance::translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                             std::function<void(std::vector<Translation>)> done) {
    const std::size_t count = requests.size();
    enqueue(
        [this, requests = std::move(requests), done](std::uint64_t call) {
            std::vector<Translation> translations;
            translations.reserve(requests.size());
            for (const auto& request : requests) translations.push_back(translate_one(*request));
            if (finish(call)) done(std::move(translations));
        },
        [count, done](const Failure& failure) {
            done(std::vector<Translation>(count, Translation{failure, {}}));
        });
}

Translation LiveInstance::translate_one(const WebhookRequest& request) {
    const syncline_plugin_webhook* table = generation_->tables().webhook;
    if (table == nullptr) {
        return {{FailureClass::kUnsupported, "the connector receives no webhooks", "", -1}, {}};
    }
    const RequestView view{request};
    RecordSink sink{*this};
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    const bool has_returned = call_connector(
        [&] { status = table->translate(instance_, &view.view, sink.table(), &error); });
    if (!has_returned || !sink.problem().empty()) {
        const std::string rule =
            has_returned ? sink.problem() : "an exception escaped from translate()";
        misbehaved(rule);
        return {plugin_bug(rule), {}};
    }
    if (status != SYNCLINE_OK) return {copy_failure(status, error), {}};
    return {{}, sink.take()};
}

}  // namespace syncline::plugin
