// What a shared library says of itself to the loader, read without loading it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace syncline::checker {

struct ElfFacts {
    std::vector<std::string> exports;         // what the library defines for others
    std::vector<std::string> unique_symbols;  // of them, those that keep it mapped
    std::vector<std::string> loose_symbols;   // needed, and of no versioned library
    std::vector<std::string> versions;        // of symbols that it needs: "GLIBC_2.34"
    std::vector<std::string> libraries;       // that it needs: "libc.so.6"
    std::string search_path;                  // where it looks for them, if it says so
    bool relocates_text = false;
    bool has_executable_stack = false;

    // The version of the C library that it needs and that Debian 12 does not have; "" for none.
    std::string newer_glibc() const;
};

// Errors: `checker.not_applicable` when the bytes are no whole library. [any]
Result<ElfFacts> read_elf_facts(std::string_view file);

}  // namespace syncline::checker
