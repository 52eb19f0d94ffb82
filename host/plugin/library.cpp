#include "plugin/library.hpp"

#include "core/hash.hpp"
#include "plugin/elf.hpp"
#include "plugin/errc.hpp"
#include "plugin/manifest.hpp"
#include "syncline/manifest.h"
#include "syncline/plugin.h"

namespace syncline::plugin {

Result<Library> examine_library(const DropDirectory& directory, const std::string& name) {
    SYNCLINE_CHECK(directory.check_trust());
    SYNCLINE_TRY(std::string bytes, directory.read(name));
    return examine_bytes(std::move(bytes));
}

Result<Library> examine_bytes(std::string bytes) {
    Library library;
    library.bytes = std::move(bytes);
    SYNCLINE_TRY(const auto elf, inspect_elf(library.bytes, SYNCLINE_PLUGIN_SYMBOL));
    std::string_view text = find_note(elf.note, SYNCLINE_NOTE_NAME, SYNCLINE_NOTE_TYPE);
    while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
    if (text.empty()) {
        return Error{kNotAConnector,
                     "the library has no manifest (note " SYNCLINE_NOTE_SECTION ")"};
    }
    SYNCLINE_TRY(library.manifest, parse_manifest(text));
    if (!elf.exports_entry) {
        return Error{kNotAConnector,
                     "the library has a manifest but does not export " SYNCLINE_PLUGIN_SYMBOL};
    }
    if (elf.has_go_runtime) {
        return Error{kNeedsProcess, "the connector \"" + library.manifest.id +
                                        "\" is written in Go, whose runtime starts threads and "
                                        "signal handlers of its own and can't be unloaded"};
    }
    library.manifest_text = text;
    library.sha256_hex = core::to_hex(core::sha256(library.bytes));
    return library;
}

}  // namespace syncline::plugin
