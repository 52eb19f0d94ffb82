// The functions that a connector calls, and the tables in which it finds them. Nothing that a
// connector passes is trusted: a host handle that is stale yields SYNCLINE_E_STALE, a call from a
// foreign thread SYNCLINE_E_PLUGIN_BUG.
#include <string_view>

#include "core/log.hpp"
#include "plugin/live_instance.hpp"
#include "syncline/check.h"
#include "syncline/clock.h"
#include "syncline/discover.h"
#include "syncline/expr.h"
#include "syncline/fetch.h"
#include "syncline/file.h"
#include "syncline/hmac.h"
#include "syncline/http.h"
#include "syncline/idmap.h"
#include "syncline/log.h"
#include "syncline/periodic.h"
#include "syncline/read.h"
#include "syncline/version.h"
#include "syncline/write.h"

namespace syncline::plugin {
namespace {

// Runs a function tagged [instance]. Nothing is thrown into the connector.
template <class Call>
syncline_status on_instance(syncline_host_handle handle, const Call& call) noexcept {
    try {
        const auto instance = find_instance(handle);
        if (instance == nullptr) return SYNCLINE_E_STALE;
        if (!instance->is_own_thread()) {
            instance->misbehaved("the host was called on a thread that is not the instance's");
            return SYNCLINE_E_PLUGIN_BUG;
        }
        return call(*instance);
    } catch (const std::exception& error) {
        core::log_error("plugin", "a call from a connector failed in the host",
                        {{"error", error.what()}});
        return SYNCLINE_E_HOST_BUG;
    }
}

// The same for [any].
template <class Call>
void on_any(syncline_host_handle handle, const Call& call) noexcept {
    try {
        if (const auto instance = find_instance(handle)) call(*instance);
    } catch (const std::exception& error) {
        core::log_error("plugin", "a call from a connector failed in the host",
                        {{"error", error.what()}});
    }
}

syncline_status SYNCLINE_CALL host_post(syncline_host_handle host, uint64_t user_id) {
    return on_instance(host, [&](LiveInstance& instance) { return instance.post(user_id); });
}

void SYNCLINE_CALL host_stopped(syncline_host_handle host) {
    on_instance(host, [](LiveInstance& instance) {
        instance.stopped();
        return SYNCLINE_OK;
    });
}

syncline_status SYNCLINE_CALL http_send(syncline_host_handle host,
                                        const syncline_http_request* request, uint64_t user_id,
                                        syncline_http_handle* handle, syncline_error* error) {
    return on_instance(host, [&](LiveInstance& instance) {
        return instance.send(request, user_id, handle, error);
    });
}

void SYNCLINE_CALL http_cancel(syncline_host_handle host, syncline_http_handle handle) {
    on_any(host, [&](LiveInstance& instance) { instance.cancel_exchange(handle); });
}

syncline_status SYNCLINE_CALL http_fetch(syncline_host_handle host,
                                         const syncline_http_request* request,
                                         const syncline_http_result** result,
                                         syncline_error* error) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.fetch_now(request, result, error); });
}

void SYNCLINE_CALL log_line(syncline_host_handle host, syncline_severity severity,
                            syncline_str message, const syncline_pair* fields,
                            uint32_t field_count) {
    on_any(host,
           [&](LiveInstance& instance) { instance.log(severity, message, fields, field_count); });
}

int64_t SYNCLINE_CALL clock_now(syncline_host_handle host) {
    std::int64_t now = 0;
    on_any(host, [&](LiveInstance& instance) { now = instance.clock().wall_ns(); });
    return now != 0 ? now : core::system_clock().wall_ns();
}

int64_t SYNCLINE_CALL clock_monotonic(syncline_host_handle host) {
    std::int64_t now = 0;
    on_any(host, [&](LiveInstance& instance) { now = instance.clock().monotonic().count(); });
    return now != 0 ? now : core::system_clock().monotonic().count();
}

