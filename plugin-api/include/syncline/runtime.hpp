// The part of an instance that talks to the host: tables, open exchanges, posts, and the end.
// Connectors see it through connector.hpp, http.hpp and write.hpp.
//
// Everything here is [instance]. Invariant: `stopped` is reported once, after stop(), when no
// coroutine, no exchange and no post is open.
#ifndef SYNCLINE_RUNTIME_HPP
#define SYNCLINE_RUNTIME_HPP

#include <array>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "syncline/check.h"
#include "syncline/clock.h"
#include "syncline/discover.h"
#include "syncline/expr.h"
#include "syncline/failure.hpp"
#include "syncline/fetch.h"
#include "syncline/file.h"
#include "syncline/hmac.h"
#include "syncline/host.h"
#include "syncline/http.h"
#include "syncline/idmap.h"
#include "syncline/log.h"
#include "syncline/periodic.h"
#include "syncline/read.h"
#include "syncline/secret.h"
#include "syncline/write.h"

namespace syncline {

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

namespace detail {

class Runtime;

// What a chain of coroutines works for. Each passes it on to those it awaits, so that an exchange
// deep within knows which operation it belongs to.
struct Scope {
    Runtime* runtime = nullptr;
    syncline_write_handle operation = 0;  // 0: none
    bool is_cancelled = false;
    // A request that changes something has got through: ever, and since the last outcome. Until
    // the connector says what it did, a failure can't claim that nothing happened.
    bool may_have_had_effect = false;
    bool is_effect_open = false;
    Scope* outer = nullptr;  // what this one is a part of, if anything

    Scope part() { return {.runtime = runtime, .operation = operation, .outer = this}; }
    bool has_ended() const { return is_cancelled || (outer != nullptr && outer->has_ended()); }
    void got_through() {
        may_have_had_effect = is_effect_open = true;
        if (outer != nullptr) outer->got_through();
    }
};

// What the host was asked for, and the coroutine that waits for it. Lives in the coroutine's frame;
// one that is destroyed while it waits is told no more.
class OpenCall {
  public:
    OpenCall(const OpenCall&) = delete;
    OpenCall& operator=(const OpenCall&) = delete;

  protected:
    explicit OpenCall(Scope& of) : scope(of) {}
    ~OpenCall() = default;

    Scope& scope;

  private:
    friend class Runtime;
    friend class OpenExchange;
    friend class OpenAppend;
    friend class OpenLookup;
    std::coroutine_handle<> waiting_;
    std::uint64_t id_ = 0;  // 0: not open
    bool is_beginning_ = false;
    bool came_too_early_ = false;
};

// An exchange.
class OpenExchange : public OpenCall {
  public:
    virtual ~OpenExchange();

    // Keeps the result, which is borrowed.
    virtual void take(const syncline_http_result& result) noexcept = 0;

  protected:
    using OpenCall::OpenCall;

  private:
    friend class Runtime;
    syncline_http_handle handle_ = 0;
};

// An append to a file.
class OpenAppend : public OpenCall {
  public:
    virtual ~OpenAppend();

    // Keeps the error, which is borrowed; null when all is well.
    virtual void take(const syncline_error* error) noexcept = 0;

  protected:
    using OpenCall::OpenCall;
};

// A lookup in the id map.
class OpenLookup : public OpenCall {
  public:
    virtual ~OpenLookup();

    // What the host found.
    struct Found {
        const syncline_str* values;
        std::uint32_t count;
        const syncline_error* error;  // null when all is well
    };
    // Keeps the values, which are borrowed.
    virtual void take(const Found& found) noexcept = 0;

  protected:
    using OpenCall::OpenCall;
};

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
        fetch_ = table<syncline_host_fetch>(SYNCLINE_FETCH_ID);
        read_ = table<syncline_host_read>(SYNCLINE_READ_ID);
        check_ = table<syncline_host_check>(SYNCLINE_CHECK_ID);
        discover_ = table<syncline_host_discover>(SYNCLINE_DISCOVER_ID);
        periodic_ = table<syncline_host_periodic>(SYNCLINE_PERIODIC_ID);
        hmac_ = table<syncline_host_hmac>(SYNCLINE_HMAC_ID);
        expr_ = table<syncline_host_expr>(SYNCLINE_EXPR_ID);
        file_ = table<syncline_host_file>(SYNCLINE_FILE_ID);
        ids_ = table<syncline_host_idmap>(SYNCLINE_IDMAP_ID);
        secret_ = table<syncline_host_secret>(SYNCLINE_SECRET_ID);
        if (log_ == nullptr) return lacks(SYNCLINE_LOG_ID);
        if (clock_ == nullptr) return lacks(SYNCLINE_CLOCK_ID);
        if (http_ == nullptr) return lacks(SYNCLINE_HTTP_ID);
        if (write_ == nullptr) return lacks(SYNCLINE_WRITE_ID);
        return {};
    }

