// What the host offers an instance. Everything else is a table found by id (log.h, clock.h, http.h,
// write.h).
#ifndef SYNCLINE_HOST_H
#define SYNCLINE_HOST_H

#include "syncline/types.h"

SYNCLINE_BEGIN_C

// One for each instance. The host owns it; it is valid from create() until destroy() returns, but
// nothing of it may be called before init() or after destroy() was entered.
typedef struct syncline_host {
    uint32_t struct_size;
    uint32_t abi_minor;           // of the host
    syncline_host_handle handle;  // the first argument of every function of the host

    // Finds a table by its id, e.g. "syncline.http/1". NULL when this host has none of that id: a
    // connector that can't do without it then returns SYNCLINE_E_UNSUPPORTED from init().
    // Lifetime: `id` is borrowed until return; the table is valid until destroy() returns.
    // Thread: [any]. Since: 1.0
    const void *(SYNCLINE_CALL *get_table)(syncline_host_handle host, syncline_str id);

    // Asks the host to call syncline_plugin.posted(instance, user_id), after the current call has
    // returned. This is how a connector goes on later when it waits for nothing, e.g. to complete
    // an operation whose records are all invalid.
    // OK: exactly one call follows, also when the instance is being stopped. SYNCLINE_E_STALE: none
    // will, because the instance has reported stopped().
    // Lifetime: keeps nothing but the number.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL *post)(syncline_host_handle host, uint64_t user_id);

    // Ends what stop() began: the instance has no open operation and will call the host no more.
    // Once, and never from inside stop(). The host answers with destroy().
    // Lifetime: keeps nothing.
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL *stopped)(syncline_host_handle host);
} syncline_host;
SYNCLINE_ASSERT_SIZE(syncline_host, 40);
#define SYNCLINE_HOST_SIZE_1_0 40

SYNCLINE_END_C

#endif