syncline_status SYNCLINE_CALL write_outcome(syncline_host_handle host,
                                            syncline_write_handle operation, uint32_t index,
                                            const syncline_outcome* outcome) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.outcome(operation, index, outcome); });
}

// Of every kind of operation: handles are never given twice.
syncline_status SYNCLINE_CALL complete(syncline_host_handle host, uint64_t operation) {
    return on_instance(host, [&](LiveInstance& instance) { return instance.complete(operation); });
}

syncline_status SYNCLINE_CALL fetch_result(syncline_host_handle host,
                                           syncline_fetch_handle operation, uint32_t index,
                                           const syncline_fetch_result* result) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.fetched(operation, index, result); });
}

syncline_status SYNCLINE_CALL read_record(syncline_host_handle host, syncline_read_handle operation,
                                          const syncline_record* record) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.page_record(operation, record); });
}

syncline_status SYNCLINE_CALL read_end(syncline_host_handle host, syncline_read_handle operation,
                                       const syncline_page_end* end) {
    return on_instance(host,
                       [&](LiveInstance& instance) { return instance.page_end(operation, end); });
}

syncline_status SYNCLINE_CALL check_outcome(syncline_host_handle host,
                                            syncline_check_handle operation,
                                            const syncline_error* error) {
    return on_instance(host,
                       [&](LiveInstance& instance) { return instance.checked(operation, error); });
}

syncline_status SYNCLINE_CALL discover_outcome(syncline_host_handle host,
                                               syncline_discover_handle operation,
                                               syncline_str streams_json,
                                               const syncline_error* error) {
    return on_instance(host, [&](LiveInstance& instance) {
        return instance.discovered(operation, streams_json, error);
    });
}

syncline_status SYNCLINE_CALL work_outcome(syncline_host_handle host,
                                           syncline_periodic_handle operation, int64_t next_due_ns,
                                           const syncline_error* error) {
    return on_instance(host, [&](LiveInstance& instance) {
        return instance.worked(operation, next_due_ns, error);
    });
}

syncline_status SYNCLINE_CALL hmac(syncline_host_handle host, syncline_secret_handle secret,
                                   syncline_digest algorithm, syncline_str bytes, uint8_t* digest) {
    return on_instance(host, [&](LiveInstance& instance) {
        return instance.hmac(secret, algorithm, bytes, digest);
    });
}

syncline_status SYNCLINE_CALL secret_find(syncline_host_handle host, syncline_str name,
                                          syncline_secret_handle* secret, syncline_error* error) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.find_secret(name, secret, error); });
}

syncline_status SYNCLINE_CALL secret_show(syncline_host_handle host, syncline_secret_handle secret,
                                          const syncline_text_sink* sink, syncline_error* error) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.show_secret(secret, sink, error); });
}

syncline_status SYNCLINE_CALL idmap_get(syncline_host_handle host, syncline_str name_space,
                                        const syncline_str* keys, uint32_t key_count,
                                        uint64_t user_id, syncline_error* error) {
    return on_instance(host, [&](LiveInstance& instance) {
        return instance.get_ids(name_space, keys, key_count, user_id, error);
    });
}

syncline_status SYNCLINE_CALL idmap_put(syncline_host_handle host, syncline_write_handle operation,
                                        syncline_str name_space, syncline_str key,
                                        syncline_str value, syncline_error* error) {
    return on_instance(host, [&](LiveInstance& instance) {
        return instance.put_id(operation, name_space, key, value, error);
    });
}

syncline_status SYNCLINE_CALL expr_compile(syncline_host_handle host, syncline_str text,
                                           syncline_expr_handle* expression,
                                           syncline_error* error) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.compile(text, expression, error); });
}

syncline_status SYNCLINE_CALL expr_evaluate(syncline_host_handle host,
                                            syncline_expr_handle expression,
                                            syncline_str input_json, const syncline_text_sink* sink,
                                            syncline_error* error) {
    return on_instance(host, [&](LiveInstance& instance) {
        return instance.evaluate(expression, input_json, sink, error);
    });
}

