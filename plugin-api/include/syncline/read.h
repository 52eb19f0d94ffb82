// "syncline.read/1": a connector that reads a stream page by page, all of it or what has changed.
// The connector implements syncline_plugin_read, the host syncline_host_read.
//
// A run is a chain of pages: the first has the cursor "" (or, of an incremental run, the last
// cursor of the run before), each next one the cursor that its predecessor ended with. The host
// keeps a page's records together with that cursor, so a run that was interrupted goes on behind
// its last page. The host repeats a page that failed; records that come again do no harm.
//
// A page is an operation: it is begun by the host and completed by the connector, never from inside
// the call that began it.
#ifndef SYNCLINE_READ_H
#define SYNCLINE_READ_H

#include "syncline/types.h"
#include "syncline/webhook.h"

#define SYNCLINE_READ_ID "syncline.read/1"

SYNCLINE_BEGIN_C

typedef uint64_t syncline_read_handle;  // an open read operation

// One page to read. Made by the host.
typedef struct syncline_read_request {
    uint32_t struct_size;
    uint32_t records_max;   // a hint: how many records the page had better not exceed
    syncline_str stream;    // one of the manifest's streams with "read"
    syncline_str cursor;    // "" for the beginning, otherwise what an earlier page ended with
    syncline_bool is_full;  // 1: every record; 0: those that are new or different since the cursor
    uint32_t reserved;      // 0
    int64_t timeout_ms;     // past it the host cancels the operation
} syncline_read_request;
SYNCLINE_ASSERT_SIZE(syncline_read_request, 56);
#define SYNCLINE_READ_REQUEST_SIZE_1_2 56

// How a page ended. Made by the connector.
typedef struct syncline_page_end {
    uint32_t struct_size;
    syncline_bool has_more;  // another page follows at once
    // Where the next page begins, or, without has_more, the next incremental run: at most 16 KiB of
    // UTF-8, of whatever form. With has_more it differs from the cursor of the request.
    syncline_str cursor;
    // NULL: the page is whole. Otherwise why it failed; then its records do not count.
    // SYNCLINE_E_CURSOR_INVALID: the platform does not know the cursor any more, so the host starts
    // again from the beginning.
    const syncline_error* error;
} syncline_page_end;
SYNCLINE_ASSERT_SIZE(syncline_page_end, 32);
#define SYNCLINE_PAGE_END_SIZE_1_2 32

typedef struct syncline_plugin_read {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Begins to read a page and returns without waiting. OK: the connector calls
    // syncline_host_read.complete() exactly once, later. A failure is that of the page, and no
    // completion follows.
    // Lifetime: `request` and all it refers to are borrowed until complete(); `error` until return.
    // Thread: [instance]. Since: 1.2
    syncline_status(SYNCLINE_CALL* read)(syncline_instance* instance,
                                         syncline_read_handle operation,
                                         const syncline_read_request* request,
                                         syncline_error* error);

    // Asks to end the operation early: the connector cancels its exchanges and completes soon. An
    // operation that is not open is ignored, and so is a second cancel.
    // Lifetime: the request stays borrowed until complete().
    // Thread: [instance]. Since: 1.2
    void(SYNCLINE_CALL* cancel)(syncline_instance* instance, syncline_read_handle operation);
} syncline_plugin_read;
SYNCLINE_ASSERT_SIZE(syncline_plugin_read, 24);
#define SYNCLINE_PLUGIN_READ_SIZE_1_2 24

typedef struct syncline_host_read {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Takes one record of the page, of the stream that was asked for; the order is kept. At most
    // 100,000 records and 64 MiB a page.
    // SYNCLINE_E_STALE: the operation is over. SYNCLINE_E_PLUGIN_BUG: the record is malformed, of
    // another stream, or one too many, or the page has ended; the page then counts as failed.
    // Lifetime: `record` is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.2
    syncline_status(SYNCLINE_CALL* record)(syncline_host_handle host,
                                           syncline_read_handle operation,
                                           const syncline_record* record);

    // Says how the page ended; once, after its last record.
    // SYNCLINE_E_STALE: the operation is over. SYNCLINE_E_PLUGIN_BUG: the page has ended already,
    // or the end is malformed; the page then counts as failed.
    // Lifetime: `end` is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.2
    syncline_status(SYNCLINE_CALL* end)(syncline_host_handle host, syncline_read_handle operation,
                                        const syncline_page_end* end);

    // Ends the operation. A page without an end counts as failed. Never from inside the read() that
    // began it (see syncline_host.post): that is SYNCLINE_E_PLUGIN_BUG.
    // SYNCLINE_E_STALE: the operation is over already.
    // Lifetime: the request is no longer borrowed once this was entered.
    // Thread: [instance]. Since: 1.2
    syncline_status(SYNCLINE_CALL* complete)(syncline_host_handle host,
                                             syncline_read_handle operation);
} syncline_host_read;
SYNCLINE_ASSERT_SIZE(syncline_host_read, 32);
#define SYNCLINE_HOST_READ_SIZE_1_2 32

SYNCLINE_END_C

#endif