    // Declared secrets; both throw a Failure, and show_secret() what `use` throws.
    syncline_secret_handle find_secret(std::string_view name) const;
    void show_secret(syncline_secret_handle secret,
                     const std::function<void(std::string_view)>& use) const;

    // The digest of the bytes with a secret.
    std::string hmac(syncline_secret_handle secret, syncline_digest algorithm,
                     std::string_view bytes) const {
        std::uint8_t digest[64];
        const std::size_t size = algorithm == SYNCLINE_SHA1     ? 20
                                 : algorithm == SYNCLINE_SHA256 ? 32
                                                                : 64;
        const syncline_status status =
            hmac_ == nullptr ? SYNCLINE_E_UNSUPPORTED
                             : hmac_->hmac(host_->handle, secret, algorithm, borrow(bytes), digest);
        if (status != SYNCLINE_OK)
            throw Failure{status, "the host makes no digest with this secret"};
        return {reinterpret_cast<const char*>(digest), size};
    }

    std::int64_t now_ns() const { return clock_->now_ns(host_->handle); }
    std::int64_t monotonic_ns() const { return clock_->monotonic_ns(host_->handle); }

    // At most 16 fields.
    void log(syncline_severity severity, std::string_view message,
             LogFields fields = {}) const noexcept {
        if (log_ == nullptr || is_closed_) return;
        std::array<syncline_pair, 16> pairs;
        std::uint32_t count = 0;
        for (const auto& [name, value] : fields) {
            if (count < pairs.size()) pairs[count++] = {borrow(name), borrow(value)};
        }
        log_->log(host_->handle, severity, borrow(message), pairs.data(), count);
    }

    // Starts an exchange that `waiting` is resumed after. False: none was started, and `error` says
    // why.
    bool send(OpenExchange& exchange, const syncline_http_request& request,
              std::coroutine_handle<> waiting, syncline_error& error);
    // The same for an append.
    bool append(OpenAppend& append, std::string_view path, std::string_view bytes,
                std::coroutine_handle<> waiting, syncline_error& error);
    // The same for a lookup in the id map.
    bool look_up(OpenLookup& lookup, std::string_view name_space,
                 const std::vector<syncline_str>& keys, std::coroutine_handle<> waiting,
                 syncline_error& error);
    // No coroutine waits for it any more.
    void forget(OpenExchange& exchange) noexcept;
    void forget(OpenAppend& append) noexcept { appends_.erase(std::exchange(append.id_, 0)); }
    void forget(OpenLookup& lookup) noexcept { lookups_.erase(std::exchange(lookup.id_, 0)); }
    void cancel_exchanges_of(syncline_write_handle operation) const {
        for (const auto& [id, exchange] : exchanges_) {
            if (exchange->scope.operation == operation)
                http_->cancel(host_->handle, exchange->handle_);
        }
    }

    // Expressions; both throw a Failure.
    syncline_expr_handle compile(std::string_view text) const;
    std::string evaluate(syncline_expr_handle expression, std::string_view input_json) const;

    // Maps a key for the write operation; throws a Failure.
    void put_id(syncline_write_handle operation, std::string_view name_space, std::string_view key,
                std::string_view value) const {
        if (ids_ == nullptr) throw lacks(SYNCLINE_IDMAP_ID);
        syncline_error error = empty_error();
        if (ids_->put(host_->handle, operation, borrow(name_space), borrow(key), borrow(value),
                      &error) != SYNCLINE_OK) {
            throw from_c(error);
        }
    }

    // The blocking style: the scope that fetch() works for, and the fetch itself. NULL with an
    // error, or the host's result, valid until the next one.
    Scope* blocking_scope = nullptr;
    const syncline_http_result* fetch(const syncline_http_request& request,
                                      syncline_error& error) const {
        const syncline_http_result* result = nullptr;
        const bool is_done = http_->fetch != nullptr &&
                             http_->fetch(host_->handle, &request, &result, &error) == SYNCLINE_OK;
        return is_done ? result : nullptr;
    }
    // The operation of a blocking connector ends with the call that began it.
    void leave_blocking() { beginning_ = 0; }

