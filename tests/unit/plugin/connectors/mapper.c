/* A connector in C that maps ids: each record's body is a digit d; "put" maps the record's key to
 * it, then the keys "a" and "b" are looked up, and what was found is the destination's key. A key
 * "fails" makes its record fail. */
#include <stdlib.h>
#include <string.h>

#include "syncline/syncline.h"

#define MANIFEST                                                                          \
    "{\"id\":\"mapper\",\"version\":\"1.0.0\",\"name\":\"Mapper\",\"abi\":{\"major\":1,"  \
    "\"draft\":2,\"min_host_minor\":0},\"style\":\"async\",\"capabilities\":[\"write\"]," \
    "\"streams\":[{\"name\":\"things\",\"source\":false,\"destination\":true}]}"

SYNCLINE_MANIFEST(MANIFEST);

struct syncline_instance {
    const syncline_host* host;
    const syncline_host_write* write;
    const syncline_host_idmap* ids;
    syncline_write_handle operation;
    int fails;
};

static syncline_str text(const char* value) {
    syncline_str made = {value, strlen(value)};
    return made;
}

static syncline_instance* create(const syncline_host* host) {
    syncline_instance* self = calloc(1, sizeof *self);
    if (self != NULL) self->host = host;
    return self;
}

static syncline_status init(syncline_instance* self, syncline_str settings, syncline_error* error) {
    (void)settings;
    (void)error;
    self->write = self->host->get_table(self->host->handle, text(SYNCLINE_WRITE_ID));
    self->ids = self->host->get_table(self->host->handle, text(SYNCLINE_IDMAP_ID));
    return self->ids != NULL ? SYNCLINE_OK : SYNCLINE_E_UNSUPPORTED;
}

static syncline_status start(syncline_instance* self, syncline_error* error) {
    (void)self;
    (void)error;
    return SYNCLINE_OK;
}

static void stop(syncline_instance* self) {
    self->host->post(self->host->handle, 0);
}

static void posted(syncline_instance* self, uint64_t user_id) {
    (void)user_id;
    self->host->stopped(self->host->handle);
}

static void destroy(syncline_instance* self) {
    free(self);
}

static syncline_status begin_write(syncline_instance* self, syncline_write_handle operation,
                                   const syncline_write_batch* batch, syncline_error* error) {
    const syncline_write_record* record = batch->records[0];
    const syncline_str keys[2] = {text("a"), text("b")};
    self->operation = operation;
    self->fails = record->key.len == 5 && memcmp(record->key.ptr, "fails", 5) == 0;
    const syncline_status put =
        self->ids->put(self->host->handle, operation, text("lists"),
                       self->fails ? text("a") : record->key, record->body, error);
    if (put != SYNCLINE_OK) return put;
    return self->ids->get(self->host->handle, text("lists"), keys, 2, 7, error);
}

static void cancel_write(syncline_instance* self, syncline_write_handle operation) {
    (void)self;
    (void)operation;
}

static void found(syncline_instance* self, uint64_t user_id, const syncline_str* values,
                  uint32_t value_count, const syncline_error* error) {
    char joined[8] = "-----";
    syncline_error why;
    syncline_outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    memset(&why, 0, sizeof why);
    outcome.struct_size = sizeof outcome;
    outcome.kind = self->fails ? SYNCLINE_FAILED : SYNCLINE_DONE;
    if (error == NULL && user_id == 7 && value_count == 2) {
        if (values[0].len == 1) joined[1] = values[0].ptr[0];
        if (values[1].len == 1) joined[3] = values[1].ptr[0];
    }
    if (self->fails) {
        why.struct_size = sizeof why;
        why.failure_class = SYNCLINE_E_PERMANENT;
        memcpy(why.message, joined, sizeof joined);
        outcome.error = &why;
    } else {
        outcome.destination_key = text(joined);
    }
    self->write->outcome(self->host->handle, self->operation, 0, &outcome);
    self->write->complete(self->host->handle, self->operation);
}

static const void* get_table(syncline_str id) {
    static const syncline_plugin_write kWrite = {sizeof kWrite, 0, begin_write, cancel_write};
    static const syncline_plugin_idmap kIds = {sizeof kIds, 0, found};
    if (id.len == strlen(SYNCLINE_WRITE_ID) && memcmp(id.ptr, SYNCLINE_WRITE_ID, id.len) == 0)
        return &kWrite;
    if (id.len == strlen(SYNCLINE_IDMAP_ID) && memcmp(id.ptr, SYNCLINE_IDMAP_ID, id.len) == 0)
        return &kIds;
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
