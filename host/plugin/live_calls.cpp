// Handshakes, verification, translations, answers: calls that end when the connector returns.
#include <cstring>
#include <utility>

#include "core/hash.hpp"
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

// An outcome in the connector's terms; borrows from the original.
struct AnswerView {
    explicit AnswerView(const Answer& answer) {
        errors.reserve(answer.records.size());
        records.reserve(answer.records.size());
        for (const AnswerRecord& record : answer.records) {
            syncline_answer_record& raw = records.emplace_back();
            raw.struct_size = sizeof raw;
            raw.kind = static_cast<syncline_answer_kind>(record.kind);
            raw.stream = to_str(record.stream);
            raw.key = to_str(record.key);
            raw.destination_key = to_str(record.destination_key);
            raw.reply = to_str(record.reply);
            if (record.kind != AnswerKind::kFailed) continue;
            raw.error = &errors.emplace_back(to_error(record.failure));
        }
        for (const syncline_answer_record& record : records) pointers.push_back(&record);
        view = {sizeof view, static_cast<std::uint32_t>(records.size()), to_str(answer.event),
                pointers.data()};
    }

    std::vector<syncline_error> errors;
    std::vector<syncline_answer_record> records;
    std::vector<const syncline_answer_record*> pointers;
    syncline_answer view{};
};
static_assert(static_cast<int>(AnswerKind::kDelivered) == SYNCLINE_ANSWER_DELIVERED &&
              static_cast<int>(AnswerKind::kFailed) == SYNCLINE_ANSWER_FAILED);

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

// A call whose output is a reply.
template <class Run, class Done>
void LiveInstance::run_reply(const char* name, std::uint64_t call, const Run& run,
                             const Done& done) {
    ReplySink sink;
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    const OnBehalf behalf{*this, 0};
    const bool has_returned = call_connector(name, [&] { status = run(sink.table(), &error); });
    Failure failure;
    if (!has_returned) {
        failure = plugin_bug("an exception escaped from a call");
    } else if (status != SYNCLINE_OK) {
        failure = copy_failure(status, error);
    } else if (!sink.problem().empty()) {
        failure = plugin_bug(sink.problem());
    } else if (!sink.has_reply()) {
        failure = plugin_bug("a call succeeded without a reply");
    }
    if (failure.failure_class == FailureClass::kPluginBug) misbehaved(failure.message);
    if (!finish(call)) return;
    done(failure, failure.failure_class == FailureClass::kNone ? sink.take() : WebhookReply{});
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
    const auto run = [&](const syncline_reply_sink* sink, syncline_error* error) {
        return table->handshake(instance_, &view.view, sink, error);
    };
    run_reply("handshake()", call, run, done);
}

void LiveInstance::answer(WebhookRequest request, Answer outcome,
                          std::function<void(Failure, WebhookReply)> done) {
    auto asked = std::make_shared<const WebhookRequest>(std::move(request));
    auto given = std::make_shared<const Answer>(std::move(outcome));
    enqueue(
        [this, asked, given, done](std::uint64_t call) { run_answer(call, *asked, *given, done); },
        [done](Failure failure) { done(std::move(failure), {}); });
}

void LiveInstance::run_answer(std::uint64_t call, const WebhookRequest& request,
                              const Answer& outcome,
                              const std::function<void(Failure, WebhookReply)>& done) {
    const syncline_plugin_webhook* table = generation_->tables().webhook;
    if (table == nullptr || table->answer == nullptr) {
        if (finish(call)) Instance::answer({}, {}, done);
        return;
    }
    const RequestView view{request};
    const AnswerView answered{outcome};
    const auto run = [&](const syncline_reply_sink* sink, syncline_error* error) {
        return table->answer(instance_, &view.view, &answered.view, sink, error);
    };
    run_reply("answer()", call, run, done);
}

void LiveInstance::verify(WebhookRequest request, core::Secret secret,
                          std::function<void(Failure)> done) {
    auto asked = std::make_shared<const WebhookRequest>(std::move(request));
    auto key = std::make_shared<const core::Secret>(std::move(secret));
    enqueue([this, asked, key, done](std::uint64_t call) { run_verify(call, *asked, *key, done); },
            done);
}

void LiveInstance::run_verify(std::uint64_t call, const WebhookRequest& request,
                              const core::Secret& secret,
                              const std::function<void(Failure)>& done) {
    const syncline_plugin_webhook* table = generation_->tables().webhook;
    if (table == nullptr || table->verify == nullptr) {
        if (finish(call)) Instance::verify({}, {}, done);
        return;
    }
    const RequestView view{request};
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    if (!secret.empty()) {
        secret_ = &secret;
        secret_handle_ = next_handle();
    }
    const OnBehalf behalf{*this, 0};
    const bool has_returned = call_connector(
        "verify()", [&] { status = table->verify(instance_, &view.view, secret_handle_, &error); });
    secret_ = nullptr;
    secret_handle_ = 0;
    Failure failure;
    if (!has_returned) {
        failure = plugin_bug("an exception escaped from verify()");
        misbehaved(failure.message);
    } else if (status != SYNCLINE_OK) {
        failure = copy_failure(status, error);
    }
    if (finish(call)) done(std::move(failure));
}

syncline_status LiveInstance::hmac(syncline_secret_handle secret, syncline_digest algorithm,
                                   syncline_str bytes, std::uint8_t* digest) {
    const core::Secret* key = secret == secret_handle_ ? secret_ : found_secret(secret);
    if (secret == 0 || key == nullptr) return SYNCLINE_E_STALE;
    if (digest == nullptr || (bytes.ptr == nullptr && bytes.len != 0)) {
        misbehaved("hmac() was called without bytes or without room for the digest");
        return SYNCLINE_E_PLUGIN_BUG;
    }
    core::HmacDigest function{};
    switch (algorithm) {
        case SYNCLINE_SHA1:
            function = core::HmacDigest::kSha1;
            break;
        case SYNCLINE_SHA256:
            function = core::HmacDigest::kSha256;
            break;
        case SYNCLINE_SHA512:
            function = core::HmacDigest::kSha512;
            break;
        default:
            return SYNCLINE_E_UNSUPPORTED;
    }
    const std::string_view data{bytes.len == 0 ? "" : bytes.ptr, bytes.len};
    const std::string result = core::hmac(function, key->reveal(), data);
    std::memcpy(digest, result.data(), result.size());
    return SYNCLINE_OK;
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
    note_subjects(options_.account, std::span{&request.subject, 1});
    const bool has_returned = call_connector("translate()", [&] {
        status = table->translate(instance_, &view.view, sink.table(), &error);
    });
    if (!has_returned || !sink.problem().empty()) {
        const std::string rule =
            has_returned ? sink.problem() : "an exception escaped from translate()";
        misbehaved(rule);
        return {plugin_bug(rule), {}};
    }
    if (status == SYNCLINE_OK) return {{}, sink.take()};
    Failure failure = copy_failure(status, error);
    if (failure.failure_class == FailureClass::kCancelled && !is_stopping()) {
        // The hub's word for a source that was stopped: its events would wait for the next start.
        const std::string rule = "translate() failed as cancelled, which nobody asked for";
        misbehaved(rule);
        failure = plugin_bug(rule + ": " + failure.message);
    }
    return {std::move(failure), {}};
}

}  // namespace syncline::plugin
