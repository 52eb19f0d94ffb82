// "syncline.file/1": files that an operator named in the settings. The host implements
// syncline_host_file; a connector that uses it implements syncline_plugin_file, under the same id.
//
// The host opens only what the manifest's allowed_files grant, {"from_setting": "path"}: the
// operator's literal value is the grant.
#ifndef SYNCLINE_FILE_H
#define SYNCLINE_FILE_H

#include "syncline/types.h"

#define SYNCLINE_FILE_ID "syncline.file/1"

SYNCLINE_BEGIN_C

typedef struct syncline_host_file {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Appends bytes to a file, which is made when it is not there, and makes them durable. OK:
    // exactly one syncline_plugin_file.done(instance, user_id) follows, never from inside this
    // call; appends to one file are done in the order of the calls. Bytes that end with a line end
    // begin on a line of their own, whatever a crash left before them.
    // A failure: none will. SYNCLINE_E_CONFIG: a file that is not granted. SYNCLINE_E_RATE_LIMITED:
    // too much waits. SYNCLINE_E_CANCELLED: the instance stops, or the operation was given up.
    // Lifetime: every argument is borrowed until return; the host copies the bytes.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* append)(syncline_host_handle host, syncline_str path,
                                           syncline_str bytes, uint64_t user_id,
                                           syncline_error* error);
} syncline_host_file;
SYNCLINE_ASSERT_SIZE(syncline_host_file, 16);
#define SYNCLINE_HOST_FILE_SIZE_1_0 16

typedef struct syncline_plugin_file {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Takes the end of the append with `user_id`: `error` is NULL when all bytes are durable;
    // otherwise some of them may be in the file. Before stopped(), never after.
    // Lifetime: `error` is borrowed until return.
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL* done)(syncline_instance* instance, uint64_t user_id,
                              const syncline_error* error);
} syncline_plugin_file;
SYNCLINE_ASSERT_SIZE(syncline_plugin_file, 16);
#define SYNCLINE_PLUGIN_FILE_SIZE_1_0 16

SYNCLINE_END_C

#endif