syncline_status SYNCLINE_CALL file_append(syncline_host_handle host, syncline_str path,
                                          syncline_str bytes, uint64_t user_id,
                                          syncline_error* error) {
    return on_instance(
        host, [&](LiveInstance& instance) { return instance.append(path, bytes, user_id, error); });
}

constexpr syncline_host_http kHttp{sizeof(syncline_host_http), 0, http_send, http_cancel,
                                   http_fetch};
constexpr syncline_host_log kLog{sizeof(syncline_host_log), 0, log_line};
constexpr syncline_host_clock kClock{sizeof(syncline_host_clock), 0, clock_now, clock_monotonic};
constexpr syncline_host_write kWrite{sizeof(syncline_host_write), 0, write_outcome, complete};
constexpr syncline_host_fetch kFetch{sizeof(syncline_host_fetch), 0, fetch_result, complete};
constexpr syncline_host_read kRead{sizeof(syncline_host_read), 0, read_record, read_end, complete};
constexpr syncline_host_check kCheck{sizeof(syncline_host_check), 0, check_outcome, complete};
constexpr syncline_host_discover kDiscover{sizeof(syncline_host_discover), 0, discover_outcome,
                                           complete};
constexpr syncline_host_periodic kPeriodic{sizeof(syncline_host_periodic), 0, work_outcome,
                                           complete};
constexpr syncline_host_hmac kHmac{sizeof(syncline_host_hmac), 0, hmac};
constexpr syncline_host_secret kSecret{sizeof(syncline_host_secret), 0, secret_find, secret_show};
constexpr syncline_host_idmap kIdMap{sizeof(syncline_host_idmap), 0, idmap_get, idmap_put};
constexpr syncline_host_expr kExpr{sizeof(syncline_host_expr), 0, expr_compile, expr_evaluate};
constexpr syncline_host_file kFile{sizeof(syncline_host_file), 0, file_append};

// A service that not every account has.
template <class Table, class Service>
const void* if_bound(syncline_host_handle handle, const Table& table,
                     std::shared_ptr<Service> InstanceOptions::*service) noexcept {
    const auto instance = find_instance(handle);
    return instance != nullptr && instance->options().*service != nullptr ? &table : nullptr;
}

const void* SYNCLINE_CALL host_get_table(syncline_host_handle host, syncline_str id) {
    if (id.ptr == nullptr) return nullptr;
    const std::string_view name{id.ptr, id.len};
    if (name == SYNCLINE_HTTP_ID) return &kHttp;
    if (name == SYNCLINE_LOG_ID) return &kLog;
    if (name == SYNCLINE_CLOCK_ID) return &kClock;
    if (name == SYNCLINE_WRITE_ID) return &kWrite;
    if (name == SYNCLINE_FETCH_ID) return &kFetch;
    if (name == SYNCLINE_READ_ID) return &kRead;
    if (name == SYNCLINE_CHECK_ID) return &kCheck;
    if (name == SYNCLINE_DISCOVER_ID) return &kDiscover;
    if (name == SYNCLINE_PERIODIC_ID) return &kPeriodic;
    if (name == SYNCLINE_HMAC_ID) return &kHmac;
    if (name == SYNCLINE_SECRET_ID) return &kSecret;
    if (name == SYNCLINE_IDMAP_ID) return if_bound(host, kIdMap, &InstanceOptions::ids);
    if (name == SYNCLINE_EXPR_ID) return if_bound(host, kExpr, &InstanceOptions::expressions);
    if (name == SYNCLINE_FILE_ID) return if_bound(host, kFile, &InstanceOptions::files);
    return nullptr;
}

}  // namespace

syncline_host make_host_table(syncline_host_handle handle) {
    return {sizeof(syncline_host), SYNCLINE_ABI_MINOR, handle,
            host_get_table,        host_post,          host_stopped};
}

}  // namespace syncline::plugin