    // Operations. One that ends inside the call that began it is completed later: that call lies
    // between enter() and leave().
    void outcome(syncline_write_handle operation, std::uint32_t index,
                 const syncline_outcome& outcome) const {
        if (!is_closed_) write_->outcome(host_->handle, operation, index, &outcome);
    }
    void fetched(syncline_fetch_handle operation, std::uint32_t index,
                 const syncline_fetch_result& result) const {
        if (!is_closed_) fetch_->result(host_->handle, operation, index, &result);
    }
    // False: the host will not use the page.
    bool page_record(syncline_read_handle operation, const syncline_record& record) const {
        return !is_closed_ && read_->record(host_->handle, operation, &record) == SYNCLINE_OK;
    }
    void page_end(syncline_read_handle operation, const syncline_page_end& end) const {
        if (!is_closed_) read_->end(host_->handle, operation, &end);
    }
    void check_outcome(syncline_check_handle operation, const Status& status) const {
        if (is_closed_) return;
        const syncline_error error = status.ok() ? empty_error() : to_c(status.failure());
        check_->outcome(host_->handle, operation, status.ok() ? nullptr : &error);
    }
    void discover_outcome(syncline_discover_handle operation, std::string_view streams_json,
                          const Status& status) const {
        if (is_closed_) return;
        const syncline_error error = status.ok() ? empty_error() : to_c(status.failure());
        discover_->outcome(host_->handle, operation, borrow(streams_json),
                           status.ok() ? nullptr : &error);
    }
    void work_outcome(syncline_periodic_handle operation, std::int64_t next_due_ns,
                      const Status& status) const {
        if (is_closed_) return;
        const syncline_error error = status.ok() ? empty_error() : to_c(status.failure());
        periodic_->outcome(host_->handle, operation, next_due_ns, status.ok() ? nullptr : &error);
    }
    void enter(std::uint64_t operation) {
        beginning_ = operation;
        ended_inside_ = false;
    }
    // False: the operation could not be completed, so it must fail as a whole.
    bool leave_write() { return leave(write_->complete); }
    bool leave_fetch() { return leave(fetch_->complete); }
    bool leave_read() { return leave(read_->complete); }
    bool leave_check() { return leave(check_->complete); }
    bool leave_work() { return leave(periodic_->complete); }
    bool leave_discover() { return leave(discover_->complete); }
    void end_write(syncline_write_handle operation) { end_operation(operation, write_->complete); }
    void end_fetch(syncline_fetch_handle operation) { end_operation(operation, fetch_->complete); }
    void end_read(syncline_read_handle operation) { end_operation(operation, read_->complete); }
    bool can_fetch() const { return fetch_ != nullptr; }
    void end_check(syncline_check_handle operation) { end_operation(operation, check_->complete); }
    void end_discover(syncline_discover_handle operation) {
        end_operation(operation, discover_->complete);
    }
    void end_work(syncline_periodic_handle operation) {
        end_operation(operation, periodic_->complete);
    }
    bool can_work() const { return periodic_ != nullptr; }
    bool can_check() const { return check_ != nullptr; }
    bool can_discover() const { return discover_ != nullptr; }
    bool can_read() const { return read_ != nullptr; }

    // What the host calls.
    void done(std::uint64_t id, const syncline_http_result& result) { end(exchanges_, id, result); }
    void appended(std::uint64_t id, const syncline_error* error) { end(appends_, id, error); }
    void found(std::uint64_t id, const OpenLookup::Found& found) { end(lookups_, id, found); }
    void posted(std::uint64_t id);
    void stop() {
        is_stopping_ = true;
        for (const auto& [id, exchange] : exchanges_) {
            http_->cancel(host_->handle, exchange->handle_);
        }
        post({});  // `stopped` is never reported from inside stop()
    }

    // Reports `stopped` if it is time; called at the end of every call that may have closed
    // something.
    void settle(bool has_tasks) {
        if (!is_stopping_ || has_tasks || !posts_.empty() || is_stopped_) return;
        is_stopped_ = true;
        host_->stopped(host_->handle);
    }

    // From now on the host is not called.
    void close() { is_closed_ = true; }

  private:
    using Complete = syncline_status(SYNCLINE_CALL*)(syncline_host_handle, std::uint64_t);
    // An operation to complete after the current call; 0: none.
    struct Post {
        std::uint64_t operation = 0;
        Complete complete = nullptr;
    };

    bool leave(Complete complete) {
        const std::uint64_t operation = std::exchange(beginning_, 0);
        return !ended_inside_ || post({operation, complete});
    }
    void end_operation(std::uint64_t operation, Complete complete) {
        if (is_closed_) return;
        if (operation == beginning_) {
            ended_inside_ = true;
        } else {
            complete(host_->handle, operation);
        }
    }

