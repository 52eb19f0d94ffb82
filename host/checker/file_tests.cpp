// Tests of the file alone: no code of it runs.
#include <algorithm>
#include <array>

#include "checker/elf_facts.hpp"
#include "checker/errc.hpp"
#include "checker/test.hpp"
#include "plugin/elf.hpp"
#include "syncline/plugin.h"

namespace syncline::checker {
namespace {

std::string list_of(const std::vector<std::string>& names) {
    std::string list;
    for (std::size_t i = 0; i < names.size() && i < 5; ++i) list += (i == 0 ? "" : ", ") + names[i];
    return names.size() > 5 ? list + " and " + std::to_string(names.size() - 5) + " more" : list;
}

// What the compiler's sanitizers bring comes with the program.
bool is_sanitizers(const std::string& name) {
    return std::ranges::any_of(std::array{"__asan_", "__ubsan_", "__tsan_", "__sanitizer_"},
                               [&](const char* prefix) { return name.starts_with(prefix); });
}

Result<Verdict> library(const Subject& subject) {
    const auto elf = plugin::inspect_elf(subject.bytes, SYNCLINE_PLUGIN_SYMBOL);
    return elf ? passed() : failed(elf.error().what());
}

Result<Verdict> manifest(const Subject& subject) {
    if (!plugin::inspect_elf(subject.bytes, SYNCLINE_PLUGIN_SYMBOL))
        return Error{kNotApplicable, "the file is no whole library; see `static-library`"};
    return subject.manifest ? passed() : failed(subject.manifest_problem);
}

Result<Verdict> one_export(const Subject& subject) {
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    if (facts.exports == std::vector<std::string>{SYNCLINE_PLUGIN_SYMBOL}) return passed();
    std::vector<std::string> others = facts.exports;
    std::erase(others, SYNCLINE_PLUGIN_SYMBOL);
    // A test of their own judges them.
    std::erase_if(others, [&](const std::string& name) {
        return std::ranges::find(facts.unique_symbols, name) != facts.unique_symbols.end();
    });
    if (std::ranges::find(facts.exports, SYNCLINE_PLUGIN_SYMBOL) == facts.exports.end())
        return failed("it does not export " SYNCLINE_PLUGIN_SYMBOL);
    return others.empty() ? passed() : failed("it exports " + list_of(others) + " as well");
}

Result<Verdict> unique_symbols(const Subject& subject) {
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    if (facts.unique_symbols.empty()) return passed();
    return failed("it defines the unique symbols " + list_of(facts.unique_symbols));
}

Result<Verdict> text_relocations(const Subject& subject) {
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    return facts.relocates_text ? failed("its code is changed while it is loaded (TEXTREL)")
                                : passed();
}

Result<Verdict> executable_stack(const Subject& subject) {
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    return facts.has_executable_stack ? failed("it asks for a stack on which code can run")
                                      : passed();
}

Result<Verdict> search_path(const Subject& subject) {
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    if (facts.search_path.empty()) return passed();
    return failed("it looks for libraries in " + facts.search_path + " (RPATH or RUNPATH)");
}

Result<Verdict> undefined_symbols(const Subject& subject) {
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    std::vector<std::string> loose = facts.loose_symbols;
    std::erase_if(loose, is_sanitizers);
    const bool has_others = std::ranges::any_of(facts.libraries, [](const std::string& name) {
        return !std::ranges::any_of(
            std::array{"libc.so", "libm.so", "libstdc++.so", "libgcc_s.so", "ld-linux"},
            [&](const char* known) { return name.starts_with(known); });
    });
    // A library of others need not have versions: then the loader is the judge.
    if (loose.empty() || has_others) return passed();
    return failed("it needs " + list_of(loose) + ", which no library that it names has");
}

Result<Verdict> glibc(const Subject& subject) {
    SYNCLINE_TRY(const ElfFacts facts, read_elf_facts(subject.bytes));
    const std::string version = facts.newer_glibc();
    return version.empty() ? passed() : failed("it needs " + version);
}

constexpr Test kFileTests[] = {
    {"static-library", 1, "the file is a whole shared library for this processor",
     "the hub refuses the file, and its accounts do not start",
     "build it with syncline_add_connector(), on this kind of machine, and copy it whole", library},
    {"static-manifest", 1, "the file carries a manifest that the hub understands",
     "the hub finds connectors by their manifests alone: it refuses the file",
     "correct what is listed; plugin-api's manifest.h describes each field", manifest},
    {"static-exports", 1, "the library exports " SYNCLINE_PLUGIN_SYMBOL " and nothing else",
     "names of one connector can take the place of another's",
     "link with plugin-api's version script, as syncline_add_connector() does", one_export},
    {"static-unique-symbols", 2, "the library defines no unique symbols",
     "the loader never unloads a library that has them: each new version stays in memory",
     "link with plugin-api's version script and compile with -fno-gnu-unique", unique_symbols},
    {"static-text-relocations", 2, "the library's code is position-independent",
     "hardened systems refuse to load it", "compile everything in it with -fPIC", text_relocations},
    {"static-executable-stack", 2, "the library needs no executable stack",
     "it would take a protection away from the whole hub",
     "link with -z noexecstack; assembler needs a section .note.GNU-stack", executable_stack},
    {"static-search-path", 2, "the library has no search path of its own",
     "whoever can write to those folders puts code into the hub",
     "link without -rpath (CMake: CMAKE_SKIP_RPATH)", search_path},
    {"static-undefined-symbols", 2, "every symbol that it needs is of a library that it names",
     "it loads only as long as something else happens to bring them",
     "link with -z defs, and with the libraries that it uses", undefined_symbols},
    {"static-glibc", 2, "it needs no newer C library than that of Debian 12",
     "it can't be loaded on the machines that the hub is made for",
     "build it on Debian 12, or in a container of it", glibc},
};

}  // namespace

std::span<const Test> file_tests() {
    return kFileTests;
}

}  // namespace syncline::checker
