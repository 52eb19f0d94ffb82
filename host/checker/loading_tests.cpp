// Tests of loading: what happens before there is an instance.
#include <sys/resource.h>
#include <unistd.h>

#include "checker/errc.hpp"
#include "checker/loaded.hpp"
#include "checker/process_facts.hpp"
#include "checker/test.hpp"
#include "plugin/known_tables.hpp"
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

Result<Verdict> exact_id(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    for (const plugin::KnownTable& table : plugin::known_tables()) {
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
    for (const plugin::KnownTable& table : plugin::known_tables()) {
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

Result<Verdict> promised_tables(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    const std::string problem =
        plugin::table_problem(*manifest, [&](std::string_view id) { return loaded.find(id); });
    return problem.empty() ? passed() : failed(problem);
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
