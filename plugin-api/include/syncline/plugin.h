// The entry of a connector: one exported constant, and the life of its instances.
//
// A connector is a shared library that exports exactly one symbol, the constant
// `syncline_plugin_v1`. Its manifest (manifest.h) was read before without running any code. Loading
// must run none either: no constructors that do work.
//
// The life of an instance, all [instance]:
//
//     create(host)      makes the object; the host must not be called yet
//     init(settings)    finds the host's tables, reads settings; a failure is followed by destroy
//     start()           the account goes into service; a failure is followed by destroy
//       handshake(), translate(), write() ... and completions, as the manifest's capabilities say
//     stop()            begins the end: no call of a capability follows but cancel(); the host
//                       cancels every open exchange and operation, their completions still come
//     host->stopped()   the connector has nothing open any more
//     destroy()         frees the object; nothing is called after that
//
// After the last instance the generation's threads end, then the library is unloaded. Connectors
// make no threads, forks, signal handlers or atexit functions, and never block in a call (manifest:
// "style": "async").
#ifndef SYNCLINE_PLUGIN_H
#define SYNCLINE_PLUGIN_H

#include "syncline/host.h"
#include "syncline/types.h"

SYNCLINE_BEGIN_C

typedef struct syncline_plugin {
    uint32_t struct_size;
    uint32_t abi_major;     // SYNCLINE_ABI_MAJOR
    uint32_t abi_draft;     // SYNCLINE_ABI_DRAFT
    uint32_t reserved;      // 0
    syncline_str manifest;  // the same bytes as in the file's note; the host refuses a difference

    // Finds a table of the connector by its id, e.g. "syncline.write/1". NULL when the connector
    // has none of that id. The answers agree with the manifest's capabilities and never change.
    // Lifetime: `id` is borrowed until return; the table is valid until the library is unloaded.
    // Thread: [any]. Since: 1.0
    const void *(SYNCLINE_CALL *get_table)(syncline_str id);

    // Makes an instance, or returns NULL when there is no memory. Must not call the host.
    // Lifetime: `host` is valid until destroy() returns; the instance belongs to the connector,
    // until destroy().
    // Thread: [instance]. Since: 1.0
    syncline_instance *(SYNCLINE_CALL *create)(const syncline_host *host);

    // Takes the settings, which the host has checked against the manifest's schema. UTF-8 JSON
    // text, an object.
    // SYNCLINE_E_CONFIG for settings that can't be, SYNCLINE_E_UNSUPPORTED when the host lacks a
    // table.
    // Lifetime: `settings_json` and `error` are borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL *init)(syncline_instance *instance, syncline_str settings_json,
                                         syncline_error *error);

    // Goes into service. May start exchanges but waits for none. A failure leaves nothing open.
    // Lifetime: `error` is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL *start)(syncline_instance *instance, syncline_error *error);

    // Begins to stop, after a successful init(); once. The connector calls syncline_host.stopped()
    // when all is complete, never from inside this call.
    // Lifetime: the instance lives on until destroy().
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL *stop)(syncline_instance *instance);

    // Answers syncline_host.post(), once for each that was accepted.
    // Lifetime: nothing is borrowed; never called after destroy().
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL *posted)(syncline_instance *instance, uint64_t user_id);

    // Frees the instance. Called after stopped(), or after a failed init() or start(), with nothing
    // open.
    // Lifetime: the instance ends here.
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL *destroy)(syncline_instance *instance);
} syncline_plugin;
SYNCLINE_ASSERT_SIZE(syncline_plugin, 88);
#define SYNCLINE_PLUGIN_SIZE_1_0 88

// The one symbol that a connector exports.
#define SYNCLINE_PLUGIN_SYMBOL "syncline_plugin_v1"
extern SYNCLINE_EXPORT const syncline_plugin syncline_plugin_v1;

SYNCLINE_END_C

#endif
