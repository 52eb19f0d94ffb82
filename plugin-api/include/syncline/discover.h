// "syncline.discover/1": a connector whose account's streams and fields are known at run time only.
// The connector implements syncline_plugin_discover, the host syncline_host_discover.
#ifndef SYNCLINE_DISCOVER_H
#define SYNCLINE_DISCOVER_H

#include "syncline/types.h"

#define SYNCLINE_DISCOVER_ID "syncline.discover/1"

SYNCLINE_BEGIN_C

typedef uint64_t syncline_discover_handle;  // an open discovery

typedef struct syncline_plugin_discover {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Begins to look and returns without waiting; past `timeout_ms` the host cancels. OK: the
    // connector calls syncline_host_discover.complete() exactly once, later. A failure is the
    // outcome, and no completion follows.
    // Lifetime: `error` is borrowed until return.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* discover)(syncline_instance* instance,
                                             syncline_discover_handle operation, int64_t timeout_ms,
                                             syncline_error* error);

    // Asks to end the operation early: the connector cancels its exchanges and completes soon. An
    // operation that is not open is ignored, and so is a second cancel.
    // Lifetime: nothing is borrowed.
    // Thread: [instance]. Since: 1.3
    void(SYNCLINE_CALL* cancel)(syncline_instance* instance, syncline_discover_handle operation);
} syncline_plugin_discover;
SYNCLINE_ASSERT_SIZE(syncline_plugin_discover, 24);
#define SYNCLINE_PLUGIN_DISCOVER_SIZE_1_3 24

typedef struct syncline_host_discover {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Says what came of it, once: the streams and a NULL `error`, or the error. The streams are
    // JSON, at most 1 MiB: [{"name": "orders", "title": "Orders", "fields": [{"name": "total",
    // "type": "number", "title": "Total", "required": true, "key": false}]}]; all but the names may
    // be left out. SYNCLINE_E_STALE: the operation is over. SYNCLINE_E_PLUGIN_BUG: it has an
    // outcome already, or the outcome is malformed; the discovery then counts as failed.
    // Lifetime: the arguments are borrowed until return; the host copies them.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* outcome)(syncline_host_handle host,
                                            syncline_discover_handle operation,
                                            syncline_str streams_json, const syncline_error* error);

    // Ends the operation; without an outcome it has failed. Never from inside the discover() that
    // began it (see syncline_host.post): that is SYNCLINE_E_PLUGIN_BUG.
    // SYNCLINE_E_STALE: the operation is over already.
    // Lifetime: keeps nothing.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* complete)(syncline_host_handle host,
                                             syncline_discover_handle operation);
} syncline_host_discover;
SYNCLINE_ASSERT_SIZE(syncline_host_discover, 24);
#define SYNCLINE_HOST_DISCOVER_SIZE_1_3 24

SYNCLINE_END_C

#endif
