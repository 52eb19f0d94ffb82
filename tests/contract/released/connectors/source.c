/* A source in plain C: each webhook is one record that says how long the request's body was; its
 * key is made of the bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "syncline/syncline.h"

#define TEXT_2(number) #number
#define TEXT(number) TEXT_2(number)

#define MANIFEST \
    "{\"id\":\"c-source\",\"version\":\"1.0.0\",\"name\":\"C source\","                        \
    "\"summary\":\"Measures requests\",\"abi\":{\"major\":1,\"draft\":" TEXT(                  \
        SYNCLINE_ABI_DRAFT) ",\"min_host_minor\":0},\"style\":\"async\","                      \
                            "\"unload\":\"supported\",\"capabilities\":[\"webhook\"],"         \
                            "\"streams\":[{\"name\":\"requests\",\"source\":true}],"           \
                            "\"settings\":{\"type\":\"object\",\"additionalProperties\":false}}"

SYNCLINE_MANIFEST(MANIFEST);

struct syncline_instance {
    const syncline_host* host;
};

static syncline_str text_of(const char* text) {
    const syncline_str made = {text, strlen(text)};
    return made;
}

static syncline_status SYNCLINE_CALL translate(syncline_instance* instance,
                                               const syncline_webhook_request* request,
                                               const syncline_record_sink* sink,
                                               syncline_error* error) {
    char key[24], body[64];
    uint64_t digest = 14695981039346656037u; /* FNV-1a */
    syncline_record record;
    (void)instance;
    if (request->body.len == 0) {
        error->failure_class = SYNCLINE_E_PERMANENT;
        error->retry_after_ms = -1;
        snprintf(error->message, sizeof error->message, "the request has no body");
        return SYNCLINE_E_PERMANENT;
    }
    for (uint64_t i = 0; i < request->body.len; ++i)
        digest = (digest ^ (unsigned char)request->body.ptr[i]) * 1099511628211u;
    snprintf(key, sizeof key, "%016llx", (unsigned long long)digest);
    snprintf(body, sizeof body, "{\"bytes\":%llu}", (unsigned long long)request->body.len);
    memset(&record, 0, sizeof record);
    record.struct_size = sizeof record;
    record.operation = SYNCLINE_UPSERT;
    record.stream = text_of("requests");
    record.key = text_of(key);
    record.body = text_of(body);
    record.body_format = SYNCLINE_BODY_JSON;
    record.occurred_ns = SYNCLINE_NO_TIME;
    sink->record(sink->handle, &record);
    return SYNCLINE_OK;
}

static const syncline_plugin_webhook webhook_table = {
    sizeof(syncline_plugin_webhook), 0, NULL, translate, NULL, NULL};

static const void* SYNCLINE_CALL get_table(syncline_str id) {
    const syncline_str known = SYNCLINE_STR(SYNCLINE_WEBHOOK_ID);
    if (id.len != known.len || memcmp(id.ptr, known.ptr, id.len) != 0) return NULL;
    return &webhook_table;
}

static syncline_instance* SYNCLINE_CALL create(const syncline_host* host) {
    syncline_instance* instance = malloc(sizeof *instance);
    if (instance != NULL) instance->host = host;
    return instance;
}

static syncline_status SYNCLINE_CALL init(syncline_instance* instance, syncline_str settings_json,
                                          syncline_error* error) {
    (void)instance, (void)settings_json, (void)error;
    return SYNCLINE_OK;
}

static syncline_status SYNCLINE_CALL start(syncline_instance* instance, syncline_error* error) {
    (void)instance, (void)error;
    return SYNCLINE_OK;
}

static void SYNCLINE_CALL stop(syncline_instance* instance) {
    instance->host->post(instance->host->handle, 1);
}

static void SYNCLINE_CALL posted(syncline_instance* instance, uint64_t user_id) {
    (void)user_id;
    instance->host->stopped(instance->host->handle);
}

static void SYNCLINE_CALL destroy(syncline_instance* instance) {
    free(instance);
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
