// "syncline.webhook/1": a connector that receives webhooks. The connector implements
// syncline_plugin_webhook.
//
// Every call is pure: no I/O, no host calls but logging, expressions (expr.h), digests (hmac.h) and
// the sink's, and the same answer for the same request, since the host may translate an event again
// after a restart.
#ifndef SYNCLINE_WEBHOOK_H
#define SYNCLINE_WEBHOOK_H

#include "syncline/types.h"

#define SYNCLINE_WEBHOOK_ID "syncline.webhook/1"

SYNCLINE_BEGIN_C

// One request as it came in, after the host has verified it. Made by the host.
typedef struct syncline_webhook_request {
    uint32_t struct_size;
    uint32_t header_count;
    syncline_str method;  // "POST"
    syncline_str path;    // what follows /hooks/<name>: "" or "/events"
    syncline_str query;   // raw, without '?': "type=VALIDATE&x=%20"
    const syncline_pair*
        headers;        // names as received, without those that authenticated the request
    syncline_str body;  // decoded, if it came compressed
    int64_t received_ns;
} syncline_webhook_request;
SYNCLINE_ASSERT_SIZE(syncline_webhook_request, 88);
#define SYNCLINE_WEBHOOK_REQUEST_SIZE_1_0 88

typedef int32_t syncline_operation;
#define SYNCLINE_UPSERT 1
#define SYNCLINE_DELETE 2
#define SYNCLINE_FETCH 3  // only the key is known; the host fetches the record from the source

// How the body is written. The host refuses what it does not know.
typedef uint32_t syncline_body_format;
#define SYNCLINE_BODY_JSON 1u

// One record that a source yields. Made by the connector.
typedef struct syncline_record {
    uint32_t struct_size;
    syncline_operation operation;
    syncline_str stream;  // one of the manifest's source streams
    syncline_str key;     // identifies the record within its stream: 1 to 1024 bytes of UTF-8
    syncline_str body;    // may be empty for a delete; empty for a fetch
    syncline_body_format body_format;  // SYNCLINE_BODY_JSON
    uint32_t reserved;                 // 0
    int64_t occurred_ns;  // when it happened, if the source says so; SYNCLINE_NO_TIME otherwise
    // The record that has to be at the destination first, as a membership's audience: a stream of
    // the same account and a key. It waits until a connection of that stream to the same
    // destination account has delivered it. "" for none.
    syncline_str parent_stream;
    syncline_str parent_key;
} syncline_record;
SYNCLINE_ASSERT_SIZE(syncline_record, 104);
#define SYNCLINE_RECORD_SIZE_1_0 104

typedef int32_t syncline_sink_answer;
#define SYNCLINE_SINK_GO_ON 0
#define SYNCLINE_SINK_STOP 1

// Where records go. The host owns it; it is valid during the call that it was given to.
typedef struct syncline_record_sink {
    uint32_t struct_size;
    uint32_t reserved;  // 0
    syncline_sink_handle handle;

    // Takes one record; the order is kept. STOP: the host will not use this translation (a limit,
    // an invalid record), so the connector should return; what it returns then does not matter.
    // Lifetime: the record is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.0
    syncline_sink_answer(SYNCLINE_CALL* record)(syncline_sink_handle sink,
                                                const syncline_record* record);
} syncline_record_sink;
SYNCLINE_ASSERT_SIZE(syncline_record_sink, 24);
#define SYNCLINE_RECORD_SINK_SIZE_1_0 24

// What a request is answered with. Made by the connector.
typedef struct syncline_webhook_reply {
    uint32_t struct_size;
    int32_t status;             // of HTTP: 200
    syncline_str content_type;  // "" for none
    syncline_str body;
} syncline_webhook_reply;
SYNCLINE_ASSERT_SIZE(syncline_webhook_reply, 40);
#define SYNCLINE_WEBHOOK_REPLY_SIZE_1_0 40

