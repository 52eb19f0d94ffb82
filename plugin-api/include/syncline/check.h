// "syncline.check/1": a connector that can say whether its account's credentials are good. The
// connector implements syncline_plugin_check, the host syncline_host_check.
//
// Nothing is changed at the platform. A person asks, and the hub does before a new version of the
// connector serves an account: one that says CONFIG, AUTH_EXPIRED, AUTH_DENIED, PLUGIN_BUG or the
// like does not come into service, unless the version that serves says so as well. That the
// platform can't be asked now (TRANSIENT, RATE_LIMITED, DEADLINE) keeps nobody out.
#ifndef SYNCLINE_CHECK_H
#define SYNCLINE_CHECK_H

#include "syncline/types.h"

#define SYNCLINE_CHECK_ID "syncline.check/1"

SYNCLINE_BEGIN_C

typedef uint64_t syncline_check_handle;  // an open check

typedef struct syncline_plugin_check {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Begins to check and returns without waiting; past `timeout_ms` the host cancels. OK: the
    // connector calls syncline_host_check.complete() exactly once, later. A failure is the outcome,
    // and no completion follows.
    // Lifetime: `error` is borrowed until return.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* check)(syncline_instance* instance,
                                          syncline_check_handle operation, int64_t timeout_ms,
                                          syncline_error* error);

    // Asks to end the operation early: the connector cancels its exchanges and completes soon. An
    // operation that is not open is ignored, and so is a second cancel.
    // Lifetime: nothing is borrowed.
    // Thread: [instance]. Since: 1.3
    void(SYNCLINE_CALL* cancel)(syncline_instance* instance, syncline_check_handle operation);
} syncline_plugin_check;
SYNCLINE_ASSERT_SIZE(syncline_plugin_check, 24);
#define SYNCLINE_PLUGIN_CHECK_SIZE_1_3 24

typedef struct syncline_host_check {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Says what came of it, once: NULL when the credentials are good, otherwise what is wrong with
    // them (SYNCLINE_E_AUTH_DENIED), or why the platform can't be asked.
    // SYNCLINE_E_STALE: the operation is over. SYNCLINE_E_PLUGIN_BUG: it has an outcome already, or
    // the error is malformed; the check then counts as failed.
    // Lifetime: `error` is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* outcome)(syncline_host_handle host,
                                            syncline_check_handle operation,
                                            const syncline_error* error);

    // Ends the operation; without an outcome it has failed. Never from inside the check() that
    // began it (see syncline_host.post): that is SYNCLINE_E_PLUGIN_BUG.
    // SYNCLINE_E_STALE: the operation is over already.
    // Lifetime: keeps nothing.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* complete)(syncline_host_handle host,
                                             syncline_check_handle operation);
} syncline_host_check;
SYNCLINE_ASSERT_SIZE(syncline_host_check, 24);
#define SYNCLINE_HOST_CHECK_SIZE_1_3 24

SYNCLINE_END_C

#endif
