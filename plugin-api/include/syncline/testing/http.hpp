// The fake host's HTTP: open exchanges, and the fetches of blocking connectors.
#ifndef SYNCLINE_TESTING_HTTP_HPP
#define SYNCLINE_TESTING_HTTP_HPP

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"
#include "syncline/testing/instance.hpp"
#include "syncline/testing/values.hpp"

namespace syncline::testing::fake {

// Asks a connector that signs its requests, as the real host does: its headers take the place of
// others of their names.
inline syncline_status sign(const Instance& instance, const syncline_http_request& request,
                            Headers& headers, syncline_error* error) {
    const void* table = instance.plugin.get_table(borrow(SYNCLINE_SIGN_ID));
    if (table == nullptr) return SYNCLINE_OK;
    const syncline_header_sink sink{
        sizeof sink, 0, &headers, [](void* context, syncline_str name, syncline_str value) {
            auto& to = *static_cast<Headers*>(context);
            std::erase_if(to, [&](const auto& other) { return other.first == view(name); });
            to.emplace_back(view(name), view(value));
        }};
    return static_cast<const syncline_plugin_sign*>(table)->sign(instance.self, &request, &sink,
                                                                 error);
}

class Exchanges {
  public:
    Exchanges(const Instance& instance, Handles& handles)
        : instance_(instance), handles_(handles) {}

    // Oldest first.
    std::vector<Exchange> all() const {
        std::vector<Exchange> all;
        for (const auto& [handle, pending] : open_) all.push_back(pending.exchange);
        return all;
    }
    bool empty() const { return open_.empty(); }

    // Ends the oldest.
    void respond(int status, std::string_view body, const Headers& headers) {
        std::vector<syncline_pair> pairs;
        for (const auto& [name, value] : headers) pairs.push_back({borrow(name), borrow(value)});
        syncline_http_result result{};
        result.struct_size = sizeof result;
        result.has_response = 1;
        result.status = status;
        result.header_count = static_cast<std::uint32_t>(pairs.size());
        result.headers = pairs.data();
        result.body = borrow(body);
        finish(oldest(), result);
    }
    void fail(const Failure& failure, bool may_have_been_processed) {
        finish(oldest(), failure, may_have_been_processed);
    }

    void cancel_all() {
        for (auto& [handle, pending] : open_) pending.exchange.is_cancelled = true;
    }
    // Ends those that are cancelled by now.
    template <typename AfterEach>
    void finish_cancelled(const AfterEach& after_each) {
        std::vector<syncline_http_handle> cancelled;
        for (const auto& [handle, pending] : open_) {
            if (pending.exchange.is_cancelled) cancelled.push_back(handle);
        }
        for (const syncline_http_handle handle : cancelled) {
            finish(handle, Failure{SYNCLINE_E_CANCELLED, "the exchange was cancelled"}, true);
            after_each();
        }
    }

    // From now on every send() is refused.
    void refuse_sends(Failure why) { refusal_ = std::make_unique<Failure>(std::move(why)); }
    void close() {
        if (!refusal_) refuse_sends({SYNCLINE_E_CANCELLED, "it is being stopped"});
    }

    // What the connector calls.
    syncline_status send(const syncline_http_request* request, std::uint64_t user_id,
                         syncline_http_handle* exchange, syncline_error* error) {
        if (refusal_) return refuse(*refusal_, error);
        Pending pending;
        pending.user_id = user_id;
        pending.exchange.method = view(request->method);
        pending.exchange.url = view(request->url);
        pending.exchange.body = view(request->body);
        for (std::uint32_t i = 0; i < request->header_count; ++i) {
            pending.exchange.headers.emplace_back(view(request->headers[i].name),
                                                  view(request->headers[i].value));
        }
        if (const syncline_status status =
                sign(instance_, *request, pending.exchange.headers, error);
            status != SYNCLINE_OK) {
            return status;
        }
        *exchange = handles_.next();
        open_.emplace(*exchange, std::move(pending));
        return SYNCLINE_OK;
    }
    void cancel(syncline_http_handle exchange) {
        const auto found = open_.find(exchange);
        if (found != open_.end()) found->second.exchange.is_cancelled = true;
    }

  private:
    struct Pending {
        std::uint64_t user_id = 0;
        Exchange exchange;
    };

    syncline_http_handle oldest() const {
        if (open_.empty()) throw std::runtime_error("the connector has sent nothing");
        return open_.begin()->first;
    }
    void finish(syncline_http_handle handle, const syncline_http_result& result) {
        const std::uint64_t user_id = open_.at(handle).user_id;
        open_.erase(handle);
        instance_.table<syncline_plugin_http>(SYNCLINE_HTTP_ID)
            .done(instance_.self, user_id, &result);
    }
    void finish(syncline_http_handle handle, const Failure& failure, bool may_have_been_processed) {
        const syncline_error error = detail::to_c(failure);
        syncline_http_result result{};
        result.struct_size = sizeof result;
        result.error = &error;
        result.may_have_been_processed = may_have_been_processed ? 1 : 0;
        finish(handle, result);
    }

    const Instance& instance_;
    Handles& handles_;
    std::map<syncline_http_handle, Pending> open_;
    std::unique_ptr<Failure> refusal_;
};

// A result is valid until the next fetch.
class Fetches {
  public:
    Fetches(const Instance& instance, std::vector<Exchange>& requests)
        : instance_(instance), requests_(requests) {}

    void will_respond(int status, std::string body) {
        responses_.emplace_back(status, std::move(body));
    }

    // What the connector calls.
    syncline_status fetch(const syncline_http_request* request, const syncline_http_result** result,
                          syncline_error* error) {
        requests_.push_back({std::string{view(request->method)},
                             std::string{view(request->url)},
                             std::string{view(request->body)},
                             {}});
        if (const syncline_status status =
                sign(instance_, *request, requests_.back().headers, error);
            status != SYNCLINE_OK) {
            return status;
        }
        if (responses_.empty())
            return refuse({SYNCLINE_E_TRANSIENT, "no response was prepared"}, error);
        response_ = std::move(responses_.front());
        responses_.pop_front();
        result_ = {};
        result_.struct_size = sizeof result_;
        result_.has_response = 1;
        result_.status = response_.first;
        result_.body = borrow(response_.second);
        *result = &result_;
        return SYNCLINE_OK;
    }

  private:
    const Instance& instance_;
    std::vector<Exchange>& requests_;
    std::deque<std::pair<int, std::string>> responses_;
    std::pair<int, std::string> response_;
    syncline_http_result result_{};
};

}  // namespace syncline::testing::fake

#endif
