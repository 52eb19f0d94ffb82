#include "plugin/known_tables.hpp"

#include <cstring>

#include "syncline/syncline.h"

namespace syncline::plugin {
namespace {

constexpr KnownTable kKnownTables[] = {
    {SYNCLINE_WEBHOOK_ID, SYNCLINE_PLUGIN_WEBHOOK_SIZE_1_0, &Manifest::can_webhook, "webhooks"},
    {SYNCLINE_WRITE_ID, SYNCLINE_PLUGIN_WRITE_SIZE_1_0, &Manifest::can_write, "to write"},
    {SYNCLINE_FETCH_ID, SYNCLINE_PLUGIN_FETCH_SIZE_1_0, &Manifest::can_fetch, "to fetch"},
    {SYNCLINE_READ_ID, SYNCLINE_PLUGIN_READ_SIZE_1_2, &Manifest::can_read, "to read"},
    {SYNCLINE_CHECK_ID, SYNCLINE_PLUGIN_CHECK_SIZE_1_3, &Manifest::can_check, "to check"},
    {SYNCLINE_DISCOVER_ID, SYNCLINE_PLUGIN_DISCOVER_SIZE_1_3, &Manifest::can_discover,
     "to discover"},
    {SYNCLINE_PERIODIC_ID, SYNCLINE_PLUGIN_PERIODIC_SIZE_1_3, &Manifest::can_work,
     "to work at times"},
    {SYNCLINE_SIGN_ID, SYNCLINE_PLUGIN_SIGN_SIZE_1_3, &Manifest::signs_requests,
     "to sign requests"},
    {SYNCLINE_MIGRATE_ID, SYNCLINE_PLUGIN_MIGRATE_SIZE_1_3, &Manifest::can_migrate,
     "to migrate settings"},
    {SYNCLINE_STATE_ID, SYNCLINE_PLUGIN_STATE_SIZE_1_3, &Manifest::can_keep_state, "to keep state"},
    {SYNCLINE_HTTP_ID, SYNCLINE_PLUGIN_HTTP_SIZE_1_0},
    {SYNCLINE_FILE_ID, SYNCLINE_PLUGIN_FILE_SIZE_1_0},
    {SYNCLINE_IDMAP_ID, SYNCLINE_PLUGIN_IDMAP_SIZE_1_0},
};

// Some of its functions are for what the manifest says besides.
bool is_whole(const syncline_plugin_webhook& table, const Manifest& manifest) {
    return table.translate != nullptr &&
           (manifest.handshakes.empty() || table.handshake != nullptr) &&
           (!manifest.verifies_webhooks || table.verify != nullptr);
}

// Behind their sizes, tables hold functions alone, and all of them are needed.
bool is_whole(const KnownTable& known, const Manifest& manifest, const void* table) {
    if (known.id == SYNCLINE_WEBHOOK_ID)
        return is_whole(*static_cast<const syncline_plugin_webhook*>(table), manifest);
    constexpr std::size_t kHead = 2 * sizeof(std::uint32_t);
    for (std::size_t at = kHead; at < known.size_min; at += sizeof(void*)) {
        const void* function = nullptr;
        std::memcpy(&function, static_cast<const char*>(table) + at, sizeof function);
        if (function == nullptr) return false;
    }
    return true;
}

}  // namespace

std::span<const KnownTable> known_tables() {
    return kKnownTables;
}

std::string table_problem(const Manifest& manifest,
                          const std::function<const void*(std::string_view id)>& find) {
    for (const KnownTable& known : kKnownTables) {
        const bool is_promised = known.promise != nullptr && manifest.*known.promise;
        if (known.promise != nullptr && !is_promised) continue;
        const void* table = find(known.id);
        const bool is_there =
            table != nullptr && *static_cast<const std::uint32_t*>(table) >= known.size_min;
        if (is_there ? is_whole(known, manifest, table) : !is_promised) continue;
        const std::string id{known.id};
        if (!is_promised) return "its table " + id + " lacks a function";
        return std::string{"its manifest promises "} + known.promised +
               ", its code has no complete table " + id;
    }
    return {};
}

}  // namespace syncline::plugin
