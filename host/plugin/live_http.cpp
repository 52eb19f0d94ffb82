// Exchanges that a connector has open: sent through the account's transport, answered once each.
#include <future>
#include <utility>

#include "plugin/live_instance.hpp"
#include "plugin/live_operation.hpp"

namespace syncline::plugin {

syncline_status LiveInstance::send(const syncline_http_request* request, std::uint64_t user_id,
                                   syncline_http_handle* handle, syncline_error* error) {
    HttpRequest copy;
    Problem problem = copy_request(request, copy);
    if (handle == nullptr) problem = "send() was called without a place for the handle";
    if (generation_->tables().http == nullptr) {
        problem = "send() was called by a connector that has no " SYNCLINE_HTTP_ID;
    }
    if (is_signing_) problem = "send() was called from inside sign()";
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    if (options_.http == nullptr) {
        return refuse(error, FailureClass::kUnsupported, "this account has no access to HTTP");
    }
    if (const Failure unsigned_ = sign(copy); unsigned_.failure_class != FailureClass::kNone)
        return refuse(error, unsigned_.failure_class, unsigned_.message);
    std::uint64_t id = 0;
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kStopping || state_ == State::kOver) {
            return refuse(error, FailureClass::kCancelled, "the instance is being stopped");
        }
        if (works_for_nobody()) return refuse(error, FailureClass::kCancelled, kNobodyWaits);
        if (exchanges_.size() >= kOpenExchangesMax) {
            return refuse(error, FailureClass::kTransient, "too many exchanges are open");
        }
        const bool is_of_operation = current_operation_ != 0;
        id = exchanges_.insert({user_id, current_operation_, 0,
                                is_of_operation ? copy.method + ' ' + copy.url : std::string{}});
    }
    const std::uint64_t transport_id =
        options_.http->send(std::move(copy), [self = shared_from_this(), id](HttpReply reply) {
            auto shared = std::make_shared<const HttpReply>(std::move(reply));
            self->worker_->post([self, id, shared] { self->deliver(id, shared); });
        });
    // The entry is still there: it is taken out by deliver(), on this very thread, unless the
    // thread was seized.
    const std::lock_guard lock{mutex_};
    if (auto* exchange = exchanges_.find(id)) exchange->transport_id = transport_id;
    *handle = id;
    return SYNCLINE_OK;
}

void LiveInstance::cancel_exchange(syncline_http_handle handle) {
    std::uint64_t transport_id = 0;
    {
        const std::lock_guard lock{mutex_};
        const auto* exchange = exchanges_.find(handle);
        if (exchange == nullptr) return;
        transport_id = exchange->transport_id;
    }
    if (transport_id != 0) options_.http->cancel(transport_id);
}

// Those of one operation, or all.
void LiveInstance::cancel_exchanges(std::optional<std::uint64_t> operation) {
    std::vector<std::uint64_t> transport_ids;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [handle, exchange] : exchanges_) {
            const bool is_meant = !operation || exchange.operation == *operation;
            if (is_meant && exchange.transport_id != 0) {
                transport_ids.push_back(exchange.transport_id);
            }
        }
    }
    for (const std::uint64_t id : transport_ids) options_.http->cancel(id);
}

// A reply in the connector's terms.
struct LiveInstance::ReplyView {
    explicit ReplyView(std::shared_ptr<const HttpReply> given)
        : reply(std::move(given)), error(to_error(reply->failure)) {
        result.struct_size = sizeof result;
        result.may_have_been_processed = reply->may_have_been_processed ? 1 : 0;
        if (!reply->has_response) {
            result.error = &error;
            return;
        }
        for (const auto& [name, value] : reply->headers)
            headers.push_back({to_str(name), to_str(value)});
        result.has_response = 1;
        result.status = reply->status;
        result.header_count = static_cast<std::uint32_t>(headers.size());
        result.headers = headers.data();
        result.body = to_str(reply->body);
    }
    ReplyView(const ReplyView&) = delete;
    ReplyView& operator=(const ReplyView&) = delete;

