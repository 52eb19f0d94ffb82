// "syncline.http/1": requests to the platform. The host implements syncline_host_http; a connector
// that uses it implements syncline_plugin_http, under the same id.
//
// The host resolves, connects, verifies TLS, caps sizes, and lets out only what the manifest's
// allowed_hosts grant. It follows no redirects and never tries again by itself.
#ifndef SYNCLINE_HTTP_H
#define SYNCLINE_HTTP_H

#include "syncline/types.h"

#define SYNCLINE_HTTP_ID "syncline.http/1"

SYNCLINE_BEGIN_C

// Made by the connector.
typedef struct syncline_http_request {
    uint32_t struct_size;
    uint32_t header_count;
    syncline_str method;  // "POST"
    syncline_str url;     // absolute: "https://api.example.com/v1/users?limit=10"
    const syncline_pair*
        headers;  // no Host, Content-Length, Connection or other header that the host owns
    syncline_str body;
    int64_t timeout_ms;  // for the whole exchange; 0: the host's default
} syncline_http_request;
SYNCLINE_ASSERT_SIZE(syncline_http_request, 72);
#define SYNCLINE_HTTP_REQUEST_SIZE_1_0 72

// How an exchange ended: with a response or with a failure. Made by the host.
typedef struct syncline_http_result {
    uint32_t struct_size;
    syncline_bool has_response;
    // With a response. Its status says what the platform thinks: 500 is a response, too.
    int32_t status;
    uint32_t header_count;
    const syncline_pair* headers;  // names in lower case
    syncline_str body;             // decoded (Content-Encoding)
    // Without one.
    const syncline_error* error;            // NULL with a response
    syncline_bool may_have_been_processed;  // 0: no byte of the request has left
    uint32_t reserved;                      // 0
} syncline_http_result;
SYNCLINE_ASSERT_SIZE(syncline_http_result, 56);
#define SYNCLINE_HTTP_RESULT_SIZE_1_0 56

typedef struct syncline_host_http {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Starts an exchange. OK: exactly one syncline_plugin_http.done(instance, user_id) follows,
    // never from inside this call.
    // A failure: none will. SYNCLINE_E_CONFIG: a host that is not granted. SYNCLINE_E_CANCELLED:
    // the instance stops, or the operation was given up. SYNCLINE_E_PLUGIN_BUG: it is malformed.
    // Lifetime: every argument is borrowed until return (the host copies the request); *handle is
    // valid until done().
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* send)(syncline_host_handle host,
                                         const syncline_http_request* request, uint64_t user_id,
                                         syncline_http_handle* handle, syncline_error* error);

    // Ends an exchange early. Its one done() still comes, with SYNCLINE_E_CANCELLED or with the
    // real result. A handle that is over is ignored, and so is a second cancel.
    // Lifetime: the handle stays valid until done().
    // Thread: [any]. Since: 1.0
    void(SYNCLINE_CALL* cancel)(syncline_host_handle host, syncline_http_handle handle);

    // Sends a request and waits for its result, which is NULL unless the status is OK. For
    // connectors whose manifest says "style": "blocking"; from others SYNCLINE_E_PLUGIN_BUG. The
    // wait ends with the request's timeout, and when the operation that the call belongs to is
    // cancelled.
    // Lifetime: `request` and `error` are borrowed until return; *result is valid until the next
    // fetch() of the instance, or until the call of the host's that it is made in returns.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* fetch)(syncline_host_handle host,
                                          const syncline_http_request* request,
                                          const syncline_http_result** result,
                                          syncline_error* error);
} syncline_host_http;
SYNCLINE_ASSERT_SIZE(syncline_host_http, 32);
#define SYNCLINE_HOST_HTTP_SIZE_1_0 32

typedef struct syncline_plugin_http {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Takes the result of the exchange that was sent with `user_id`. Before stopped(), never after.
    // Lifetime: `result` and all it refers to are borrowed until return.
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL* done)(syncline_instance* instance, uint64_t user_id,
                              const syncline_http_result* result);
} syncline_plugin_http;
SYNCLINE_ASSERT_SIZE(syncline_plugin_http, 16);
#define SYNCLINE_PLUGIN_HTTP_SIZE_1_0 16

SYNCLINE_END_C

#endif
