// The part of an instance that talks to the host: tables, open exchanges, tasks, and the end.
// Connectors see it through connector.hpp and write.hpp.
//
// Invariant: `stopped` is reported once, after stop(), when no exchange, no task and no write
// operation is open.
#ifndef SYNCLINE_RUNTIME_HPP
#define SYNCLINE_RUNTIME_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "syncline/clock.h"
#include "syncline/failure.hpp"
#include "syncline/host.h"
#include "syncline/http.hpp"
#include "syncline/log.h"
#include "syncline/write.h"

namespace syncline {

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

namespace detail {

class Runtime {
  public:
    explicit Runtime(const syncline_host* host) : host_(host) {}
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // Finds the host's tables; from init() on.
    Status open() {
        log_ = table<syncline_host_log>(SYNCLINE_LOG_ID);
        clock_ = table<syncline_host_clock>(SYNCLINE_CLOCK_ID);
        http_ = table<syncline_host_http>(SYNCLINE_HTTP_ID);
        write_ = table<syncline_host_write>(SYNCLINE_WRITE_ID);
        if (log_ == nullptr) return lacks(SYNCLINE_LOG_ID);
        if (clock_ == nullptr) return lacks(SYNCLINE_CLOCK_ID);
        if (http_ == nullptr) return lacks(SYNCLINE_HTTP_ID);
        if (write_ == nullptr) return lacks(SYNCLINE_WRITE_ID);
        return {};
    }

    std::int64_t now_ns() const { return clock_->now_ns(host_->handle); }
    std::int64_t monotonic_ns() const { return clock_->monotonic_ns(host_->handle); }

    // At most 16 fields.
    void log(syncline_severity severity, std::string_view message,
             LogFields fields = {}) const noexcept {
        if (log_ == nullptr) return;
        std::array<syncline_pair, 16> pairs;
        std::uint32_t count = 0;
        for (const auto& [name, value] : fields) {
            if (count < pairs.size()) pairs[count++] = {borrow(name), borrow(value)};
        }
        log_->log(host_->handle, severity, borrow(message), pairs.data(), count);
    }

    // Starts an exchange; the callback comes exactly once, never from inside this call, also when
    // the host refuses it. `operation`: the write operation that it belongs to, or 0.
    std::uint64_t send(const HttpRequest& request, HttpCallback callback,
                       syncline_write_handle operation = 0);

    // Ends an exchange early; its callback still comes. An unknown id is ignored.
    void cancel(std::uint64_t id) {
        const auto found = exchanges_.find(id);
        if (found != exchanges_.end() && found->second.handle != 0) {
            http_->cancel(host_->handle, found->second.handle);
        }
    }

    void cancel_operation(syncline_write_handle operation) {
        for (const auto& [id, exchange] : exchanges_) {
            const bool is_of = exchange.operation == operation && exchange.handle != 0;
            if (is_of) http_->cancel(host_->handle, exchange.handle);
        }
    }

    // Runs the task after the current call. False if the host refused, which is a bug of its.
    bool later(std::function<void()> task) {
        const std::uint64_t id = next_id_++;
        tasks_.emplace(id, std::move(task));
        if (host_->post(host_->handle, id) == SYNCLINE_OK) return true;
        tasks_.erase(id);
        log(SYNCLINE_LOG_HOST_MISBEHAVING, "a post was refused");
        return false;
    }

    // What the host calls.
    void done(std::uint64_t id, const HttpResult& result) {
        const auto found = exchanges_.find(id);
        if (found == exchanges_.end()) {
            log(SYNCLINE_LOG_HOST_MISBEHAVING, "the result of an unknown exchange came");
            return;
        }
        const HttpCallback callback = std::move(found->second.callback);
        exchanges_.erase(found);
        callback(result);
    }
    void posted(std::uint64_t id) {
        const auto found = tasks_.find(id);
        if (found == tasks_.end()) {
            log(SYNCLINE_LOG_HOST_MISBEHAVING, "an unknown post came");
            return;
        }
        const std::function<void()> task = std::move(found->second);
        tasks_.erase(found);
        task();
    }

