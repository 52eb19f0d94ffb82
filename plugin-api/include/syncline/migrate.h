// "syncline.migrate/1": settings that were written for an older version of the connector become
// settings of this one. The connector implements it; the host has no half of it.
//
// The host asks when the settings of an account do not fit the manifest's schema: before this
// version takes over from another, and at a start. What fits is not migrated, and the file of the
// configuration stays as the operator wrote it. A setting that grants a host or a file
// ("from_setting") keeps its name and its value: the grant is the operator's.
#ifndef SYNCLINE_MIGRATE_H
#define SYNCLINE_MIGRATE_H

#include "syncline/expr.h"
#include "syncline/types.h"

#define SYNCLINE_MIGRATE_ID "syncline.migrate/1"

SYNCLINE_BEGIN_C

typedef struct syncline_plugin_migrate {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Gives the settings as this version has them, a JSON object of at most 1 MiB, to sink->text,
    // once. They have to fit the schema. Pure: it is called without an instance, before create(),
    // and gives the same for the same settings; no host is there to be called.
    // SYNCLINE_E_CONFIG: they are of no version that it knows; the account does not start.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* migrate)(syncline_str settings_json,
                                            const syncline_text_sink* sink, syncline_error* error);
} syncline_plugin_migrate;
SYNCLINE_ASSERT_SIZE(syncline_plugin_migrate, 16);
#define SYNCLINE_PLUGIN_MIGRATE_SIZE_1_3 16

SYNCLINE_END_C

#endif
