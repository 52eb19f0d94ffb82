// "syncline.clock/1": the host's clocks. Connectors ask no other, so that a test or a replay can
// set the time.
#ifndef SYNCLINE_CLOCK_H
#define SYNCLINE_CLOCK_H

#include "syncline/types.h"

#define SYNCLINE_CLOCK_ID "syncline.clock/1"

SYNCLINE_BEGIN_C

typedef struct syncline_host_clock {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // The time of day: nanoseconds since 1970 UTC. May jump.
    // Lifetime: borrows and keeps nothing.
    // Thread: [any]. Since: 1.0
    int64_t(SYNCLINE_CALL *now_ns)(syncline_host_handle host);

    // Nanoseconds since some moment; never goes back.
    // Lifetime: borrows and keeps nothing.
    // Thread: [any]. Since: 1.0
    int64_t(SYNCLINE_CALL *monotonic_ns)(syncline_host_handle host);
} syncline_host_clock;
SYNCLINE_ASSERT_SIZE(syncline_host_clock, 24);
#define SYNCLINE_HOST_CLOCK_SIZE_1_0 24

SYNCLINE_END_C

#endif
