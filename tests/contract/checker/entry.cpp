// What differs between the connectors of this folder: which rule is broken (BREAKS), and what of a
// file can be wrong without any code running.
#include <fcntl.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "sample.hpp"
#include "syncline/manifest.h"

using sample::Broken;

const Broken sample::broken = Broken::BREAKS;

// An id has no capitals.
#if defined(MISNAMED)
#define ID "Sample"
#else
#define ID "sample"
#endif

#define MANIFEST                                                                                  \
    R"({"id":")" ID R"(","version":"1.0.0","name":"Sample","abi":{"major":1,"draft":2,)"          \
    R"("min_host_minor":3},"style":"async",)"                                                     \
    R"("unload":"supported","capabilities":["webhook","write","check","discover",)"               \
    R"("periodic","migrate","state"],"auth":["custom"],)"                                         \
    R"("streams":[{"name":"things","source":true,"destination":true,"batch_records_max":10}],)"   \
    R"("handshakes":[{"methods":["GET"],"query":{"hello":"1"}}],"webhook":{"verifies":true},)"    \
    R"("allowed_hosts":[{"from_setting":"base_url"}],"allowed_files":[{"from_setting":"file"}],)" \
    R"("secrets":[{"name":"key","reason":"signs"}],)"                                             \
    R"("settings":{"type":"object","required":["base_url","token"],)"                             \
    R"("additionalProperties":false,"properties":{"base_url":{"type":"string","format":"uri"},)"  \
    R"("token":{"type":"string","writeOnly":true},"file":{"type":"string"}}}})"

SYNCLINE_MANIFEST(MANIFEST);

#if defined(WORKS_WHEN_LOADED)
namespace {

__attribute__((constructor)) void loaded() {
    if (sample::broken == Broken::scan_time) {
        // A second in all, so that a test that loads it fifty times ends.
        const std::clock_t begin = std::clock();
        while (begin < CLOCKS_PER_SEC && std::clock() - begin < CLOCKS_PER_SEC / 6) {
        }
    }
    if (sample::broken == Broken::scan_quiet) (void)::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (sample::broken == Broken::unload_fifty) {
        void* lost = std::malloc(512 * 1024);
        std::memset(lost, 1, 512 * 1024);
        __asm__ volatile("" : : "r"(lost) : "memory");
    }
}

}  // namespace
#endif

#if defined(NEEDS_ZLIB)
extern "C" const char* zlibVersion();
extern "C" SYNCLINE_EXPORT const void* const taken_by_chance;
const void* const taken_by_chance = reinterpret_cast<const void*>(&zlibVersion);
#endif
#if defined(NEEDS_NEWER)
extern "C" int newer_than_any();
extern "C" SYNCLINE_EXPORT const void* const newer;
const void* const newer = reinterpret_cast<const void*>(&newer_than_any);
#endif
#if defined(EXPORTS_MORE)
extern "C" SYNCLINE_EXPORT const int exported_as_well;
const int exported_as_well = 1;
#endif
#if defined(DEFINES_UNIQUE)
__asm__(
    ".data\n.globl defined_once\n.type defined_once, %gnu_unique_object\n"
    ".size defined_once, 8\ndefined_once: .quad 1\n.text");
#endif
#if defined(RELOCATES_TEXT)
__asm__(".text\nrelocated: .quad relocated\n");
#endif

#if defined(OTHER_IN_CODE)
#define IN_CODE MANIFEST " "
#else
#define IN_CODE MANIFEST
#endif

const syncline_plugin syncline_plugin_v1 = {
    sizeof(syncline_plugin), SYNCLINE_ABI_MAJOR,
    SYNCLINE_ABI_DRAFT,      0,
    SYNCLINE_STR(IN_CODE),   sample::get_table,
    sample::create,          sample::init,
    sample::start,           sample::broken == Broken::scan_loads ? nullptr : sample::stop,
    sample::posted,          sample::destroy};
