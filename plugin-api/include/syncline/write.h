// "syncline.write/1": a connector that writes records to its platform. The connector implements
// syncline_plugin_write and reports through syncline_host_write; both tables have the same id.
//
// One operation: write() begins it, outcome() once for each record, complete() ends it. Outcomes
// may come in any order and from the time when write() was entered; complete() comes after write()
// has returned.
#ifndef SYNCLINE_WRITE_H
#define SYNCLINE_WRITE_H

#include "syncline/types.h"
#include "syncline/webhook.h"

#define SYNCLINE_WRITE_ID "syncline.write/1"

SYNCLINE_BEGIN_C

// One record to write. Made by the host.
typedef struct syncline_write_record {
    uint32_t struct_size;
    syncline_operation operation;
    syncline_str key;              // the source's key
    syncline_str body;             // after mapping; may be empty for a delete
    syncline_str destination_key;  // "" when not known yet
    syncline_body_format
        body_format;  // a connector refuses what it does not know with SYNCLINE_E_UNSUPPORTED
    syncline_bool was_delivered;  // an earlier version has reached the destination

    // What differs from the version that the destination has, by names of top-level fields. Only
    // with the manifest's "partial_updates"; without, and whenever the host can't be sure of what
    // the destination has, is_complete is 1 and both lists are empty: all of the body counts.
    syncline_bool is_complete;
    uint32_t changed_count;
    uint32_t unset_count;
    syncline_bool is_unknown;            // an earlier attempt may have had its effect
    const syncline_str* changed_fields;  // new or different; their values are in the body
    const syncline_str* unset_fields;    // the destination has them, the body does not

    syncline_str parent_key;  // the destination's key of the parent; "" without one
    // The same for every attempt with this record and for no other: for platforms that recognise
    // repeats. 1 to 64 letters, digits and '-'.
    syncline_str idempotency_key;
} syncline_write_record;
SYNCLINE_ASSERT_SIZE(syncline_write_record, 128);
#define SYNCLINE_WRITE_RECORD_SIZE_1_0 128

// Records of one stream. All keys differ, unless the manifest says "ordered_batches": then records
// of one key stand in their order, and after one that failed the others of its key count as not
// attempted. Made by the host.
typedef struct syncline_write_batch {
    uint32_t struct_size;
    uint32_t record_count;  // at least 1, at most the manifest's batch_records_max
    syncline_str stream;    // one of the manifest's destination streams
    const syncline_write_record* const* records;
    int64_t timeout_ms;  // past it the host cancels the operation
} syncline_write_batch;
SYNCLINE_ASSERT_SIZE(syncline_write_batch, 40);
#define SYNCLINE_WRITE_BATCH_SIZE_1_0 40

typedef int32_t syncline_outcome_kind;
#define SYNCLINE_DONE 1           // the destination has it
#define SYNCLINE_NOT_ATTEMPTED 2  // surely had no effect; may simply be written again
#define SYNCLINE_UNKNOWN 3        // may have had its effect
#define SYNCLINE_FAILED 4         // surely had no effect; `error` says why

// What became of one record. Made by the connector.
typedef struct syncline_outcome {
    uint32_t struct_size;
    syncline_outcome_kind kind;
    const syncline_error*
        error;  // required for FAILED, welcome for UNKNOWN and NOT_ATTEMPTED, NULL otherwise
    syncline_str
        destination_key;  // the destination's key of the record; "" leaves what the host knows
    syncline_str reply;   // JSON for a caller who waits for an answer; may be empty
} syncline_outcome;
SYNCLINE_ASSERT_SIZE(syncline_outcome, 48);
#define SYNCLINE_OUTCOME_SIZE_1_0 48

typedef struct syncline_plugin_write {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Begins to write a batch and returns without waiting. OK: the connector calls
    // syncline_host_write.complete() exactly once, later. A failure: no record had an effect, no
    // completion follows, and outcomes already given don't count.
    // Lifetime: `batch` and all it refers to are borrowed until complete(); `error` until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* write)(syncline_instance* instance,
                                          syncline_write_handle operation,
                                          const syncline_write_batch* batch, syncline_error* error);

    // Asks to end the operation early: the connector cancels its exchanges and completes soon, with
    // what it knows of each record. An operation that is not open is ignored, and so is a second
    // cancel.
    // Lifetime: the batch stays borrowed until complete().
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL* cancel)(syncline_instance* instance, syncline_write_handle operation);
} syncline_plugin_write;
SYNCLINE_ASSERT_SIZE(syncline_plugin_write, 24);
#define SYNCLINE_PLUGIN_WRITE_SIZE_1_0 24

typedef struct syncline_host_write {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Says what became of the record at `record_index` of the batch; once for each record.
    // SYNCLINE_E_STALE: the operation is over. SYNCLINE_E_PLUGIN_BUG: no such record, it has an
    // outcome already, or the outcome is malformed; it is ignored.
    // Lifetime: `outcome` is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* outcome)(syncline_host_handle host,
                                            syncline_write_handle operation, uint32_t record_index,
                                            const syncline_outcome* outcome);

    // Ends the operation. Records without an outcome are SYNCLINE_UNKNOWN. Never from inside the
    // write() that began it (see syncline_host.post): that is SYNCLINE_E_PLUGIN_BUG.
    // SYNCLINE_E_STALE: the operation is over already.
    // Lifetime: the batch is no longer borrowed once this was entered.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* complete)(syncline_host_handle host,
                                             syncline_write_handle operation);
} syncline_host_write;
SYNCLINE_ASSERT_SIZE(syncline_host_write, 24);
#define SYNCLINE_HOST_WRITE_SIZE_1_0 24

SYNCLINE_END_C

#endif
