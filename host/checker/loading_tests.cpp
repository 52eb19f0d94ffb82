// Tests of loading: what happens before there is an instance.
#include <sys/resource.h>
#include <unistd.h>

#include <array>

#include "checker/errc.hpp"
#include "checker/loaded.hpp"
#include "checker/process_facts.hpp"
#include "checker/test.hpp"
#include "syncline/syncline.h"

namespace syncline::checker {
namespace {

constexpr std::chrono::milliseconds kLoadingMax{100};

std::chrono::milliseconds processor_time() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return std::chrono::milliseconds{usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 +
                                     usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000};
}

Result<Verdict> loads(const Subject& subject) {
    const auto loaded = Loaded::open(subject);
    if (loaded) return passed();
    if (loaded.error().is(kNotLoaded)) return failed(loaded.error().what());
    return loaded.error();
}

Result<Verdict> same_manifest(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    const syncline_plugin& plugin = loaded.plugin();
    if (plugin.abi_major != manifest->abi_major || plugin.abi_draft != manifest->abi_draft)
        return failed("the code says another version of the interface than the manifest");
    if (plugin.manifest.ptr == nullptr ||
        std::string_view{plugin.manifest.ptr, plugin.manifest.len} != subject.manifest_text) {
        return failed("the manifest in the code differs from the one in the file's note");
    }
    return passed();
}

// Processor time, for a busy machine is not the connector's fault.
Result<Verdict> quick(const Subject& subject) {
    const auto before = processor_time();
    const auto begin = std::chrono::steady_clock::now();
    { SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject)); }
    const auto used = processor_time() - before;
    const auto passed_by = std::chrono::steady_clock::now() - begin;
    if (used > kLoadingMax)
        return failed("loading it took " + std::to_string(used.count()) + " ms of work");
    if (passed_by > std::chrono::seconds{5}) return failed("loading it took more than 5 s");
    return passed();
}

Result<Verdict> does_nothing(const Subject& subject) {
    const ProcessFacts before = ProcessFacts::now();
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    const std::string difference = before.difference(ProcessFacts::now());
    return difference.empty() ? passed() : failed("loading it " + difference);
}

Result<Verdict> unknown_table(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    for (const std::string_view id :
         {std::string_view{"syncline.nonexistent/1"}, std::string_view{"com.example.other/7"}}) {
        if (loaded.find(id) != nullptr)
            return failed("get_table(\"" + std::string{id} + "\") answered with a table");
    }
    return passed();
}

// The ids of the connector's tables, and how many bytes each has at least.
struct KnownTable {
    std::string_view id;
    std::uint32_t size_min;
};
constexpr std::array kKnownTables{
    KnownTable{SYNCLINE_WEBHOOK_ID, SYNCLINE_PLUGIN_WEBHOOK_SIZE_1_0},
    KnownTable{SYNCLINE_WRITE_ID, SYNCLINE_PLUGIN_WRITE_SIZE_1_0},
    KnownTable{SYNCLINE_FETCH_ID, SYNCLINE_PLUGIN_FETCH_SIZE_1_0},
    KnownTable{SYNCLINE_HTTP_ID, SYNCLINE_PLUGIN_HTTP_SIZE_1_0},
    KnownTable{SYNCLINE_FILE_ID, SYNCLINE_PLUGIN_FILE_SIZE_1_0},
    KnownTable{SYNCLINE_IDMAP_ID, SYNCLINE_PLUGIN_IDMAP_SIZE_1_0},
};

Result<Verdict> exact_id(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    for (const KnownTable& table : kKnownTables) {
        const std::string id{table.id};
        for (const std::string& other : {id + "0", id + " ", id + "/1", id + std::string(1, '\0'),
                                         id.substr(0, id.size() - 1), std::string{}}) {
            if (loaded.find(other) != nullptr)
                return failed("get_table() answers to \"" + other + "\" as to \"" + id + "\"");
        }
    }
    return passed();
}

Result<Verdict> sane_tables(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    for (const KnownTable& table : kKnownTables) {
        const void* found = loaded.find(table.id);
        if (found == nullptr) continue;
        const auto size = *static_cast<const std::uint32_t*>(found);
        if (size < table.size_min || size > 4096) {
            return failed("the table " + std::string{table.id} + " has the struct_size " +
                          std::to_string(size));
        }
        if (loaded.find(table.id) != found)
            return failed("get_table() has two answers for " + std::string{table.id});
    }
    return passed();
}

