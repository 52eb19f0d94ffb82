// A built connector as a file: its manifest is readable without loading it, and unloading really
// unmaps it.
#include <dlfcn.h>
#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>

#include "support/catch.hpp"
#include "syncline/json.hpp"
#include "syncline/manifest.h"
#include "syncline/testing.hpp"

namespace {

constexpr const char* kConnectors[] = {MINIMAL_CONNECTOR, UNLOADING_CONNECTOR, MAPP_DMP_CONNECTOR,
                                       PANGOLIN_CONNECTOR};

template <typename Type>
Type at(const std::string& file, std::size_t offset) {
    REQUIRE(offset + sizeof(Type) <= file.size());
    Type value;
    std::memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

// The manifest by walking the program headers, which survive a strip.
std::string manifest_of(const char* path) {
    std::ifstream stream{path, std::ios::binary};
    const std::string file{std::istreambuf_iterator<char>{stream}, {}};
    const auto header = at<Elf64_Ehdr>(file, 0);
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        const auto segment = at<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
        if (segment.p_type != PT_NOTE) continue;
        const std::size_t end = segment.p_offset + segment.p_filesz;
        for (std::size_t offset = segment.p_offset; offset + sizeof(Elf64_Nhdr) <= end;) {
            const auto note = at<Elf64_Nhdr>(file, offset);
            const std::size_t name = offset + sizeof(Elf64_Nhdr);
            const std::size_t text = name + (note.n_namesz + 3) / 4 * 4;
            if (note.n_type == SYNCLINE_NOTE_TYPE &&
                file.substr(name, note.n_namesz) == std::string("syncline", 9)) {
                REQUIRE(file[text + note.n_descsz - 1] == '\0');
                return file.substr(text, note.n_descsz - 1);
            }
            offset = text + (note.n_descsz + 3) / 4 * 4;
        }
    }
    return {};
}

const char* settings_for(std::string_view path) {
    if (path == PANGOLIN_CONNECTOR) return R"({"base_url":"https://x.example"})";
    return path == MAPP_DMP_CONNECTOR ? "{}" : R"({"url":"https://x.example"})";
}

// Loads and runs an instance on a thread of its own, and unloads after that thread's end: the order
// of a generation, since thread-local objects keep the library mapped until their threads are gone.
bool is_gone_after_use(const char* path) {
    void* handle = nullptr;
    std::thread generation{[path, &handle] {
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) return;
        const auto* plugin =
            static_cast<const syncline_plugin*>(dlsym(handle, SYNCLINE_PLUGIN_SYMBOL));
        const syncline::testing::FakeHost host{*plugin, settings_for(path)};
    }};
    generation.join();
    REQUIRE(handle != nullptr);
    dlclose(handle);
    return dlopen(path, RTLD_NOW | RTLD_NOLOAD) == nullptr;
}

}  // namespace

TEST_CASE("library: the manifest is in the file and equals the descriptor's",
          "[plugin_api][library]") {
    for (const char* path : kConnectors) {
        INFO(path);
        const std::string manifest = manifest_of(path);
        const auto parsed = syncline::json::parse(manifest);
        REQUIRE(parsed);
        CHECK(parsed.value->find("abi")->find("draft")->int64() == SYNCLINE_ABI_DRAFT);

        void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        REQUIRE(handle != nullptr);
        const auto* plugin =
            static_cast<const syncline_plugin*>(dlsym(handle, SYNCLINE_PLUGIN_SYMBOL));
        REQUIRE(plugin != nullptr);
        CHECK(syncline::view(plugin->manifest) == manifest);
        CHECK(plugin->struct_size >= SYNCLINE_PLUGIN_SIZE_1_0);
        CHECK(plugin->abi_major == SYNCLINE_ABI_MAJOR);
        CHECK(plugin->abi_draft == SYNCLINE_ABI_DRAFT);
        dlclose(handle);
    }
}

TEST_CASE("library: a connector is gone after it was unloaded", "[plugin_api][library]") {
    if (SANITIZED != 0) {
        SUCCEED("sanitizers keep libraries mapped, for readable stacks");
        return;
    }
    for (const char* path : kConnectors) {
        INFO(path);
        CHECK(is_gone_after_use(path));
        CHECK(is_gone_after_use(path));
    }
}
