// "syncline.state/1": what an instance knows and would like its successor to know, when a new
// version of the connector takes over: a warm cache, a negotiated session. The connector implements
// it; the host has no half of it.
//
// The host asks the instance that serves to save, hands what it gave to the new one between init()
// and start(), and then lets the new one serve; meanwhile the old one goes on, so the state is a
// moment old. Nothing may depend on it: there is none at a start of the hub, none when the old
// version can't save, and none when the new one does not know it. What has to survive belongs into
// cursors, results and ids, which the host keeps.
#ifndef SYNCLINE_STATE_H
#define SYNCLINE_STATE_H

#include "syncline/types.h"

#define SYNCLINE_STATE_ID "syncline.state/1"

SYNCLINE_BEGIN_C

// Made by whoever hands it over: the connector that saves, the host that restores.
typedef struct syncline_state {
    uint32_t struct_size;
    uint32_t version;        // of that form, for whoever reads it
    syncline_str schema_id;  // which form it has, such as "acme.session": 1 to 128 bytes of UTF-8
    syncline_str bytes;      // at most 1 MiB, of any form
} syncline_state;
SYNCLINE_ASSERT_SIZE(syncline_state, 40);
#define SYNCLINE_STATE_SIZE_1_3 40

// Where a state goes. Made by the host.
typedef struct syncline_state_sink {
    uint32_t struct_size;
    uint32_t reserved;  // 0
    void* context;

    // Takes the state, once.
    // Lifetime: the state is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.3
    void(SYNCLINE_CALL* state)(void* context, const syncline_state* state);
} syncline_state_sink;
SYNCLINE_ASSERT_SIZE(syncline_state_sink, 24);
#define SYNCLINE_STATE_SINK_SIZE_1_3 24

typedef struct syncline_plugin_state {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Gives the state to sink->state, once. Waits for nothing and changes nothing: the instance
    // serves on. A failure means that there is none.
    // Lifetime: `sink` and `error` are borrowed until return.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* save)(syncline_instance* instance,
                                         const syncline_state_sink* sink, syncline_error* error);

    // Takes a state, after init() and before start(); at most once. SYNCLINE_E_UNSUPPORTED: a form
    // or version that it does not know; the instance starts as if it had not been asked. Every
    // other failure, for what it knows and finds garbled, keeps this version out of service.
    // Lifetime: `state` and `error` are borrowed until return.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* restore)(syncline_instance* instance,
                                            const syncline_state* state, syncline_error* error);
} syncline_plugin_state;
SYNCLINE_ASSERT_SIZE(syncline_plugin_state, 24);
#define SYNCLINE_PLUGIN_STATE_SIZE_1_3 24

SYNCLINE_END_C

#endif