    const std::shared_ptr<const HttpReply> reply;
    std::vector<syncline_pair> headers;
    syncline_error error;
    syncline_http_result result{};
};

// The exchange is over: its entry, if it is wanted still. Its operation remembers the response.
std::optional<LiveInstance::Exchange> LiveInstance::take_exchange(
    std::uint64_t handle, const std::shared_ptr<const HttpReply>& reply) {
    const std::lock_guard lock{mutex_};
    auto* found = exchanges_.find(handle);
    if (found == nullptr || state_ == State::kOver) return std::nullopt;
    Exchange exchange = std::move(*found);
    exchanges_.erase(handle);
    auto* operation = operations_.find(exchange.operation);
    if (reply->has_response && operation != nullptr && !(*operation)->is_reported) {
        (*operation)->answered_request = std::move(exchange.request);
        (*operation)->answer = reply;
    }
    return exchange;
}

void LiveInstance::deliver(std::uint64_t handle, const std::shared_ptr<const HttpReply>& answer) {
    const auto exchange = take_exchange(handle, answer);
    if (!exchange) return;
    const ReplyView view{answer};
    const OnBehalf behalf{*this, exchange->operation};
    const auto& table = *generation_->tables().http;
    if (!call_connector("done()",
                        [&] { table.done(instance_, exchange->user_id, &view.result); })) {
        misbehaved("an exception escaped from done()");
    }
    const std::lock_guard lock{mutex_};
    destroy_if_idle();
}

syncline_status LiveInstance::fetch_now(const syncline_http_request* request,
                                        const syncline_http_result** result,
                                        syncline_error* error) {
    HttpRequest copy;
    Problem problem = copy_request(request, copy);
    if (result == nullptr) problem = "fetch() was called without a place for the result";
    if (!manifest().is_blocking) problem = "an asynchronous connector waited for a response";
    if (is_signing_) problem = "fetch() was called from inside sign()";
    if (result != nullptr) *result = nullptr;
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    if (options_.http == nullptr)
        return refuse(error, FailureClass::kUnsupported, "this account has no access to HTTP");
    if (const Failure unsigned_ = sign(copy); unsigned_.failure_class != FailureClass::kNone)
        return refuse(error, unsigned_.failure_class, unsigned_.message);
    std::uint64_t id = 0;
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kStopping || state_ == State::kOver || is_interrupted())
            return refuse(error, FailureClass::kCancelled, "it was cancelled before it was sent");
        id = exchanges_.insert({0, current_operation_, 0, copy.method + ' ' + copy.url});
    }
    const auto limit = copy.timeout + generation_->options().cancel_grace;
    auto promise = std::make_shared<std::promise<std::shared_ptr<const HttpReply>>>();
    auto replied = promise->get_future();
    const std::uint64_t transport_id =
        options_.http->send(std::move(copy), [promise](HttpReply reply) {
            promise->set_value(std::make_shared<const HttpReply>(std::move(reply)));
        });
    bool is_cancelled = false;
    {
        const std::lock_guard lock{mutex_};
        if (auto* exchange = exchanges_.find(id)) exchange->transport_id = transport_id;
        is_cancelled = is_interrupted();
    }
    if (is_cancelled) options_.http->cancel(transport_id);
    std::shared_ptr<const HttpReply> reply;
    const Landed landed;
    if (replied.wait_for(limit) == std::future_status::ready) {
        reply = replied.get();
    } else {
        options_.http->cancel(transport_id);
        HttpReply late;
        late.failure = {FailureClass::kDeadline, "no response came in time", "", -1};
        late.may_have_been_processed = true;
        reply = std::make_shared<const HttpReply>(std::move(late));
    }
    if (!take_exchange(id, reply))
        return refuse(error, FailureClass::kCancelled, "the instance is over");
    fetched_ = std::make_shared<const ReplyView>(std::move(reply));
    *result = &fetched_->result;
    return SYNCLINE_OK;
}

}  // namespace syncline::plugin
