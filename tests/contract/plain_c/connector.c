/* A destination in plain C, written from nothing but plugin-api and its documents: one request for
 * each record of a batch, all at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "syncline/syncline.h"

#define BATCH_RECORDS_MAX 20
#define URL_BYTES_MAX 512

/* The pattern keeps everything out of base_url that JSON would have to escape. */
#define MANIFEST                                                                        \
    "{\"id\":\"plain-c\",\"version\":\"1.0.0\",\"name\":\"Plain C\","                   \
    "\"summary\":\"Posts each record\","                                                \
    "\"abi\":{\"major\":1,\"draft\":2,\"min_host_minor\":0},\"style\":\"async\","       \
    "\"unload\":\"supported\",\"capabilities\":[\"write\"],"                            \
    "\"streams\":[{\"name\":\"things\",\"source\":false,\"destination\":true,"          \
    "\"batch_records_max\":20}],\"handshakes\":[],"                                     \
    "\"allowed_hosts\":[{\"from_setting\":\"base_url\"}],"                              \
    "\"settings\":{\"type\":\"object\",\"required\":[\"base_url\"],"                    \
    "\"additionalProperties\":false,\"properties\":{\"base_url\":{\"type\":\"string\"," \
    "\"format\":\"uri\",\"maxLength\":400,\"pattern\":\"^https?://[A-Za-z0-9.:/_-]+$\"}}}}"

SYNCLINE_MANIFEST(MANIFEST);

/* One batch: a request is open for each record that has a handle. */
typedef struct operation {
    struct operation* next;
    syncline_instance* instance;
    syncline_write_handle handle;
    uint32_t open_count;
    uint32_t record_count;
    syncline_http_handle exchanges[BATCH_RECORDS_MAX]; /* 0: not open */
} operation;

/* A request's user id: which record of which operation. */
typedef struct exchange {
    operation* owner;
    uint32_t record_index;
} exchange;

struct syncline_instance {
    const syncline_host* host;
    const syncline_host_http* http;
    const syncline_host_write* write;
    operation* operations;
    char url[URL_BYTES_MAX];
    int is_stopping;
    uint32_t post_count; /* that the host has still to answer */
};

static syncline_status fail(syncline_error* error, syncline_status failure_class,
                            const char* message) {
    error->failure_class = failure_class;
    error->retry_after_ms = -1;
    error->provider_code[0] = '\0';
    snprintf(error->message, sizeof error->message, "%s", message);
    return failure_class;
}

static syncline_str text_of(const char* text) {
    const syncline_str result = {text, strlen(text)};
    return result;
}

/* Everything that was begun ends in this: `stopped` when it was asked for and nothing is open. */
static void settle(syncline_instance* instance) {
    if (!instance->is_stopping || instance->operations != NULL || instance->post_count > 0) return;
    instance->is_stopping = 0;
    instance->host->stopped(instance->host->handle);
}

static int post(syncline_instance* instance, uint64_t user_id) {
    if (instance->host->post(instance->host->handle, user_id) != SYNCLINE_OK) return 0;
    ++instance->post_count;
    return 1;
}

/* ---- The life of an instance --------------------------------------------------------------- */

static syncline_instance* SYNCLINE_CALL create(const syncline_host* host) {
    syncline_instance* instance = calloc(1, sizeof *instance);
    if (instance != NULL) instance->host = host;
    return instance;
}

static const void* host_table(const syncline_instance* instance, const char* id) {
    return instance->host->get_table(instance->host->handle, text_of(id));
}

/* The one setting there is; the schema has made sure that it needs no unescaping. */
static int read_base_url(syncline_str json, char* url, size_t url_size) {
    static const char kName[] = "\"base_url\"";
    const size_t name_length = sizeof kName - 1;
    const char* const end = json.ptr + json.len;
    const char* at = json.ptr;
    size_t length = 0;
    while ((size_t)(end - at) >= name_length && memcmp(at, kName, name_length) != 0) ++at;
    if ((size_t)(end - at) < name_length) return 0;
    at += name_length;
    while (at < end && (*at == ':' || *at == ' ')) ++at;
    if (at >= end || *at++ != '"') return 0;
    while (at + length < end && at[length] != '"') ++length;
    while (length > 0 && at[length - 1] == '/') --length;
    return snprintf(url, url_size, "%.*s/things", (int)length, at) < (int)url_size;
}

