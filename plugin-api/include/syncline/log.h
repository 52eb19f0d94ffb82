// "syncline.log/1": lines in the hub's log. The host adds connector, account and time, hides
// secrets, and limits the rate.
#ifndef SYNCLINE_LOG_H
#define SYNCLINE_LOG_H

#include "syncline/types.h"

#define SYNCLINE_LOG_ID "syncline.log/1"

SYNCLINE_BEGIN_C

typedef int32_t syncline_severity;
#define SYNCLINE_LOG_DEBUG 0
#define SYNCLINE_LOG_INFO 1
#define SYNCLINE_LOG_WARN 2
#define SYNCLINE_LOG_ERROR 3
#define SYNCLINE_LOG_HOST_MISBEHAVING 4    // the host broke a rule of this interface
#define SYNCLINE_LOG_PLUGIN_MISBEHAVING 5  // the connector did; for layers in between

typedef struct syncline_host_log {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Logs a message that is the same for all such events ("request refused"), with what differs in
    // `fields` ({"status", "403"}). Buffered: it neither blocks nor fails.
    // Lifetime: every argument is borrowed until return; the host copies it.
    // Thread: [any]. Since: 1.0
    void(SYNCLINE_CALL* log)(syncline_host_handle host, syncline_severity severity,
                             syncline_str message, const syncline_pair* fields,
                             uint32_t field_count);
} syncline_host_log;
SYNCLINE_ASSERT_SIZE(syncline_host_log, 16);
#define SYNCLINE_HOST_LOG_SIZE_1_0 16

SYNCLINE_END_C

#endif
