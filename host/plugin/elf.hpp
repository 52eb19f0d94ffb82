// A look into a shared library without loading it: the bytes are untrusted, every offset in them is
// checked.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/error.hpp"

namespace syncline::plugin {

struct ElfInfo {
    std::string_view note;       // contents of the section `.note.syncline`; empty if there is none
    bool exports_entry = false;  // the dynamic symbol table defines the entry symbol
    bool has_go_runtime = false;
};

// Checks that `file` is a whole 64-bit shared library for this machine: its section table, every
// section and every segment lie within it, so a truncated file never reaches dlopen (which would
// die of SIGBUS on one). The result points into `file`. Errors: `plugin.not_a_library`. [any]
Result<ElfInfo> inspect_elf(std::string_view file, std::string_view entry_symbol);

// The descriptor of the first note with this owner and type in the contents of a note section;
// empty if there is none or the section is malformed. [any]
std::string_view find_note(std::string_view section, std::string_view owner, std::uint32_t type);

}  // namespace syncline::plugin
