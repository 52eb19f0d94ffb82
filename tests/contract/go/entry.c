// What cgo can't export: constants.
#include "connector.h"

#define MANIFEST                                                                                \
    "{\"id\":\"go-things\",\"version\":\"1.0.0\",\"name\":\"Things\","                          \
    "\"summary\":\"A connector in Go\",\"abi\":{\"major\":1,\"draft\":2,\"min_host_minor\":0}," \
    "\"style\":\"async\",\"unload\":\"never\",\"capabilities\":[\"webhook\"],"                  \
    "\"streams\":[{\"name\":\"things\",\"source\":true,\"destination\":false}],"                \
    "\"handshakes\":[],\"allowed_hosts\":[],\"settings\":{\"type\":\"object\"}}"

SYNCLINE_MANIFEST(MANIFEST);

extern syncline_instance* goCreate(void);

static const void* get_table(syncline_str id) {
    (void)id;
    return NULL;
}

static syncline_instance* create(const syncline_host* host) {
    (void)host;
    return goCreate();
}

const syncline_plugin syncline_plugin_v1 = {.struct_size = sizeof(syncline_plugin),
                                            .abi_major = SYNCLINE_ABI_MAJOR,
                                            .abi_draft = SYNCLINE_ABI_DRAFT,
                                            .manifest = SYNCLINE_STR(MANIFEST),
                                            .get_table = get_table,
                                            .create = create};
