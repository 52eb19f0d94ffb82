// Every struct and every table of the C interface, described. A new one that is not here fails
// "marshal: everything of the interface is described" by its name; what to do is one entry here,
// and its name in AllStructs or AllTables at the end.
#pragma once

#include "described.hpp"
#include "syncline/syncline.h"

namespace syncline::marshal {

#define FIELD MARSHAL_FIELD
#define LIST MARSHAL_LIST
#define CALL(field) MARSHAL_SLOT(field, kCall)
#define BEGINS(field) MARSHAL_SLOT(field, kBegins)
#define COMPLETES(field) MARSHAL_SLOT(field, kCompletes)
#define OWN(field) MARSHAL_SLOT(field, kOwn)

// clang-format off
// ---- Structs ------------------------------------------------------------------------------------

MARSHAL_STRUCT(syncline_str, FIELD(ptr), FIELD(len))
MARSHAL_STRUCT(syncline_pair, FIELD(name), FIELD(value))
MARSHAL_STRUCT(syncline_error, FIELD(struct_size), FIELD(failure_class), FIELD(retry_after_ms),
               FIELD(provider_code), FIELD(message))

MARSHAL_STRUCT(syncline_webhook_request, FIELD(struct_size), FIELD(header_count), FIELD(method),
               FIELD(path), FIELD(query), LIST(headers, header_count), FIELD(body),
               FIELD(received_ns))
MARSHAL_STRUCT(syncline_record, FIELD(struct_size), FIELD(operation), FIELD(stream), FIELD(key),
               FIELD(body), FIELD(body_format), FIELD(reserved), FIELD(occurred_ns),
               FIELD(parent_stream), FIELD(parent_key))
MARSHAL_STRUCT(syncline_webhook_reply, FIELD(struct_size), FIELD(status), FIELD(content_type),
               FIELD(body))
MARSHAL_STRUCT(syncline_answer_record, FIELD(struct_size), FIELD(kind), FIELD(stream), FIELD(key),
               FIELD(destination_key), FIELD(reply), FIELD(error))
MARSHAL_STRUCT(syncline_answer, FIELD(struct_size), FIELD(record_count), FIELD(event),
               LIST(records, record_count))

MARSHAL_STRUCT(syncline_write_record, FIELD(struct_size), FIELD(operation), FIELD(key), FIELD(body),
               FIELD(destination_key), FIELD(body_format), FIELD(was_delivered), FIELD(is_complete),
               FIELD(changed_count), FIELD(unset_count), FIELD(is_unknown),
               LIST(changed_fields, changed_count), LIST(unset_fields, unset_count),
               FIELD(parent_key), FIELD(idempotency_key))
MARSHAL_STRUCT(syncline_write_batch, FIELD(struct_size), FIELD(record_count), FIELD(stream),
               LIST(records, record_count), FIELD(timeout_ms))
MARSHAL_STRUCT(syncline_outcome, FIELD(struct_size), FIELD(kind), FIELD(error),
               FIELD(destination_key), FIELD(reply))

MARSHAL_STRUCT(syncline_fetch_request, FIELD(struct_size), FIELD(reserved), FIELD(key),
               FIELD(parameters))
MARSHAL_STRUCT(syncline_fetch_batch, FIELD(struct_size), FIELD(request_count), FIELD(stream),
               LIST(requests, request_count), FIELD(timeout_ms))
MARSHAL_STRUCT(syncline_fetch_result, FIELD(struct_size), FIELD(kind), FIELD(body),
               FIELD(body_format), FIELD(reserved), FIELD(error))

MARSHAL_STRUCT(syncline_read_request, FIELD(struct_size), FIELD(records_max), FIELD(stream),
               FIELD(cursor), FIELD(is_full), FIELD(reserved), FIELD(timeout_ms))
MARSHAL_STRUCT(syncline_page_end, FIELD(struct_size), FIELD(has_more), FIELD(cursor), FIELD(error))

MARSHAL_STRUCT(syncline_http_request, FIELD(struct_size), FIELD(header_count), FIELD(method),
               FIELD(url), LIST(headers, header_count), FIELD(body), FIELD(timeout_ms))
MARSHAL_STRUCT(syncline_http_result, FIELD(struct_size), FIELD(has_response), FIELD(status),
               FIELD(header_count), LIST(headers, header_count), FIELD(body), FIELD(error),
               FIELD(may_have_been_processed), FIELD(reserved))

MARSHAL_STRUCT(syncline_state, FIELD(struct_size), FIELD(version), FIELD(schema_id), FIELD(bytes))

// ---- Sinks: where the output of one call goes ---------------------------------------------------

MARSHAL_TABLE(syncline_record_sink, kSink, "", FIELD(struct_size), FIELD(reserved), FIELD(handle),
              CALL(record))
MARSHAL_TABLE(syncline_reply_sink, kSink, "", FIELD(struct_size), FIELD(reserved), FIELD(handle),
              CALL(reply))
MARSHAL_TABLE(syncline_text_sink, kSink, "", FIELD(struct_size), FIELD(reserved), FIELD(context),
              CALL(text))
MARSHAL_TABLE(syncline_header_sink, kSink, "", FIELD(struct_size), FIELD(reserved), FIELD(context),
              CALL(header))
MARSHAL_TABLE(syncline_state_sink, kSink, "", FIELD(struct_size), FIELD(reserved), FIELD(context),
              CALL(state))

// ---- Tables of the connector --------------------------------------------------------------------

MARSHAL_TABLE(syncline_plugin, kPlugin, "", FIELD(struct_size), FIELD(abi_major), FIELD(abi_draft),
              FIELD(reserved), FIELD(manifest), OWN(get_table), OWN(create), CALL(init),
              CALL(start), CALL(stop), CALL(posted), OWN(destroy))
MARSHAL_TABLE(syncline_plugin_webhook, kPlugin, SYNCLINE_WEBHOOK_ID, FIELD(struct_size),
              FIELD(reserved), CALL(handshake), CALL(translate), CALL(verify), CALL(answer))
MARSHAL_TABLE(syncline_plugin_write, kPlugin, SYNCLINE_WRITE_ID, FIELD(struct_size),
              FIELD(reserved), BEGINS(write), CALL(cancel))
MARSHAL_TABLE(syncline_plugin_fetch, kPlugin, SYNCLINE_FETCH_ID, FIELD(struct_size),
              FIELD(reserved), BEGINS(fetch), CALL(cancel))
MARSHAL_TABLE(syncline_plugin_read, kPlugin, SYNCLINE_READ_ID, FIELD(struct_size), FIELD(reserved),
              BEGINS(read), CALL(cancel))
MARSHAL_TABLE(syncline_plugin_check, kPlugin, SYNCLINE_CHECK_ID, FIELD(struct_size),
              FIELD(reserved), BEGINS(check), CALL(cancel))
MARSHAL_TABLE(syncline_plugin_discover, kPlugin, SYNCLINE_DISCOVER_ID, FIELD(struct_size),
              FIELD(reserved), BEGINS(discover), CALL(cancel))
MARSHAL_TABLE(syncline_plugin_periodic, kPlugin, SYNCLINE_PERIODIC_ID, FIELD(struct_size),
              FIELD(reserved), BEGINS(work), CALL(cancel))
MARSHAL_TABLE(syncline_plugin_migrate, kPlugin, SYNCLINE_MIGRATE_ID, FIELD(struct_size),
              FIELD(reserved), CALL(migrate))
MARSHAL_TABLE(syncline_plugin_state, kPlugin, SYNCLINE_STATE_ID, FIELD(struct_size),
              FIELD(reserved), CALL(save), CALL(restore))
MARSHAL_TABLE(syncline_plugin_sign, kPlugin, SYNCLINE_SIGN_ID, FIELD(struct_size), FIELD(reserved),
              CALL(sign))
MARSHAL_TABLE(syncline_plugin_http, kPlugin, SYNCLINE_HTTP_ID, FIELD(struct_size), FIELD(reserved),
              CALL(done))
MARSHAL_TABLE(syncline_plugin_file, kPlugin, SYNCLINE_FILE_ID, FIELD(struct_size), FIELD(reserved),
              CALL(done))
MARSHAL_TABLE(syncline_plugin_idmap, kPlugin, SYNCLINE_IDMAP_ID, FIELD(struct_size),
              FIELD(reserved), CALL(found))

// ---- Tables of the host -------------------------------------------------------------------------

MARSHAL_TABLE(syncline_host, kHost, "", FIELD(struct_size), FIELD(abi_minor), FIELD(handle),
              OWN(get_table), CALL(post), CALL(stopped))
MARSHAL_TABLE(syncline_host_check, kHost, SYNCLINE_CHECK_ID, FIELD(struct_size), FIELD(reserved),
              CALL(outcome), COMPLETES(complete))
MARSHAL_TABLE(syncline_host_discover, kHost, SYNCLINE_DISCOVER_ID, FIELD(struct_size),
              FIELD(reserved), CALL(outcome), COMPLETES(complete))
MARSHAL_TABLE(syncline_host_periodic, kHost, SYNCLINE_PERIODIC_ID, FIELD(struct_size),
              FIELD(reserved), CALL(outcome), COMPLETES(complete))
MARSHAL_TABLE(syncline_host_clock, kHost, SYNCLINE_CLOCK_ID, FIELD(struct_size), FIELD(reserved),
              CALL(now_ns), CALL(monotonic_ns))
MARSHAL_TABLE(syncline_host_expr, kHost, SYNCLINE_EXPR_ID, FIELD(struct_size), FIELD(reserved),
              CALL(compile), CALL(evaluate))
MARSHAL_TABLE(syncline_host_fetch, kHost, SYNCLINE_FETCH_ID, FIELD(struct_size), FIELD(reserved),
              CALL(result), COMPLETES(complete))
MARSHAL_TABLE(syncline_host_file, kHost, SYNCLINE_FILE_ID, FIELD(struct_size), FIELD(reserved),
              CALL(append))
MARSHAL_TABLE(syncline_host_hmac, kHost, SYNCLINE_HMAC_ID, FIELD(struct_size), FIELD(reserved),
              CALL(hmac))
MARSHAL_TABLE(syncline_host_http, kHost, SYNCLINE_HTTP_ID, FIELD(struct_size), FIELD(reserved),
              CALL(send), CALL(cancel), CALL(fetch))
MARSHAL_TABLE(syncline_host_idmap, kHost, SYNCLINE_IDMAP_ID, FIELD(struct_size), FIELD(reserved),
              CALL(get), CALL(put))
MARSHAL_TABLE(syncline_host_log, kHost, SYNCLINE_LOG_ID, FIELD(struct_size), FIELD(reserved),
              CALL(log))
MARSHAL_TABLE(syncline_host_read, kHost, SYNCLINE_READ_ID, FIELD(struct_size), FIELD(reserved),
              CALL(record), CALL(end), COMPLETES(complete))
MARSHAL_TABLE(syncline_host_secret, kHost, SYNCLINE_SECRET_ID, FIELD(struct_size), FIELD(reserved),
              CALL(find), CALL(show))
MARSHAL_TABLE(syncline_host_write, kHost, SYNCLINE_WRITE_ID, FIELD(struct_size), FIELD(reserved),
              CALL(outcome), COMPLETES(complete))
// clang-format on

template <class... Types>
struct TypeList {};

using AllStructs =
    TypeList<syncline_str, syncline_pair, syncline_error, syncline_webhook_request, syncline_record,
             syncline_webhook_reply, syncline_answer_record, syncline_answer, syncline_write_record,
             syncline_write_batch, syncline_outcome, syncline_fetch_request, syncline_fetch_batch,
             syncline_fetch_result, syncline_read_request, syncline_page_end, syncline_http_request,
             syncline_http_result, syncline_state>;

using AllTables =
    TypeList<syncline_record_sink, syncline_reply_sink, syncline_text_sink, syncline_header_sink,
             syncline_state_sink, syncline_plugin_periodic, syncline_plugin_migrate,
             syncline_plugin_state, syncline_plugin_sign, syncline_host_periodic, syncline_plugin,
             syncline_plugin_webhook, syncline_plugin_write, syncline_plugin_fetch,
             syncline_plugin_read, syncline_plugin_check, syncline_plugin_discover,
             syncline_plugin_http, syncline_plugin_file, syncline_plugin_idmap, syncline_host,
             syncline_host_check, syncline_host_discover, syncline_host_clock, syncline_host_expr,
             syncline_host_fetch, syncline_host_file, syncline_host_hmac, syncline_host_http,
             syncline_host_idmap, syncline_host_log, syncline_host_read, syncline_host_secret,
             syncline_host_write>;

// Does something with each type of a list, as a value of std::type_identity.
template <class... Types, class Do>
constexpr void for_each_type(TypeList<Types...>, const Do& act) {
    (act(std::type_identity<Types>{}), ...);
}

#undef FIELD
#undef LIST
#undef CALL
#undef BEGINS
#undef COMPLETES
#undef OWN

}  // namespace syncline::marshal