    template <typename Table>
    const Table* table(std::string_view id) const {
        return static_cast<const Table*>(host_->get_table(host_->handle, borrow(id)));
    }
    static Failure lacks(std::string_view id) {
        return {SYNCLINE_E_UNSUPPORTED, "the host has no table " + std::string{id}};
    }
    // Every call of the host that a coroutine waits for begins and ends here.
    template <typename Call, typename Begin>
    bool begin(std::unordered_map<std::uint64_t, Call*>& open, Call& call,
               std::coroutine_handle<> waiting, syncline_error& error, const Begin& ask);
    template <typename Call, typename Result>
    void end(std::unordered_map<std::uint64_t, Call*>& open, std::uint64_t id,
             const Result& result);
    bool post(Post what) {
        const std::uint64_t id = next_id_++;
        posts_.emplace(id, what);
        if (host_->post(host_->handle, id) == SYNCLINE_OK) return true;
        posts_.erase(id);
        log(SYNCLINE_LOG_HOST_MISBEHAVING, "a post was refused");
        return false;
    }

    const syncline_host* host_;
    const syncline_host_log* log_ = nullptr;
    const syncline_host_clock* clock_ = nullptr;
    const syncline_host_http* http_ = nullptr;
    const syncline_host_write* write_ = nullptr;
    const syncline_host_fetch* fetch_ = nullptr;
    const syncline_host_read* read_ = nullptr;
    const syncline_host_check* check_ = nullptr;
    const syncline_host_discover* discover_ = nullptr;
    const syncline_host_periodic* periodic_ = nullptr;
    const syncline_host_hmac* hmac_ = nullptr;
    const syncline_host_expr* expr_ = nullptr;  // null: the host has none
    const syncline_host_file* file_ = nullptr;
    const syncline_host_idmap* ids_ = nullptr;
    const syncline_host_secret* secret_ = nullptr;

    std::unordered_map<std::uint64_t, OpenExchange*> exchanges_;
    std::unordered_map<std::uint64_t, OpenAppend*> appends_;
    std::unordered_map<std::uint64_t, OpenLookup*> lookups_;
    std::unordered_map<std::uint64_t, Post> posts_;
    std::uint64_t next_id_ = 1;
    std::uint64_t beginning_ = 0;
    bool ended_inside_ = false;
    bool is_stopping_ = false;
    bool is_stopped_ = false;
    bool is_closed_ = false;
};

inline OpenExchange::~OpenExchange() {
    if (id_ != 0) scope.runtime->forget(*this);
}

inline OpenAppend::~OpenAppend() {
    if (id_ != 0) scope.runtime->forget(*this);
}

inline OpenLookup::~OpenLookup() {
    if (id_ != 0) scope.runtime->forget(*this);
}

template <typename Call, typename Begin>
bool Runtime::begin(std::unordered_map<std::uint64_t, Call*>& open, Call& call,
                    std::coroutine_handle<> waiting, syncline_error& error, const Begin& ask) {
    if (call.scope.has_ended() || is_stopping_) {
        fill(error, SYNCLINE_E_CANCELLED, "it was cancelled before it was sent");
        return false;
    }
    call.waiting_ = waiting;
    const std::uint64_t id = next_id_++;
    open.emplace(id, &call);
    call.id_ = id;
    call.is_beginning_ = true;
    const bool is_open = ask(id) == SYNCLINE_OK;
    call.is_beginning_ = false;
    if (is_open && !call.came_too_early_) return true;
    open.erase(std::exchange(call.id_, 0));
    if (call.came_too_early_) {
        call.scope.got_through();
        fill(error, SYNCLINE_E_HOST_BUG, "the host ended a call from inside of it");
    }
    return false;
}

template <typename Call, typename Result>
void Runtime::end(std::unordered_map<std::uint64_t, Call*>& open, std::uint64_t id,
                  const Result& result) {
    const auto found = open.find(id);
    if (found == open.end()) {
        log(SYNCLINE_LOG_HOST_MISBEHAVING, "the result of an unknown call came");
        return;
    }
    Call& call = *found->second;
    if (call.is_beginning_) {
        // The coroutine is still running: resuming it here would run it twice at once.
        call.came_too_early_ = true;
        log(SYNCLINE_LOG_HOST_MISBEHAVING, "a call ended from inside of it");
        return;
    }
    open.erase(found);
    call.id_ = 0;
    call.take(result);
    call.waiting_.resume();
}

inline bool Runtime::send(OpenExchange& exchange, const syncline_http_request& request,
                          std::coroutine_handle<> waiting, syncline_error& error) {
    return begin(exchanges_, exchange, waiting, error, [&](std::uint64_t id) {
        return http_->send(host_->handle, &request, id, &exchange.handle_, &error);
    });
}

