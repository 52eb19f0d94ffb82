#include "checker/loaded.hpp"

#include <dlfcn.h>

#include <string>
#include <utility>

#include "checker/elf_facts.hpp"
#include "checker/errc.hpp"

namespace syncline::checker {

namespace {

// What a call could not do without.
const char* problem_of(const syncline_plugin& plugin) {
    if (plugin.struct_size < SYNCLINE_PLUGIN_SIZE_1_0)
        return SYNCLINE_PLUGIN_SYMBOL " has a struct_size that is too small";
    if (plugin.get_table == nullptr || plugin.create == nullptr || plugin.init == nullptr ||
        plugin.start == nullptr || plugin.stop == nullptr || plugin.posted == nullptr ||
        plugin.destroy == nullptr) {
        return SYNCLINE_PLUGIN_SYMBOL " lacks a function";
    }
    return nullptr;
}

}  // namespace

Result<Loaded> Loaded::open(const Subject& subject) {
    // The loader would die of SIGBUS on a file that is cut off.
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    void* handle = ::dlopen(subject.library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* words = ::dlerror();
        if (const std::string version = facts.newer_glibc(); !version.empty()) {
            return Error{kNotApplicable,
                         "it can't be loaded here without " + version + "; see `static-glibc`"};
        }
        return Error{kNotLoaded, words != nullptr ? words : "the loader gives no reason"};
    }
    const void* symbol = ::dlsym(handle, SYNCLINE_PLUGIN_SYMBOL);
    if (symbol == nullptr) {
        ::dlclose(handle);
        return Error{kNotLoaded, "the library does not export " SYNCLINE_PLUGIN_SYMBOL};
    }
    Loaded loaded{handle, static_cast<const syncline_plugin*>(symbol)};
    if (const char* problem = problem_of(loaded.plugin())) return Error{kNotLoaded, problem};
    return loaded;
}

Loaded::Loaded(Loaded&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), plugin_(other.plugin_) {}

Loaded::~Loaded() {
    if (handle_ != nullptr) ::dlclose(handle_);
}

const void* Loaded::find(std::string_view id) const {
    return plugin_->get_table({id.data(), id.size()});
}

bool is_mapped(const std::filesystem::path& library) {
    void* still_there = ::dlopen(library.c_str(), RTLD_NOLOAD | RTLD_LAZY | RTLD_LOCAL);
    if (still_there == nullptr) return false;
    ::dlclose(still_there);
    return true;
}

}  // namespace syncline::checker
