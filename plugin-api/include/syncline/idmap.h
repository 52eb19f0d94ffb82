// "syncline.idmap/1": ids that a connector maps itself, e.g. an audience's name to the number of
// its list. They belong to the account and survive restarts and new versions. The host implements
// syncline_host_idmap; a connector that uses it implements syncline_plugin_idmap, under the same
// id.
//
// Few need it: the destination's key of a record comes back through the outcome of its write and
// stands in every later syncline_write_record, its parent's as well.
#ifndef SYNCLINE_IDMAP_H
#define SYNCLINE_IDMAP_H

#include "syncline/types.h"

#define SYNCLINE_IDMAP_ID "syncline.idmap/1"

SYNCLINE_BEGIN_C

typedef struct syncline_host_idmap {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Looks keys of one namespace up, at most 1,000. OK: exactly one syncline_plugin_idmap.found()
    // follows, never from inside this call. SYNCLINE_E_PLUGIN_BUG: malformed arguments (namespace:
    // 1 to 64 bytes; keys: 1 to 240 bytes).
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* get)(syncline_host_handle host, syncline_str name_space,
                                        const syncline_str* keys, uint32_t key_count,
                                        uint64_t user_id, syncline_error* error);

    // Maps a key to a value of at most 1,024 bytes, or with "" to nothing. The instance sees it at
    // once; it becomes durable together with the results of the write operation, and is undone
    // when no record of the operation is DONE.
    // SYNCLINE_E_STALE: no such write operation is open.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* put)(syncline_host_handle host, syncline_write_handle operation,
                                        syncline_str name_space, syncline_str key,
                                        syncline_str value, syncline_error* error);
} syncline_host_idmap;
SYNCLINE_ASSERT_SIZE(syncline_host_idmap, 24);
#define SYNCLINE_HOST_IDMAP_SIZE_1_0 24

typedef struct syncline_plugin_idmap {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Takes the values of the keys that were asked for with `user_id`, in their order; "" for one
    // that is not mapped. `error` is NULL unless the hub is ending; then `values` is NULL.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL* found)(syncline_instance* instance, uint64_t user_id,
                               const syncline_str* values, uint32_t value_count,
                               const syncline_error* error);
} syncline_plugin_idmap;
SYNCLINE_ASSERT_SIZE(syncline_plugin_idmap, 16);
#define SYNCLINE_PLUGIN_IDMAP_SIZE_1_0 16

SYNCLINE_END_C

#endif