inline bool Runtime::append(OpenAppend& append, std::string_view path, std::string_view bytes,
                            std::coroutine_handle<> waiting, syncline_error& error) {
    if (file_ == nullptr) {
        fill(error, SYNCLINE_E_UNSUPPORTED, "the host has no table " SYNCLINE_FILE_ID);
        return false;
    }
    return begin(appends_, append, waiting, error, [&](std::uint64_t id) {
        return file_->append(host_->handle, borrow(path), borrow(bytes), id, &error);
    });
}

inline bool Runtime::look_up(OpenLookup& lookup, std::string_view name_space,
                             const std::vector<syncline_str>& keys, std::coroutine_handle<> waiting,
                             syncline_error& error) {
    if (ids_ == nullptr) {
        fill(error, SYNCLINE_E_UNSUPPORTED, "the host has no table " SYNCLINE_IDMAP_ID);
        return false;
    }
    return begin(lookups_, lookup, waiting, error, [&](std::uint64_t id) {
        return ids_->get(host_->handle, borrow(name_space), keys.data(),
                         static_cast<std::uint32_t>(keys.size()), id, &error);
    });
}

inline void Runtime::forget(OpenExchange& exchange) noexcept {
    exchanges_.erase(std::exchange(exchange.id_, 0));
    if (!is_closed_) http_->cancel(host_->handle, exchange.handle_);
}

inline syncline_expr_handle Runtime::compile(std::string_view text) const {
    if (expr_ == nullptr) throw lacks(SYNCLINE_EXPR_ID);
    syncline_expr_handle expression = 0;
    syncline_error error = empty_error();
    if (expr_->compile(host_->handle, borrow(text), &expression, &error) != SYNCLINE_OK)
        throw from_c(error);
    return expression;
}

inline std::string Runtime::evaluate(syncline_expr_handle expression,
                                     std::string_view input_json) const {
    if (expr_ == nullptr) throw lacks(SYNCLINE_EXPR_ID);
    struct Kept {
        std::string text;
        bool has_no_memory = false;
    } kept;
    const syncline_text_sink sink{sizeof(syncline_text_sink), 0, &kept,
                                  [](void* context, syncline_str text) noexcept {
                                      Kept& into = *static_cast<Kept*>(context);
                                      try {
                                          into.text = view(text);
                                      } catch (...) {
                                          into.has_no_memory = true;
                                      }
                                  }};
    syncline_error error = empty_error();
    if (expr_->evaluate(host_->handle, expression, borrow(input_json), &sink, &error) !=
        SYNCLINE_OK) {
        throw from_c(error);
    }
    if (kept.has_no_memory) throw std::bad_alloc();
    return std::move(kept.text);
}

inline syncline_secret_handle Runtime::find_secret(std::string_view name) const {
    if (secret_ == nullptr) throw lacks(SYNCLINE_SECRET_ID);
    syncline_secret_handle secret = 0;
    syncline_error error = empty_error();
    if (secret_->find(host_->handle, borrow(name), &secret, &error) != SYNCLINE_OK)
        throw from_c(error);
    return secret;
}

inline void Runtime::show_secret(syncline_secret_handle secret,
                                 const std::function<void(std::string_view)>& use) const {
    if (secret_ == nullptr) throw lacks(SYNCLINE_SECRET_ID);
    struct Shown {
        const std::function<void(std::string_view)>& use;
        std::exception_ptr thrown;
    } shown{use, nullptr};
    const syncline_text_sink sink{sizeof(syncline_text_sink), 0, &shown,
                                  [](void* context, syncline_str text) noexcept {
                                      Shown& to = *static_cast<Shown*>(context);
                                      try {
                                          to.use(view(text));
                                      } catch (...) {
                                          to.thrown = std::current_exception();
                                      }
                                  }};
    syncline_error error = empty_error();
    if (secret_->show(host_->handle, secret, &sink, &error) != SYNCLINE_OK) throw from_c(error);
    if (shown.thrown) std::rethrow_exception(shown.thrown);
}

inline void Runtime::posted(std::uint64_t id) {
    const auto found = posts_.find(id);
    if (found == posts_.end()) {
        log(SYNCLINE_LOG_HOST_MISBEHAVING, "an unknown post came");
        return;
    }
    const Post what = found->second;
    posts_.erase(found);
    if (what.operation != 0) what.complete(host_->handle, what.operation);
}

}  // namespace detail
}  // namespace syncline

#endif