Verdict promised_tables_of_1_3(const plugin::Manifest& manifest, const Loaded& loaded,
                               const std::string& lacks) {
    const auto* check = loaded.table<syncline_plugin_check>(SYNCLINE_CHECK_ID);
    if (manifest.can_check &&
        (check == nullptr || check->check == nullptr || check->cancel == nullptr))
        return failed(lacks + SYNCLINE_CHECK_ID);
    const auto* discover = loaded.table<syncline_plugin_discover>(SYNCLINE_DISCOVER_ID);
    if (manifest.can_discover &&
        (discover == nullptr || discover->discover == nullptr || discover->cancel == nullptr))
        return failed(lacks + SYNCLINE_DISCOVER_ID);
    const auto* periodic = loaded.table<syncline_plugin_periodic>(SYNCLINE_PERIODIC_ID);
    if (manifest.can_work &&
        (periodic == nullptr || periodic->work == nullptr || periodic->cancel == nullptr))
        return failed(lacks + SYNCLINE_PERIODIC_ID);
    const auto* sign = loaded.table<syncline_plugin_sign>(SYNCLINE_SIGN_ID);
    if (manifest.signs_requests && (sign == nullptr || sign->sign == nullptr))
        return failed(lacks + SYNCLINE_SIGN_ID);
    const auto* migrate = loaded.table<syncline_plugin_migrate>(SYNCLINE_MIGRATE_ID);
    if (manifest.can_migrate && (migrate == nullptr || migrate->migrate == nullptr))
        return failed(lacks + SYNCLINE_MIGRATE_ID);
    const auto* state = loaded.table<syncline_plugin_state>(SYNCLINE_STATE_ID);
    if (manifest.can_keep_state &&
        (state == nullptr || state->save == nullptr || state->restore == nullptr))
        return failed(lacks + SYNCLINE_STATE_ID);
    return passed();
}

Result<Verdict> promised_tables(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    const auto* webhook = loaded.table<syncline_plugin_webhook>(SYNCLINE_WEBHOOK_ID);
    const auto* write = loaded.table<syncline_plugin_write>(SYNCLINE_WRITE_ID);
    const auto* fetch = loaded.table<syncline_plugin_fetch>(SYNCLINE_FETCH_ID);
    const std::string lacks = "the manifest promises what the code has no complete table for: ";
    if (manifest->can_webhook &&
        (webhook == nullptr || webhook->translate == nullptr ||
         (!manifest->handshakes.empty() && webhook->handshake == nullptr) ||
         (manifest->verifies_webhooks && webhook->verify == nullptr))) {
        return failed(lacks + SYNCLINE_WEBHOOK_ID);
    }
    if (manifest->can_write &&
        (write == nullptr || write->write == nullptr || write->cancel == nullptr)) {
        return failed(lacks + SYNCLINE_WRITE_ID);
    }
    if (manifest->can_fetch &&
        (fetch == nullptr || fetch->fetch == nullptr || fetch->cancel == nullptr)) {
        return failed(lacks + SYNCLINE_FETCH_ID);
    }
    return promised_tables_of_1_3(*manifest, loaded, lacks);
}

constexpr Test kLoadingTests[] = {
    {"scan-loads", 3, "the library loads at once and whole", "its accounts do not start",
     "link with -z defs and with what it uses; fill every function of the descriptor", loads},
    {"scan-manifest", 3, "code and file carry the same manifest and version of the interface",
     "the hub refuses it, for what was read is not what would run",
     "use one literal for SYNCLINE_MANIFEST and for syncline_plugin_v1", same_manifest},
    {"scan-time", 3, "loading takes less than 100 ms of work",
     "the hub's start and every exchange of the connector wait for it",
     "move what constructors of static objects do into init()", quick},
    {"scan-quiet", 3, "loading has no effect beside the library itself",
     "an operator who only looks at a connector has started it",
     "have no static objects that open, start or set anything; init() is the place", does_nothing},
    {"scan-unknown-table", 3, "an id that there is not yields no table",
     "a later hub would call functions through a table of something else",
     "compare the whole id, and return NULL for every other", unknown_table},
    {"scan-table-id", 3, "ids are compared whole",
     "version 10 of a table would be taken for version 1",
     "compare length and bytes of the id; it does not end with NUL", exact_id},
    {"scan-tables", 3, "tables say their size, and are always the same",
     "the hub reads beyond a table, or does not find it the second time",
     "set struct_size to sizeof the table, and make tables static constants", sane_tables},
    {"scan-promised-tables", 3, "every capability of the manifest has its table",
     "the hub refuses the connector when an account starts",
     "return the tables of the capabilities, or correct the manifest", promised_tables},
};

}  // namespace

std::span<const Test> loading_tests() {
    return kLoadingTests;
}

}  // namespace syncline::checker
