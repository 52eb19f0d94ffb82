// The manifest as the compiler makes it (manifest.h): the connector's text and, for one whose
// settings are a struct, their schema.
#ifndef SYNCLINE_MANIFEST_NOTE_HPP
#define SYNCLINE_MANIFEST_NOTE_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "syncline/constant_json.hpp"
#include "syncline/manifest.h"
#include "syncline/typed_settings.hpp"

namespace syncline::detail {

// The manifest of a connector: what it is exported with, and the schema of its settings if they are
// a struct.
template <typename Type>
constexpr void write_manifest(ConstantJson& to, std::string_view text) {
    if constexpr (requires { typename Type::OwnSettings; }) {
        constexpr std::string_view kSpace = " \n\r\t";
        text = text.substr(0, text.find_last_not_of(kSpace) + 1);
        if (!text.ends_with('}')) throw "the manifest is no JSON object";
        if (text.find("\"settings\"") != std::string_view::npos)
            throw "the settings are declared as a struct: the manifest has none of its own";
        text.remove_suffix(1);
        to.raw(text.substr(0, text.find_last_not_of(kSpace) + 1)).key("settings");
        write_schema<typename Type::OwnSettings>(to);
        to.raw("}");
    } else {
        to.raw(text);
    }
}

template <typename Type>
constexpr std::size_t manifest_size(std::string_view text) {
    ConstantJson count;
    write_manifest<Type>(count, text);
    return count.size();
}

// The same note as SYNCLINE_MANIFEST makes (manifest.h).
template <std::size_t size>
struct ManifestNote {
    std::uint32_t name_size = sizeof SYNCLINE_NOTE_NAME;
    std::uint32_t description_size = size + 1;
    std::uint32_t type = SYNCLINE_NOTE_TYPE;
    char name[12] = SYNCLINE_NOTE_NAME;
    char description[(size + 4) / 4 * 4] = {};
};

template <typename Type, std::size_t size>
constexpr ManifestNote<size> manifest_note(std::string_view text) {
    ManifestNote<size> note;
    ConstantJson to{note.description};
    write_manifest<Type>(to, text);
    return note;
}

}  // namespace syncline::detail

#endif
