// A connector that answers the host's questions as its setting "mode" says, mostly against the
// rules. In plain C, since the C++ layer would not let it.
#include <cstring>
#include <string>
#include <string_view>

#include "syncline/syncline.h"

#define RUDE_MANIFEST                                                                            \
    "{\"id\":\"rude\",\"version\":\"1.0.0\",\"name\":\"Rude\",\"abi\":{\"major\":1,\"draft\":2," \
    "\"min_host_minor\":3},\"style\":\"async\",\"capabilities\":[\"webhook\",\"check\","         \
    "\"discover\"],"                                                                             \
    "\"settings\":{\"type\":\"object\",\"properties\":{\"mode\":{\"type\":\"string\"}}}}"

struct syncline_instance {
    const syncline_host* host;
    std::string mode;
    std::uint64_t operation = 0;
    bool is_check = false;
};

SYNCLINE_MANIFEST(RUDE_MANIFEST);

namespace {

syncline_str text(std::string_view value) {
    return {value.data(), value.size()};
}

template <class Table>
const Table& host_table(const syncline_instance* self, const char* id) {
    return *static_cast<const Table*>(self->host->get_table(self->host->handle, text(id)));
}

syncline_error error_of(syncline_status status, const char* message) {
    syncline_error error{};
    error.struct_size = sizeof error;
    error.failure_class = status;
    error.retry_after_ms = -1;
    std::strncpy(error.message, message, sizeof error.message - 1);
    return error;
}

void tell(syncline_instance* self, const syncline_error* error) {
    const syncline_host_handle host = self->host->handle;
    if (self->is_check) {
        host_table<syncline_host_check>(self, SYNCLINE_CHECK_ID)
            .outcome(host, self->operation, error);
        return;
    }
    std::string streams = R"([{"name": "orders", "fields": [{"name": "total"}]}])";
    if (self->mode == "no_json") streams = "orders";
    if (self->mode == "no_list") streams = "{}";
    if (self->mode == "no_names") streams = R"([{"title": "Orders"}])";
    if (self->mode == "bad_fields") streams = R"([{"name": "orders", "fields": [1]}])";
    if (self->mode == "flood") streams = "[" + std::string(2'000'000, ' ') + "]";
    host_table<syncline_host_discover>(self, SYNCLINE_DISCOVER_ID)
        .outcome(host, self->operation, text(streams), error);
}

void complete(const syncline_instance* self) {
    if (self->is_check) {
        host_table<syncline_host_check>(self, SYNCLINE_CHECK_ID)
            .complete(self->host->handle, self->operation);
    } else {
        host_table<syncline_host_discover>(self, SYNCLINE_DISCOVER_ID)
            .complete(self->host->handle, self->operation);
    }
}

syncline_status begin(syncline_instance* self, std::uint64_t operation, bool is_check,
                      syncline_error* error) {
    self->operation = operation;
    self->is_check = is_check;
    if (self->mode == "refuses") {
        *error = error_of(SYNCLINE_E_CONFIG, "no");
        return SYNCLINE_E_CONFIG;
    }
    if (self->mode == "throws") throw 1;
    if (self->mode == "inside") {
        tell(self, nullptr);
        complete(self);
    }
    if (self->mode != "hangs") self->host->post(self->host->handle, 1);
    return SYNCLINE_OK;
}

void posted(syncline_instance* self, std::uint64_t user_id) {
    if (user_id == 0) return self->host->stopped(self->host->handle);
    if (self->mode == "no_class") {
        const syncline_error error = error_of(SYNCLINE_OK, "nothing");
        tell(self, &error);
    } else if (self->mode == "short_error") {
        syncline_error error = error_of(SYNCLINE_E_PERMANENT, "short");
        error.struct_size = 8;
        tell(self, &error);
    } else if (self->mode != "no_outcome" && self->mode != "inside") {
        tell(self, nullptr);
    }
    if (self->mode == "twice") tell(self, nullptr);
    complete(self);
    if (self->mode == "completes_twice") complete(self);
}

void cancel(syncline_instance* self, std::uint64_t) {
    if (self->mode != "hangs") return;
    const syncline_error error = error_of(SYNCLINE_E_CANCELLED, "it was cancelled");
    tell(self, &error);
    complete(self);
}

constexpr syncline_plugin_webhook kWebhook{
    sizeof kWebhook,
    0,
    nullptr,
    [](syncline_instance*, const syncline_webhook_request*, const syncline_record_sink*,
       syncline_error*) -> syncline_status { return SYNCLINE_OK; },
    nullptr,
    nullptr};
constexpr syncline_plugin_check kCheck{
    sizeof kCheck, 0,
    [](syncline_instance* self, std::uint64_t operation, std::int64_t, syncline_error* error) {
        return begin(self, operation, true, error);
    },
    cancel};
constexpr syncline_plugin_discover kDiscover{
    sizeof kDiscover, 0,
    [](syncline_instance* self, std::uint64_t operation, std::int64_t, syncline_error* error) {
        return begin(self, operation, false, error);
    },
    cancel};

const void* get_table(syncline_str id) {
    const std::string_view name{id.ptr, id.len};
    if (name == SYNCLINE_WEBHOOK_ID) return &kWebhook;
    if (name == SYNCLINE_CHECK_ID) return &kCheck;
    return name == SYNCLINE_DISCOVER_ID ? &kDiscover : nullptr;
}

syncline_status init(syncline_instance* self, syncline_str settings, syncline_error*) {
    const std::string_view given{settings.ptr, settings.len};
    const std::size_t at = given.find(R"("mode":")");
    if (at == std::string_view::npos) return SYNCLINE_OK;
    const std::string_view rest = given.substr(at + 8);
    self->mode = rest.substr(0, rest.find('"'));
    return SYNCLINE_OK;
}

}  // namespace

const syncline_plugin syncline_plugin_v1 = {
    sizeof(syncline_plugin),
    SYNCLINE_ABI_MAJOR,
    SYNCLINE_ABI_DRAFT,
    0,
    SYNCLINE_STR(RUDE_MANIFEST),
    get_table,
    [](const syncline_host* host) {
        return new syncline_instance{host, {}};
    },
    init,
    [](syncline_instance*, syncline_error*) -> syncline_status { return SYNCLINE_OK; },
    [](syncline_instance* self) { self->host->post(self->host->handle, 0); },
    posted,
    [](syncline_instance* self) { delete self; }};
