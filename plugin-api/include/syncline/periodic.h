// "syncline.periodic/1": work of the connector's own that comes again and again, such as a
// subscription that has to be renewed. The connector says when it is next due, and the host keeps
// the time. The connector implements syncline_plugin_periodic, the host syncline_host_periodic.
//
// The due time outlives the hub: after a restart the work goes on where it was, at once if it is
// overdue. It may be done twice: when the hub dies between the work and the note that it is done.
// Turns of one account never overlap. One that fails is tried again by the host, with backoff.
#ifndef SYNCLINE_PERIODIC_H
#define SYNCLINE_PERIODIC_H

#include "syncline/types.h"

#define SYNCLINE_PERIODIC_ID "syncline.periodic/1"

SYNCLINE_BEGIN_C

typedef uint64_t syncline_periodic_handle;  // an open turn

typedef struct syncline_plugin_periodic {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Begins a turn and returns without waiting; past `timeout_ms` the host cancels. `due_ns`: when
    // it was due; SYNCLINE_NO_TIME for the first turn of an account, at its first start. OK: the
    // connector calls syncline_host_periodic.complete() exactly once, later. A failure is the
    // outcome, and no completion follows.
    // Lifetime: `error` is borrowed until return.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* work)(syncline_instance* instance,
                                         syncline_periodic_handle operation, int64_t due_ns,
                                         int64_t timeout_ms, syncline_error* error);

    // Asks to end the turn early: the connector cancels its exchanges and completes soon. One that
    // is not open is ignored, and so is a second cancel.
    // Lifetime: nothing is borrowed.
    // Thread: [instance]. Since: 1.3
    void(SYNCLINE_CALL* cancel)(syncline_instance* instance, syncline_periodic_handle operation);
} syncline_plugin_periodic;
SYNCLINE_ASSERT_SIZE(syncline_plugin_periodic, 24);
#define SYNCLINE_PLUGIN_PERIODIC_SIZE_1_3 24

typedef struct syncline_host_periodic {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Says what came of the turn, once: when the next one is due and a NULL `error`, or the error;
    // then the host tries again. The next turn comes no sooner than a second from now and no later
    // than in 366 days, whatever is said. SYNCLINE_NO_TIME: at the next start of the hub.
    // SYNCLINE_E_STALE: the turn is over. SYNCLINE_E_PLUGIN_BUG: it has an outcome already, or the
    // error is malformed; the turn then counts as failed.
    // Lifetime: `error` is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* outcome)(syncline_host_handle host,
                                            syncline_periodic_handle operation, int64_t next_due_ns,
                                            const syncline_error* error);

    // Ends the turn; without an outcome it has failed. Never from inside the work() that began it
    // (see syncline_host.post): that is SYNCLINE_E_PLUGIN_BUG.
    // SYNCLINE_E_STALE: the turn is over already.
    // Lifetime: keeps nothing.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* complete)(syncline_host_handle host,
                                             syncline_periodic_handle operation);
} syncline_host_periodic;
SYNCLINE_ASSERT_SIZE(syncline_host_periodic, 24);
#define SYNCLINE_HOST_PERIODIC_SIZE_1_3 24

SYNCLINE_END_C

#endif
