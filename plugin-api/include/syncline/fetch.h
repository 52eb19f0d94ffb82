// "syncline.fetch/1": a connector that reads records of its platform by key. The connector
// implements syncline_plugin_fetch and reports through syncline_host_fetch; both tables have the
// same id.
//
// The host asks when a source named a record by its key alone (SYNCLINE_FETCH), and when someone
// waits for an answer that is read from a destination. One operation: fetch() begins it, one
// result for each request, complete() ends it, as in write.h.
#ifndef SYNCLINE_FETCH_H
#define SYNCLINE_FETCH_H

#include "syncline/types.h"
#include "syncline/webhook.h"

#define SYNCLINE_FETCH_ID "syncline.fetch/1"

SYNCLINE_BEGIN_C

// One record to read. Made by the host.
typedef struct syncline_fetch_request {
    uint32_t struct_size;
    uint32_t reserved;        // 0
    syncline_str key;         // the record's key within the stream
    syncline_str parameters;  // JSON, an object: what else the asker wants to say; may be empty
} syncline_fetch_request;
SYNCLINE_ASSERT_SIZE(syncline_fetch_request, 40);
#define SYNCLINE_FETCH_REQUEST_SIZE_1_0 40

// Records of one stream to read. Made by the host.
typedef struct syncline_fetch_batch {
    uint32_t struct_size;
    uint32_t request_count;  // at least 1, at most the manifest's fetch_records_max (default 1)
    syncline_str stream;     // one of the manifest's streams with "fetch": true
    const syncline_fetch_request* const* requests;
    int64_t timeout_ms;  // past it the host cancels the operation
} syncline_fetch_batch;
SYNCLINE_ASSERT_SIZE(syncline_fetch_batch, 40);
#define SYNCLINE_FETCH_BATCH_SIZE_1_0 40

typedef int32_t syncline_fetch_kind;
#define SYNCLINE_FETCH_FOUND 1
#define SYNCLINE_FETCH_ABSENT 2  // the platform says that there is no such record
#define SYNCLINE_FETCH_FAILED 3  // `error` says why

// What one request brought. Made by the connector.
typedef struct syncline_fetch_result {
    uint32_t struct_size;
    syncline_fetch_kind kind;
    syncline_str body;                 // FOUND: the record
    syncline_body_format body_format;  // SYNCLINE_BODY_JSON
    uint32_t reserved;                 // 0
    const syncline_error* error;       // FAILED, otherwise NULL
} syncline_fetch_result;
SYNCLINE_ASSERT_SIZE(syncline_fetch_result, 40);
#define SYNCLINE_FETCH_RESULT_SIZE_1_0 40

typedef struct syncline_plugin_fetch {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Begins to read and returns without waiting. OK: the connector calls
    // syncline_host_fetch.complete() exactly once, later. A failure counts for every request, and
    // no completion follows.
    // Lifetime: `batch` and all it refers to are borrowed until complete(); `error` until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* fetch)(syncline_instance* instance,
                                          syncline_fetch_handle operation,
                                          const syncline_fetch_batch* batch, syncline_error* error);

    // Asks to end the operation early: the connector cancels its exchanges and completes soon. An
    // operation that is not open is ignored, and so is a second cancel.
    // Lifetime: the batch stays borrowed until complete().
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL* cancel)(syncline_instance* instance, syncline_fetch_handle operation);
} syncline_plugin_fetch;
SYNCLINE_ASSERT_SIZE(syncline_plugin_fetch, 24);
#define SYNCLINE_PLUGIN_FETCH_SIZE_1_0 24

typedef struct syncline_host_fetch {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Says what the request at `request_index` of the batch brought; once for each.
    // SYNCLINE_E_STALE: the operation is over. SYNCLINE_E_PLUGIN_BUG: no such request, it has a
    // result already, or the result is malformed; the request then counts as failed.
    // Lifetime: `result` is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* result)(syncline_host_handle host,
                                           syncline_fetch_handle operation, uint32_t request_index,
                                           const syncline_fetch_result* result);

    // Ends the operation. Requests without a result count as failed. Never from inside the fetch()
    // that began it (see syncline_host.post): that is SYNCLINE_E_PLUGIN_BUG.
    // SYNCLINE_E_STALE: the operation is over already.
    // Lifetime: the batch is no longer borrowed once this was entered.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* complete)(syncline_host_handle host,
                                             syncline_fetch_handle operation);
} syncline_host_fetch;
SYNCLINE_ASSERT_SIZE(syncline_host_fetch, 24);
#define SYNCLINE_HOST_FETCH_SIZE_1_0 24

SYNCLINE_END_C

#endif
