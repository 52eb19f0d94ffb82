// Exchanges that a connector has open: sent through the account's transport, answered once each.
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
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    if (options_.http == nullptr) {
        return refuse(error, FailureClass::kUnsupported, "this account has no access to HTTP");
    }
    std::uint64_t id = 0;
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kStopping || state_ == State::kOver) {
            return refuse(error, FailureClass::kCancelled, "the instance is being stopped");
        }
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
            self->generation_->post([self, id, shared] { self->deliver(id, shared); });
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

void LiveInstance::deliver(std::uint64_t handle, const std::shared_ptr<const HttpReply>& answer) {
    const HttpReply& reply = *answer;
    Exchange exchange;
    {
        const std::lock_guard lock{mutex_};
        auto* found = exchanges_.find(handle);
        if (found == nullptr || state_ == State::kOver) return;
        exchange = std::move(*found);
        exchanges_.erase(handle);
        auto* operation = operations_.find(exchange.operation);
        if (reply.has_response && operation != nullptr && !(*operation)->is_reported) {
            (*operation)->answered_request = std::move(exchange.request);
            (*operation)->answer = answer;
        }
    }
    std::vector<syncline_pair> headers;
    syncline_error error = to_error(reply.failure);
    syncline_http_result result{};
    result.struct_size = sizeof result;
    result.may_have_been_processed = reply.may_have_been_processed ? 1 : 0;
    if (reply.has_response) {
        for (const auto& [name, value] : reply.headers) {
            headers.push_back({to_str(name), to_str(value)});
        }
        result.has_response = 1;
        result.status = reply.status;
        result.header_count = static_cast<std::uint32_t>(headers.size());
        result.headers = headers.data();
        result.body = to_str(reply.body);
    } else {
        result.error = &error;
    }
    current_operation_ = exchange.operation;
    const auto& table = *generation_->tables().http;
    if (!call_connector([&] { table.done(instance_, exchange.user_id, &result); })) {
        misbehaved("an exception escaped from done()");
    }
    current_operation_ = 0;
    const std::lock_guard lock{mutex_};
    destroy_if_idle();
}

}  // namespace syncline::plugin
