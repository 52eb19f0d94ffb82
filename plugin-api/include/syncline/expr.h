// "syncline.expr/1": expressions in the hub's subset of jq, for connectors whose settings hold
// some. The host implements it.
//
// Evaluation is total and bounded in steps, depth and size: it neither blocks nor runs away, and
// sees nothing but its input.
#ifndef SYNCLINE_EXPR_H
#define SYNCLINE_EXPR_H

#include "syncline/types.h"

#define SYNCLINE_EXPR_ID "syncline.expr/1"

SYNCLINE_BEGIN_C

// Where a result goes. Made by the connector; valid during the call that it is given to.
typedef struct syncline_text_sink {
    uint32_t struct_size;
    uint32_t reserved;  // 0
    void* context;      // the connector's own, passed back

    // Takes the whole of a text, once.
    // Lifetime: the text is borrowed until return.
    // Thread: [instance]. Since: 1.0
    void(SYNCLINE_CALL* text)(void* context, syncline_str text);
} syncline_text_sink;
SYNCLINE_ASSERT_SIZE(syncline_text_sink, 24);
#define SYNCLINE_TEXT_SINK_SIZE_1_0 24

typedef struct syncline_host_expr {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Compiles an expression; at most 1,000 for an instance. SYNCLINE_E_CONFIG with a message that
    // names line and column of the text, for what is outside the subset as well.
    // Lifetime: arguments are borrowed until return; *expression is valid until destroy() returns.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* compile)(syncline_host_handle host, syncline_str text,
                                            syncline_expr_handle* expression,
                                            syncline_error* error);

    // Evaluates an expression over a JSON text; the result, JSON as well, goes to the sink.
    // SYNCLINE_E_PERMANENT: the input is not JSON, or the expression fails or exceeds a limit; the
    // message says which. SYNCLINE_E_STALE: no such expression.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* evaluate)(syncline_host_handle host,
                                             syncline_expr_handle expression,
                                             syncline_str input_json,
                                             const syncline_text_sink* sink, syncline_error* error);
} syncline_host_expr;
SYNCLINE_ASSERT_SIZE(syncline_host_expr, 24);
#define SYNCLINE_HOST_EXPR_SIZE_1_0 24

SYNCLINE_END_C

#endif
