/* A connector in plain C, as small as the interface allows: it keeps a count and does nothing. */
#include <stdlib.h>

#include "syncline/syncline.h"

#define MANIFEST                                                                                   \
    "{\"id\":\"minimal\",\"version\":\"1.0.0\",\"name\":\"Minimal\",\"summary\":\"Does nothing\"," \
    "\"abi\":{\"major\":1,\"draft\":2,\"min_host_minor\":0},\"style\":\"async\",\"unload\":"       \
    "\"supported\","                                                                               \
    "\"capabilities\":[],\"streams\":[],\"handshakes\":[],\"allowed_hosts\":[],\"settings\":{}}"

SYNCLINE_MANIFEST(MANIFEST);

struct syncline_instance {
    const syncline_host* host;
};

static const void* SYNCLINE_CALL get_table(syncline_str id) {
    (void)id;
    return NULL;
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
