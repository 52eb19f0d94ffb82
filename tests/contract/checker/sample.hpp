// A connector that breaks one rule: which one, its file entry.cpp says. Compiled once, linked many
// times.
#pragma once

#include <cstdint>

#include "syncline/syncline.h"

namespace sample {

// The tests of `syncline connectors check`, with '_' for '-'.
enum class Broken {
    nothing,
    static_library,
    static_manifest,
    static_exports,
    static_unique_symbols,
    static_text_relocations,
    static_executable_stack,
    static_search_path,
    static_undefined_symbols,
    static_glibc,
    scan_loads,
    scan_manifest,
    scan_time,
    scan_quiet,
    scan_unknown_table,
    scan_table_id,
    scan_tables,
    scan_promised_tables,
    life_begins,
    life_thousand,
    life_isolated,
    life_invalid_settings,
    life_missing_settings,
    life_failed_init,
    life_without_tables,
    life_later_host,
    life_stops,
    life_stops_with_work,
    life_quiet_create,
    process_threads,
    process_descriptors,
    process_signals,
    process_surroundings,
    memory_borrowed,
    memory_text_ends,
    stop_later,
    stop_once,
    stop_last,
    calls_own_thread,
    calls_own_handles,
    calls_well_formed,
    calls_do_not_wait,
    errors_say_why,
    write_completes,
    write_completes_later,
    write_completes_once,
    write_outcomes,
    write_one_outcome,
    write_full_batch,
    write_deletes,
    write_strange_keys,
    write_unknown_format,
    write_unknown_stream,
    check_completes,
    check_denied,
    check_cancelled,
    discover_completes,
    discover_cancelled,
    work_completes,
    work_cancelled,
    migrate_fits,
    migrate_same,
    state_restores,
    state_garbage,
    sign_succeeds,
    sign_pure,
    webhook_deterministic,
    webhook_stop,
    webhook_handshakes,
    webhook_pure,
    webhook_verifies,
    fault_rate_limited,
    fault_retry_after,
    fault_server_error,
    fault_reset,
    fault_deadline,
    fault_not_sent,
    fault_truncated_answer,
    fault_no_retries,
    cancel_completes,
    cancel_everywhere,
    reach_hosts,
    reach_files,
    reach_secrets,
    reach_tables,
    secrets_stay,
    unload_unmapped,
    unload_fifty,
    fuzz_answers,
    fuzz_webhooks,
    fuzz_settings,
};

extern const Broken broken;

syncline_instance* create(const syncline_host* host);
syncline_status init(syncline_instance* self, syncline_str settings_json, syncline_error* error);
syncline_status start(syncline_instance* self, syncline_error* error);
void stop(syncline_instance* self);
void posted(syncline_instance* self, std::uint64_t user_id);
void destroy(syncline_instance* self);
const void* get_table(syncline_str id);

}  // namespace sample