static syncline_status SYNCLINE_CALL init(syncline_instance* instance, syncline_str settings_json,
                                          syncline_error* error) {
    instance->http = host_table(instance, SYNCLINE_HTTP_ID);
    instance->write = host_table(instance, SYNCLINE_WRITE_ID);
    if (instance->http == NULL || instance->write == NULL) {
        return fail(error, SYNCLINE_E_UNSUPPORTED, "the host lacks HTTP or writing");
    }
    if (!read_base_url(settings_json, instance->url, sizeof instance->url)) {
        return fail(error, SYNCLINE_E_CONFIG, "'base_url' must be the platform's address");
    }
    return SYNCLINE_OK;
}

static syncline_status SYNCLINE_CALL start(syncline_instance* instance, syncline_error* error) {
    (void)instance, (void)error;
    return SYNCLINE_OK;
}

static void SYNCLINE_CALL stop(syncline_instance* instance) {
    /* `stopped` may not be told from in here, so there has to be a call after this one. */
    instance->is_stopping = 1;
    post(instance, 0);
}

static void SYNCLINE_CALL destroy(syncline_instance* instance) {
    free(instance);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void tell(operation* of, uint32_t record_index, syncline_outcome_kind kind,
                 const syncline_error* error) {
    syncline_outcome outcome = {0};
    outcome.struct_size = sizeof outcome;
    outcome.kind = kind;
    outcome.error = error;
    of->instance->write->outcome(of->instance->host->handle, of->handle, record_index, &outcome);
}

static void complete(operation* done) {
    syncline_instance* instance = done->instance;
    operation** at = &instance->operations;
    while (*at != done) at = &(*at)->next;
    *at = done->next;
    instance->write->complete(instance->host->handle, done->handle);
    free(done);
}

/* False: it was not sent, and the record has its outcome. */
static int send_record(operation* of, uint32_t record_index, const syncline_write_record* record) {
    static const syncline_pair kHeaders[] = {
        {SYNCLINE_STR("Content-Type"), SYNCLINE_STR("application/json")}};
    const syncline_instance* instance = of->instance;
    syncline_http_request request = {0};
    syncline_error error = {0};
    exchange* id = malloc(sizeof *id);
    error.struct_size = sizeof error;
    if (id == NULL) {
        fail(&error, SYNCLINE_E_TRANSIENT, "no memory");
        tell(of, record_index, SYNCLINE_FAILED, &error);
        return 0;
    }
    id->owner = of;
    id->record_index = record_index;
    request.struct_size = sizeof request;
    request.header_count = 1;
    request.method = record->operation == SYNCLINE_DELETE ? text_of("DELETE") : text_of("POST");
    request.url = text_of(instance->url);
    request.headers = kHeaders;
    request.body = record->body;
    if (instance->http->send(instance->host->handle, &request, (uint64_t)(uintptr_t)id,
                             &of->exchanges[record_index], &error) == SYNCLINE_OK) {
        return 1;
    }
    of->exchanges[record_index] = 0;
    free(id);
    tell(of, record_index, SYNCLINE_FAILED, &error);
    return 0;
}

static syncline_status SYNCLINE_CALL begin_write(syncline_instance* instance,
                                                 syncline_write_handle handle,
                                                 const syncline_write_batch* batch,
                                                 syncline_error* error) {
    static const char kStream[] = "things";
    operation* begun;
    if (batch->stream.len != sizeof kStream - 1 ||
        memcmp(batch->stream.ptr, kStream, sizeof kStream - 1) != 0) {
        return fail(error, SYNCLINE_E_UNSUPPORTED, "there is no such stream");
    }
    if (batch->record_count > BATCH_RECORDS_MAX) {
        return fail(error, SYNCLINE_E_HOST_BUG, "the batch is larger than the manifest allows");
    }
    for (uint32_t i = 0; i < batch->record_count; ++i) {
        if (batch->records[i]->body_format != SYNCLINE_BODY_JSON) {
            return fail(error, SYNCLINE_E_UNSUPPORTED, "the bodies are in an unknown format");
        }
    }
    begun = calloc(1, sizeof *begun);
    if (begun == NULL) return fail(error, SYNCLINE_E_TRANSIENT, "no memory");
    begun->instance = instance;
    begun->handle = handle;
    begun->record_count = batch->record_count;
    begun->next = instance->operations;
    instance->operations = begun;
    for (uint32_t i = 0; i < batch->record_count; ++i) {
        if (send_record(begun, i, batch->records[i])) ++begun->open_count;
    }
    /* With nothing under way it is over, but that may not be told from in here. */
    if (begun->open_count > 0 || post(instance, (uint64_t)(uintptr_t)begun)) return SYNCLINE_OK;
    instance->operations = begun->next;
    free(begun);
    return fail(error, SYNCLINE_E_HOST_BUG, "the host takes no posts");
}

static void SYNCLINE_CALL cancel_write(syncline_instance* instance, syncline_write_handle handle) {
    for (operation* each = instance->operations; each != NULL; each = each->next) {
        if (each->handle != handle) continue;
        for (uint32_t i = 0; i < each->record_count; ++i) {
            if (each->exchanges[i] == 0) continue;
            instance->http->cancel(instance->host->handle, each->exchanges[i]);
        }
    }
}

static void SYNCLINE_CALL posted(syncline_instance* instance, uint64_t user_id) {
    --instance->post_count;
    if (user_id != 0) complete((operation*)(uintptr_t)user_id);
    settle(instance);
}

/* What `Retry-After` says in seconds; -1 when it does not. Names of headers are in lower case. */
static int64_t retry_after_ms(const syncline_http_result* result) {
    static const char kName[] = "retry-after";
    for (uint32_t i = 0; i < result->header_count; ++i) {
        const syncline_pair* header = &result->headers[i];
        int64_t seconds = 0;
        if (header->name.len != sizeof kName - 1 ||
            memcmp(header->name.ptr, kName, sizeof kName - 1) != 0 || header->value.len == 0 ||
            header->value.len > 9) {
            continue;
        }
        for (uint64_t at = 0; at < header->value.len; ++at) {
            const char digit = header->value.ptr[at];
            if (digit < '0' || digit > '9') return -1;
            seconds = seconds * 10 + (digit - '0');
        }
        return seconds * 1000;
    }
    return -1;
}

static void judge(operation* of, uint32_t record_index, const syncline_http_result* result) {
    const int status = result->status;
    syncline_error error = {0};
    error.struct_size = sizeof error;
    if (!result->has_response) {
        const int was_cancelled = result->error->failure_class == SYNCLINE_E_CANCELLED;
        tell(of, record_index,
             result->may_have_been_processed ? SYNCLINE_UNKNOWN
             : was_cancelled                 ? SYNCLINE_NOT_ATTEMPTED
                                             : SYNCLINE_FAILED,
             result->error);
    } else if (status >= 200 && status < 300) {
        tell(of, record_index, SYNCLINE_DONE, NULL);
    } else if (status == 429 || status == 503) {
        fail(&error, SYNCLINE_E_RATE_LIMITED, "the platform asks to come back later");
        error.retry_after_ms = retry_after_ms(result);
        tell(of, record_index, SYNCLINE_FAILED, &error);
    } else if (status >= 400 && status < 500) {
        fail(&error, SYNCLINE_E_PERMANENT, "the platform refused the record");
        snprintf(error.provider_code, sizeof error.provider_code, "%d", status);
        tell(of, record_index, SYNCLINE_FAILED, &error);
    } else {
        fail(&error, SYNCLINE_E_TRANSIENT, "the platform failed");
        tell(of, record_index, SYNCLINE_UNKNOWN, &error);
    }
}

static void SYNCLINE_CALL http_done(syncline_instance* instance, uint64_t user_id,
                                    const syncline_http_result* result) {
    exchange* id = (exchange*)(uintptr_t)user_id;
    operation* owner = id->owner;
    owner->exchanges[id->record_index] = 0;
    judge(owner, id->record_index, result);
    free(id);
    if (--owner->open_count == 0) complete(owner);
    settle(instance);
}

/* ---- The entry ------------------------------------------------------------------------------ */

static const void* SYNCLINE_CALL get_table(syncline_str id) {
    static const syncline_plugin_write kWrite = {sizeof kWrite, 0, begin_write, cancel_write};
    static const syncline_plugin_http kHttp = {sizeof kHttp, 0, http_done};
    const syncline_str write_id = SYNCLINE_STR(SYNCLINE_WRITE_ID);
    const syncline_str http_id = SYNCLINE_STR(SYNCLINE_HTTP_ID);
    if (id.len == write_id.len && memcmp(id.ptr, write_id.ptr, id.len) == 0) return &kWrite;
    if (id.len == http_id.len && memcmp(id.ptr, http_id.ptr, id.len) == 0) return &kHttp;
    return NULL;
}

const syncline_plugin syncline_plugin_v1 = {sizeof(syncline_plugin),
                                            SYNCLINE_ABI_MAJOR,
                                            SYNCLINE_ABI_DRAFT,
                                            0,
                                            SYNCLINE_STR(MANIFEST),
                                            get_table,
                                            create,
                                            init,
                                            start,
                                            stop,
                                            posted,
                                            destroy};
