#include "plugin/elf.hpp"

#include <elf.h>

#include <cstring>

#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "plugin/library.hpp"
#include "support/catch.hpp"
#include "syncline/manifest.h"
#include "syncline/plugin.h"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

TEST_CASE("elf: a connector shows its note and its entry", "[plugin][elf]") {
    const std::string file = read_file(fixture("chaos"));
    const auto elf = inspect_elf(file, SYNCLINE_PLUGIN_SYMBOL);
    REQUIRE(elf.has_value());
    CHECK(elf->exports_entry);
    CHECK(find_note(elf->note, SYNCLINE_NOTE_NAME, SYNCLINE_NOTE_TYPE)
              .starts_with("{\"id\":\"chaos\""));
    CHECK(find_note(elf->note, "other", SYNCLINE_NOTE_TYPE).empty());
    CHECK_FALSE(inspect_elf(file, "another_symbol")->exports_entry);
}

TEST_CASE("elf: a library that is cut anywhere is refused before dlopen", "[plugin][elf][B12]") {
    for (const char* name : {"polite", "chaos", "chaos_2"}) {
        const std::string file = read_file(fixture(name));
        REQUIRE(inspect_elf(file, SYNCLINE_PLUGIN_SYMBOL).has_value());
        std::size_t accepted = 0;
        for (std::size_t size = 0; size < file.size(); size += 97) {
            const auto cut =
                inspect_elf(std::string_view{file}.substr(0, size), SYNCLINE_PLUGIN_SYMBOL);
            if (cut || !cut.error().is(kNotALibrary)) ++accepted;
        }
        for (std::size_t missing = 1; missing <= 64; ++missing) {
            const auto cut = inspect_elf(std::string_view{file}.substr(0, file.size() - missing),
                                         SYNCLINE_PLUGIN_SYMBOL);
            if (cut) ++accepted;
        }
        CHECK(accepted == 0);
    }
}

TEST_CASE("elf: any two bytes of the headers may be wrong without a read out of bounds",
          "[plugin][elf][fuzz]") {
    const std::string original = read_file(fixture("chaos"));
    const std::size_t section_table =
        original.size() - std::min<std::size_t>(original.size(), 64 * 40);
    std::uint64_t state = 1;
    const auto random = [&state] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::size_t>(state >> 33);
    };
    std::size_t refused = 0;
    std::string file = original;
    for (int round = 0; round < 20'000; ++round) {
        const std::size_t first = random() % 64;
        const std::size_t second = section_table + random() % (original.size() - section_table);
        file[first] = static_cast<char>(random());
        file[second] = static_cast<char>(random());
        const auto elf = inspect_elf(file, SYNCLINE_PLUGIN_SYMBOL);
        if (!elf) {
            ++refused;
        } else {
            find_note(elf->note, SYNCLINE_NOTE_NAME, SYNCLINE_NOTE_TYPE);
        }
        file[first] = original[first];
        file[second] = original[second];
    }
    CHECK(refused > 0);
}

TEST_CASE("elf: another machine, class or type is refused by name", "[plugin][elf][B15]") {
    const auto refusal_of = [](std::size_t offset, char value) {
        std::string file = read_file(fixture("chaos"));
        file[offset] = value;
        const auto elf = inspect_elf(file, SYNCLINE_PLUGIN_SYMBOL);
        return elf ? std::string{} : elf.error().what();
    };
    CHECK_THAT(refusal_of(offsetof(Elf64_Ehdr, e_machine), EM_MIPS),
               Catch::Contains("another processor"));
    CHECK_THAT(refusal_of(EI_CLASS, ELFCLASS32), Catch::Contains("64-bit"));
    CHECK_THAT(refusal_of(EI_DATA, ELFDATA2MSB), Catch::Contains("little-endian"));
    CHECK_THAT(refusal_of(offsetof(Elf64_Ehdr, e_type), ET_REL),
               Catch::Contains("not a shared library"));
    CHECK_THAT(refusal_of(0, 'x'), Catch::Contains("not an ELF"));
}

TEST_CASE("elf: a note with sizes beyond its section is not found", "[plugin][elf]") {
    Elf64_Nhdr note{9, 0xfffffff0u, SYNCLINE_NOTE_TYPE};
    std::string section(sizeof note, '\0');
    std::memcpy(section.data(), &note, sizeof note);
    section += std::string{"syncline\0\0\0\0{}", 14};
    CHECK(find_note(section, SYNCLINE_NOTE_NAME, SYNCLINE_NOTE_TYPE).empty());
    note.n_namesz = 0xffffffffu;
    std::memcpy(section.data(), &note, sizeof note);
    CHECK(find_note(section, SYNCLINE_NOTE_NAME, SYNCLINE_NOTE_TYPE).empty());
}
