// "syncline.sign/1": requests that are signed in a way of the platform's own. The connector
// implements it; the host has no half of it. (For the usual ways the operator writes `auth`, and
// the connector needs nothing.)
//
// The manifest says "auth": ["custom"]. The host then asks before it sends a request, with what
// will go out but the credentials of `auth`, and adds the headers that it is given. Keys are found
// by secret.h and used by hmac.h, so that the connector never sees them.
#ifndef SYNCLINE_SIGN_H
#define SYNCLINE_SIGN_H

#include "syncline/http.h"
#include "syncline/types.h"

#define SYNCLINE_SIGN_ID "syncline.sign/1"

SYNCLINE_BEGIN_C

// Where the headers go. Made by the host.
typedef struct syncline_header_sink {
    uint32_t struct_size;
    uint32_t reserved;  // 0
    void* context;

    // Takes one header, in the place of any of that name; at most 20. None that the host owns.
    // Lifetime: both texts are borrowed until return; the host copies them.
    // Thread: [instance]. Since: 1.3
    void(SYNCLINE_CALL* header)(void* context, syncline_str name, syncline_str value);
} syncline_header_sink;
SYNCLINE_ASSERT_SIZE(syncline_header_sink, 24);
#define SYNCLINE_HEADER_SINK_SIZE_1_3 24

typedef struct syncline_plugin_sign {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Signs one request, for one attempt. Called from inside send() and fetch(), so it sends
    // nothing itself; besides it may use clock, secrets and digests. A failure is that of the
    // send() or fetch(), and nothing goes out.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.3
    syncline_status(SYNCLINE_CALL* sign)(syncline_instance* instance,
                                         const syncline_http_request* request,
                                         const syncline_header_sink* sink, syncline_error* error);
} syncline_plugin_sign;
SYNCLINE_ASSERT_SIZE(syncline_plugin_sign, 16);
#define SYNCLINE_PLUGIN_SIGN_SIZE_1_3 16

SYNCLINE_END_C

#endif