// Where a reply goes. The host owns it; it is valid during the call that it was given to.
typedef struct syncline_reply_sink {
    uint32_t struct_size;
    uint32_t reserved;  // 0
    syncline_sink_handle handle;

    // Takes the reply; the last one counts.
    // Lifetime: the reply is borrowed until return; the host copies it.
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL* reply)(syncline_sink_handle sink, const syncline_webhook_reply* reply);
} syncline_reply_sink;
SYNCLINE_ASSERT_SIZE(syncline_reply_sink, 24);
#define SYNCLINE_REPLY_SINK_SIZE_1_0 24

typedef int32_t syncline_answer_kind;
#define SYNCLINE_ANSWER_DELIVERED 1
#define SYNCLINE_ANSWER_UNCHANGED 2   // the destination had it already
#define SYNCLINE_ANSWER_FILTERED 3    // the configuration does not want it there
#define SYNCLINE_ANSWER_SUPERSEDED 4  // its key got something newer
#define SYNCLINE_ANSWER_FAILED 5      // it is a dead letter

// What became of one record of a request whose sender waits for it. Made by the host.
typedef struct syncline_answer_record {
    uint32_t struct_size;
    syncline_answer_kind kind;
    syncline_str stream;
    syncline_str key;
    syncline_str destination_key;  // "" when the destination gave none
    syncline_str reply;            // JSON, as the destination's connector gave it; may be empty
    const syncline_error* error;   // for FAILED, otherwise NULL
} syncline_answer_record;
SYNCLINE_ASSERT_SIZE(syncline_answer_record, 80);
#define SYNCLINE_ANSWER_RECORD_SIZE_1_0 80

// The outcome of a request, all of it. Made by the host.
typedef struct syncline_answer {
    uint32_t struct_size;
    uint32_t record_count;  // those of the connection whose outcome is the answer; may be 0
    syncline_str event;     // the event's id, for the sender to refer to
    const syncline_answer_record* const* records;
} syncline_answer;
SYNCLINE_ASSERT_SIZE(syncline_answer, 32);
#define SYNCLINE_ANSWER_SIZE_1_0 32

typedef struct syncline_plugin_webhook {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Answers a request that matches one of the manifest's handshakes. OK with exactly one reply in
    // the sink, or a failure. May be NULL if the manifest has no handshakes.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* handshake)(syncline_instance* instance,
                                              const syncline_webhook_request* request,
                                              const syncline_reply_sink* sink,
                                              syncline_error* error);

    // Turns one request into records, which may be none. On a failure the host discards what went
    // into the sink.
    // SYNCLINE_E_PERMANENT for a request that will never be understood.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* translate)(syncline_instance* instance,
                                              const syncline_webhook_request* request,
                                              const syncline_record_sink* sink,
                                              syncline_error* error);

    // Decides whether a request is authentic by the platform's own scheme, after all that the
    // configuration asks for has held. `secret` is the key that the configuration names for it,
    // for syncline_host_hmac; 0 for none. Required by the manifest's "verifies": true, otherwise
    // NULL. OK: it is. SYNCLINE_E_AUTH_DENIED: it is not, and the sender gets 401.
    // The body is as it came, still coded.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* verify)(syncline_instance* instance,
                                           const syncline_webhook_request* request,
                                           syncline_secret_handle secret, syncline_error* error);

    // Words the answer for a sender who waits for the outcome (the manifest's "answered", or as
    // the configuration says). NULL: the host answers in its own words. OK with exactly one reply
    // in the sink; a failure has the same effect as NULL.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* answer)(syncline_instance* instance,
                                           const syncline_webhook_request* request,
                                           const syncline_answer* outcome,
                                           const syncline_reply_sink* sink, syncline_error* error);
} syncline_plugin_webhook;
SYNCLINE_ASSERT_SIZE(syncline_plugin_webhook, 40);
#define SYNCLINE_PLUGIN_WEBHOOK_SIZE_1_0 40

SYNCLINE_END_C

#endif
