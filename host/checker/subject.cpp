#include "checker/subject.hpp"

#include <boost/json/object.hpp>
#include <fstream>
#include <vector>

#include "checker/errc.hpp"
#include "plugin/drop_file.hpp"
#include "plugin/elf.hpp"
#include "plugin/library.hpp"
#include "plugin/manifest.hpp"
#include "plugin/settings_schema.hpp"
#include "record/json.hpp"
#include "syncline/manifest.h"
#include "syncline/plugin.h"

namespace syncline::checker {
namespace {

namespace json = boost::json;

Result<std::string> read_bytes(const std::filesystem::path& file) {
    std::error_code failed;
    const auto size = std::filesystem::file_size(file, failed);
    std::ifstream stream{file, std::ios::binary};
    if (failed || !stream) return Error{kFileUnreadable, "there is no file that can be read"};
    if (size > plugin::kLibraryBytesMax) return Error{kFileUnreadable, "the file is too large"};
    std::string bytes(size, '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(size));
    if (!stream) return Error{kFileUnreadable, "the file can't be read whole"};
    return bytes;
}

// Whether one property's value fits its schema: the whole settings may need others.
bool fits(const json::object& schema, const json::value& value) {
    plugin::Manifest alone;
    alone.settings_schema = {{"type", "object"},
                             {"properties", json::object{{"it", json::value(schema)}}}};
    return plugin::check_settings(alone, json::object{{"it", value}}).has_value();
}

const json::string* text_member(const json::object& object, std::string_view name) {
    const json::value* member = object.if_contains(name);
    return member == nullptr ? nullptr : member->if_string();
}

std::string type_of(const json::object& schema) {
    const json::value* type = schema.if_contains("type");
    if (type == nullptr) return schema.contains("properties") ? "object" : "string";
    if (type->is_string()) return std::string{type->as_string()};
    if (type->is_array() && !type->as_array().empty() && type->as_array()[0].is_string())
        return std::string{type->as_array()[0].as_string()};
    return "string";
}

std::vector<json::value> texts_for(const json::object& schema, std::string_view name) {
    std::vector<json::value> texts;
    const json::value* write_only = schema.if_contains("writeOnly");
    if (write_only != nullptr && *write_only == json::value(true))
        texts.emplace_back("checker-secret-" + std::string{name});
    const json::string* format = text_member(schema, "format");
    if (format != nullptr && (*format == "uri" || *format == "url"))
        texts.emplace_back("http://127.0.0.1:9");
    for (const char* text :
         {"x", "http://127.0.0.1:9", "https://127.0.0.1", "/x", "1", "a@b.example", "xxxxxxxx",
          "127.0.0.1", "2026-01-01", "2026-01-01T00:00:00Z", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
          "AB", "ABC"}) {
        texts.emplace_back(text);
    }
    return texts;
}

json::object object_for(const json::object& schema, const std::vector<std::string>& wanted);

std::vector<json::value> candidates(const json::object& schema, std::string_view name) {
    std::vector<json::value> all;
    if (const json::value* preset = schema.if_contains("default")) all.push_back(*preset);
    if (const json::value* fixed = schema.if_contains("const")) all.push_back(*fixed);
    for (const char* list : {"enum", "examples"}) {
        const json::value* values = schema.if_contains(list);
        if (values != nullptr && values->is_array() && !values->as_array().empty())
            all.push_back(values->as_array()[0]);
    }
    const std::string type = type_of(schema);
    if (type == "string") {
        for (json::value& text : texts_for(schema, name)) all.push_back(std::move(text));
    } else if (type == "integer" || type == "number") {
        for (const char* limit : {"minimum", "maximum"}) {
            if (const json::value* value = schema.if_contains(limit)) all.push_back(*value);
        }
        all.emplace_back(1);
    } else if (type == "boolean") {
        all.emplace_back(false);
    } else if (type == "array") {
        json::array list;
        all.push_back(list);
        const json::value* items = schema.if_contains("items");
        if (items != nullptr && items->is_object()) {
            for (json::value& item : candidates(items->as_object(), name))
                all.emplace_back(json::array{std::move(item)});
        }
    } else {
        all.emplace_back(object_for(schema, {}));
    }
    return all;
}

json::object object_for(const json::object& schema, const std::vector<std::string>& wanted) {
    std::vector<std::string> names = wanted;
    const json::value* required = schema.if_contains("required");
    if (required != nullptr && required->is_array()) {
        for (const json::value& name : required->as_array()) {
            if (name.is_string()) names.emplace_back(name.as_string());
        }
    }
    json::object made;
    const json::value* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return made;
    for (const std::string& name : names) {
        const json::value* property = properties->as_object().if_contains(name);
        if (property == nullptr || !property->is_object() || made.contains(name)) continue;
        for (json::value& value : candidates(property->as_object(), name)) {
            if (!fits(property->as_object(), value)) continue;
            made[name] = std::move(value);
            break;
        }
    }
    return made;
}

}  // namespace

Result<const plugin::Manifest*> Subject::need_manifest() const {
    if (!manifest)
        return Error{kNotApplicable, "the manifest can't be read; see `static-manifest`"};
    return &*manifest;
}

Result<Subject> read_subject(const std::filesystem::path& file) {
    Subject subject;
    subject.library = file;
    SYNCLINE_TRY(subject.bytes, read_bytes(file));
    const auto elf = plugin::inspect_elf(subject.bytes, SYNCLINE_PLUGIN_SYMBOL);
    if (!elf) {
        subject.manifest_problem = elf.error().what();
        return subject;
    }
    std::string_view text = plugin::find_note(elf->note, SYNCLINE_NOTE_NAME, SYNCLINE_NOTE_TYPE);
    while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
    subject.manifest_text = text;
    if (text.empty()) {
        subject.manifest_problem = "the library has no manifest (note " SYNCLINE_NOTE_SECTION ")";
        return subject;
    }
    auto manifest = plugin::parse_manifest(text);
    if (manifest) {
        subject.manifest = std::move(*manifest);
    } else {
        subject.manifest_problem = manifest.error().what();
    }
    return subject;
}

Result<std::string> make_settings(const plugin::Manifest& manifest) {
    // What grants a host or a file makes the connector able to do something.
    std::vector<std::string> wanted;
    for (const plugin::HostGrant& grant : manifest.allowed_hosts) {
        if (!grant.from_setting.empty()) wanted.push_back(grant.from_setting);
    }
    wanted.insert(wanted.end(), manifest.allowed_files.begin(), manifest.allowed_files.end());
    json::object made = object_for(manifest.settings_schema, wanted);
    plugin::add_defaults(manifest.settings_schema, made);
    if (const auto checked = plugin::check_settings(manifest, made); !checked) {
        return Error{
            kSettingsInvalid,
            "no settings could be made up that fit the manifest: " + checked.error().what(),
            "give settings that fit by `--settings FILE`"};
    }
    return record::write_json(made);
}

}  // namespace syncline::checker
