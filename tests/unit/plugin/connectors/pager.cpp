// A connector that reads pages; the cursor that it is given says which rule it breaks. It uses the
// C interface directly: the C++ layer would not let it.
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "syncline/manifest.h"
#include "syncline/syncline.h"

#define PAGER_MANIFEST                                                                       \
    "{\"id\":\"pager\",\"version\":\"1.0.0\",\"name\":\"Pager\",\"abi\":{\"major\":1,"       \
    "\"draft\":2,\"min_host_minor\":2},\"style\":\"async\",\"capabilities\":[\"read\"],"     \
    "\"streams\":[{\"name\":\"things\",\"source\":true,\"read\":[\"full\",\"incremental\"]," \
    "\"read_records_max\":3},{\"name\":\"others\",\"source\":true,\"read\":[\"full\"]}]}"

SYNCLINE_MANIFEST(PAGER_MANIFEST);

struct syncline_instance {
    const syncline_host* host = nullptr;
    const syncline_host_read* read = nullptr;
    std::map<syncline_read_handle, const syncline_read_request*> open;  // by operation
    bool is_stopping = false;
};

namespace {

syncline_str text(const char* value) {
    return {value, std::strlen(value)};
}

syncline_instance* create(const syncline_host* host) {
    auto* self = new syncline_instance;
    self->host = host;
    return self;
}

syncline_status init(syncline_instance* self, syncline_str, syncline_error*) {
    self->read = static_cast<const syncline_host_read*>(
        self->host->get_table(self->host->handle, text(SYNCLINE_READ_ID)));
    return self->read == nullptr ? SYNCLINE_E_UNSUPPORTED : SYNCLINE_OK;
}

syncline_status start(syncline_instance*, syncline_error*) {
    return SYNCLINE_OK;
}

syncline_error failure_of(syncline_status failure_class, const char* message) {
    syncline_error error{};
    error.struct_size = sizeof error;
    error.failure_class = failure_class;
    error.retry_after_ms = -1;
    std::strncpy(error.message, message, sizeof error.message - 1);
    return error;
}

syncline_record record_of(const syncline_read_request& request, const char* key) {
    syncline_record record{};
    record.struct_size = sizeof record;
    record.operation = SYNCLINE_UPSERT;
    record.stream = request.stream;
    record.key = text(key);
    record.body = text("{\"n\":1}");
    record.body_format = SYNCLINE_BODY_JSON;
    record.occurred_ns = SYNCLINE_NO_TIME;
    return record;
}

void add_records(syncline_instance* self, syncline_read_handle operation,
                 const syncline_read_request& request, std::string_view mode) {
    const auto host = self->host->handle;
    syncline_record record = record_of(request, "k1");
    if (mode == "other_stream") record.stream = text("others");
    if (mode == "no_key") record.key = text("");
    if (mode == "bad_json") record.body = text("{]");
    if (mode == "null_record") self->read->record(host, operation, nullptr);
    self->read->record(host, operation, &record);
    if (mode == "flood") {
        while (self->read->record(host, operation, &record) == SYNCLINE_OK) {
        }
    }
    const std::string megabyte = '"' + std::string(1'000'000, 'x') + '"';
    if (mode == "too_large") {
        record.body = {megabyte.data(), megabyte.size()};
        while (self->read->record(host, operation, &record) == SYNCLINE_OK) {
        }
    }
}

void end_page(syncline_instance* self, syncline_read_handle operation,
              const syncline_read_request& request, std::string_view mode) {
    const auto host = self->host->handle;
    syncline_page_end end{};
    end.struct_size = sizeof end;
    end.has_more = 1;
    end.cursor = text("next");
    const std::string long_cursor(20'000, 'c');
    syncline_error error = failure_of(SYNCLINE_E_CURSOR_INVALID, "it is too old");
    if (mode == "next") end.has_more = 0;
    if (mode == "stuck") end.cursor = request.cursor;
    if (mode == "to_nowhere") end.cursor = text("");
    if (mode == "long_cursor") end.cursor = {long_cursor.data(), long_cursor.size()};
    if (mode == "bad_cursor") end.cursor = text("\xff");
    if (mode == "short_end") end.struct_size = 8;
    if (mode == "expired" || mode == "no_class") end.error = &error;
    if (mode == "no_class") error.failure_class = SYNCLINE_OK;
    self->read->end(host, operation, mode == "null_end" ? nullptr : &end);
    if (mode == "ends_twice") self->read->end(host, operation, &end);
    if (mode == "record_behind") {
        const syncline_record record = record_of(request, "k2");
        self->read->record(host, operation, &record);
    }
}

void answer(syncline_instance* self, syncline_read_handle operation,
            const syncline_read_request& request) {
    const std::string mode{request.cursor.ptr, request.cursor.len};
    const auto host = self->host->handle;
    add_records(self, operation, request, mode);
    if (mode != "no_end") end_page(self, operation, request, mode);
    // The request is borrowed until then, by this connector as well.
    const std::string stream{request.stream.ptr, request.stream.len};
    syncline_record record = record_of(request, "k2");
    record.stream = {stream.data(), stream.size()};
    self->open.erase(operation);
    self->read->complete(host, operation);
    if (mode == "completes_twice") {
        self->read->record(host, operation, &record);
        self->read->complete(host, operation);
    }
}

void settle(syncline_instance* self) {
    if (self->is_stopping && self->open.empty()) self->host->stopped(self->host->handle);
}

void stop(syncline_instance* self) {
    self->is_stopping = true;
    self->host->post(self->host->handle, 0);
}

void posted(syncline_instance* self, uint64_t user_id) {
    const auto found = self->open.find(user_id);
    if (found != self->open.end()) answer(self, user_id, *found->second);
    settle(self);
}

void destroy(syncline_instance* self) {
    delete self;
}

syncline_status read(syncline_instance* self, syncline_read_handle operation,
                     const syncline_read_request* request, syncline_error* error) {
    const std::string_view mode{request->cursor.ptr, request->cursor.len};
    if (mode == "refuses") {
        *error = failure_of(SYNCLINE_E_RATE_LIMITED, "not so fast");
        return SYNCLINE_E_RATE_LIMITED;
    }
    if (mode == "throws") throw 1;
    self->open[operation] = request;
    if (mode == "inside") self->read->complete(self->host->handle, operation);
    if (mode != "waits") self->host->post(self->host->handle, operation);
    return SYNCLINE_OK;
}

void cancel(syncline_instance* self, syncline_read_handle operation) {
    if (self->open.count(operation) == 0) return;
    self->open.erase(operation);
    const syncline_error error = failure_of(SYNCLINE_E_CANCELLED, "as you wish");
    syncline_page_end end{};
    end.struct_size = sizeof end;
    end.error = &error;
    self->read->end(self->host->handle, operation, &end);
    self->read->complete(self->host->handle, operation);
    settle(self);
}

const syncline_plugin_read kRead{sizeof kRead, 0, read, cancel};

const void* get_table(syncline_str id) {
    return std::string_view{id.ptr, id.len} == SYNCLINE_READ_ID ? &kRead : nullptr;
}

}  // namespace

const syncline_plugin syncline_plugin_v1 = {sizeof(syncline_plugin),
                                            SYNCLINE_ABI_MAJOR,
                                            SYNCLINE_ABI_DRAFT,
                                            0,
                                            SYNCLINE_STR(PAGER_MANIFEST),
                                            get_table,
                                            create,
                                            init,
                                            start,
                                            stop,
                                            posted,
                                            destroy};