    // Write operations. One that ends inside the write() that began it is completed later, see
    // begin_write().
    void outcome(syncline_write_handle operation, std::uint32_t index,
                 const syncline_outcome& outcome) const {
        if (!is_closed_) write_->outcome(host_->handle, operation, index, &outcome);
    }
    void begin_write(syncline_write_handle operation) {
        ++operations_;
        beginning_ = operation;
        ended_inside_ = false;
    }
    // Leaves write(). False: the operation could not be completed, so it must fail as a whole.
    bool end_of_write(syncline_write_handle operation) {
        beginning_ = 0;
        return !ended_inside_ || later([this, operation] { complete(operation); });
    }
    void end_operation(syncline_write_handle operation) {
        if (is_closed_) return;
        if (operation == beginning_) {
            ended_inside_ = true;
        } else {
            complete(operation);
        }
    }
    // The operation failed to begin: there is nothing to complete.
    void forget_operation() { --operations_; }

    void stop() {
        is_stopping_ = true;
        for (const auto& [id, exchange] : exchanges_) {
            if (exchange.handle != 0) http_->cancel(host_->handle, exchange.handle);
        }
        later([] {});
    }

    // Reports `stopped` if it is time; called at the end of every call that may have closed
    // something.
    void settle() {
        const bool is_idle = exchanges_.empty() && tasks_.empty() && operations_ == 0;
        if (!is_stopping_ || !is_idle || is_stopped_) return;
        is_stopped_ = true;
        host_->stopped(host_->handle);
    }

    // From now on the host is not called.
    void close() { is_closed_ = true; }

  private:
    struct Exchange {
        HttpCallback callback;
        syncline_http_handle handle = 0;
        syncline_write_handle operation = 0;
    };

    template <typename Table>
    const Table* table(std::string_view id) const {
        return static_cast<const Table*>(host_->get_table(host_->handle, borrow(id)));
    }
    static Failure lacks(std::string_view id) {
        return {SYNCLINE_E_UNSUPPORTED, "the host has no table " + std::string{id}};
    }
    void complete(syncline_write_handle operation) {
        --operations_;
        write_->complete(host_->handle, operation);
    }

    const syncline_host* host_;
    const syncline_host_log* log_ = nullptr;
    const syncline_host_clock* clock_ = nullptr;
    const syncline_host_http* http_ = nullptr;
    const syncline_host_write* write_ = nullptr;

    std::unordered_map<std::uint64_t, Exchange> exchanges_;
    std::unordered_map<std::uint64_t, std::function<void()>> tasks_;
    std::uint64_t next_id_ = 1;
    std::size_t operations_ = 0;
    syncline_write_handle beginning_ = 0;
    bool ended_inside_ = false;
    bool is_stopping_ = false;
    bool is_stopped_ = false;
    bool is_closed_ = false;
};

inline std::uint64_t Runtime::send(const HttpRequest& request, HttpCallback callback,
                                   syncline_write_handle operation) {
    std::vector<syncline_pair> headers;
    headers.reserve(request.headers.size());
    for (const auto& [name, value] : request.headers)
        headers.push_back({borrow(name), borrow(value)});

    syncline_http_request raw{};
    raw.struct_size = sizeof raw;
    raw.header_count = static_cast<std::uint32_t>(headers.size());
    raw.method = borrow(request.method);
    raw.url = borrow(request.url);
    raw.headers = headers.data();
    raw.body = borrow(request.body);
    raw.timeout_ms = request.timeout.count();

    const std::uint64_t id = next_id_++;
    Exchange& exchange = exchanges_[id];
    exchange.callback = std::move(callback);
    exchange.operation = operation;
    syncline_error error = empty_error();
    if (http_->send(host_->handle, &raw, id, &exchange.handle, &error) == SYNCLINE_OK) return id;

    exchange.handle = 0;
    const bool will_come = later([this, id, error] {
        syncline_http_result refused{};
        refused.struct_size = sizeof refused;
        refused.error = &error;
        done(id, HttpResult{refused});
    });
    if (!will_come) exchanges_.erase(id);
    return id;
}

}  // namespace detail
}  // namespace syncline

#endif
