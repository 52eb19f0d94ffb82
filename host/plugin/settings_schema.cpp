#include "plugin/settings_schema.hpp"

// Without this the library ends the process where it means to throw.
#define VALIJSON_USE_EXCEPTIONS 1

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <regex>
#include <set>
#include <string_view>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "plugin/errc.hpp"
#include "plugin/manifest.hpp"

namespace syncline::plugin {
namespace {

namespace json = boost::json;
using valijson::adapters::BoostJsonAdapter;

constexpr std::size_t kSettingBytesMax = 64 * 1024;
// std::regex recurses for each character that a repetition takes: longer text could exhaust the
// stack.
constexpr std::size_t kMatchedBytesMax = 2 * 1024;
constexpr std::size_t kPatternBytesMax = 512;

// What a person who reads a form needs; `x-` is free for tools.
constexpr std::string_view kKeywords[] = {"$schema",     "title",
                                          "description", "examples",
                                          "default",     "type",
                                          "properties",  "required",
                                          "enum",        "const",
                                          "minimum",     "maximum",
                                          "pattern",     "additionalProperties",
                                          "minLength",   "maxLength",
                                          "minItems",    "maxItems",
                                          "format",      "items",
                                          "writeOnly",   "$comment"};

const json::object* member_object(const json::object& object, std::string_view name) {
    const json::value* member = object.if_contains(name);
    return member == nullptr ? nullptr : member->if_object();
}

const json::string* member_string(const json::object& object, std::string_view name) {
    const json::value* member = object.if_contains(name);
    return member == nullptr ? nullptr : member->if_string();
}

std::string pointer_to(std::string_view parent, std::string_view name) {
    std::string pointer{parent};
    pointer += '/';
    for (const char c : name) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer += c;
        }
    }
    return pointer;
}

// ---- Schemas -----------------------------------------------------------------------------------

void check_pattern(const json::object& schema, const std::string& at,
                   std::vector<std::string>& problems) {
    const json::string* pattern = member_string(schema, "pattern");
    if (pattern == nullptr) return;
    if (pattern->size() > kPatternBytesMax) {
        problems.push_back(at + ": the pattern is longer than " + std::to_string(kPatternBytesMax) +
                           " bytes");
        return;
    }
    try {
        const std::regex compiled{pattern->c_str()};
    } catch (const std::regex_error&) {
        problems.push_back(at + ": the pattern is not a regular expression of ECMAScript");
    }
}

void check_keywords(const json::object& schema, const std::string& at,
                    std::vector<std::string>& problems) {
    for (const auto& [name, value] : schema) {
        const std::string_view keyword = name;
        if (keyword.starts_with("x-")) continue;
        if (std::find(std::begin(kKeywords), std::end(kKeywords), keyword) == std::end(kKeywords)) {
            problems.push_back(at + ": the keyword `" + std::string{keyword} +
                               "` is not supported");
        }
    }
    check_pattern(schema, at, problems);
    const json::value* properties = schema.if_contains("properties");
    if (properties != nullptr && properties->is_object()) {
        for (const auto& [name, value] : properties->get_object()) {
            const std::string below = pointer_to(at + "/properties", name);
            if (const json::object* property = value.if_object()) {
                check_keywords(*property, below, problems);
            } else {
                problems.push_back(below + ": must be an object");
            }
        }
    }
    for (const char* name : {"items", "additionalProperties"}) {
        if (const json::object* below = member_object(schema, name)) {
            check_keywords(*below, pointer_to(at, name), problems);
        } else if (const json::value* other = schema.if_contains(name);
                   other != nullptr && !other->is_bool()) {
            problems.push_back(pointer_to(at, name) + ": must be an object or a boolean");
        }
    }
}

// ---- Sentences about values: the library says which value is wrong, the schema says what it
// should be ----------------

std::string type_phrase(std::string_view type) {
    if (type == "string") return "a string";
    if (type == "integer") return "an integer";
    if (type == "number") return "a number";
    if (type == "boolean") return "true or false";
    if (type == "array") return "a list";
    if (type == "object") return "an object";
    if (type == "null") return "null";
    return std::string{type};
}

std::string types_phrase(const json::value& type) {
    if (const json::string* name = type.if_string()) return type_phrase(*name);
    std::string phrase;
    if (const json::array* names = type.if_array()) {
        for (const json::value& name : *names) {
            if (!phrase.empty()) phrase += " or ";
            if (name.is_string()) phrase += type_phrase(name.get_string());
        }
    }
    return phrase;
}

void append_bound(std::string& sentence, const json::object& schema, std::string_view keyword,
                  std::string_view words, std::string_view unit) {
    const json::value* bound = schema.if_contains(keyword);
    if (bound == nullptr) return;
    sentence += sentence.ends_with("be") ? " " : ", ";
    sentence += words;
    sentence += json::serialize(*bound);
    sentence += unit;
}

std::string describe(const json::object& schema) {
    std::string sentence = "must be";
    if (const json::value* type = schema.if_contains("type")) sentence += ' ' + types_phrase(*type);
    if (const json::value* values = schema.if_contains("enum"); values && values->is_array()) {
        sentence = "must be one of ";
        bool is_first = true;
        for (const json::value& value : values->get_array()) {
            if (!is_first) sentence += ", ";
            is_first = false;
            sentence += json::serialize(value);
        }
    }
    append_bound(sentence, schema, "const", "exactly ", "");
    append_bound(sentence, schema, "minimum", "at least ", "");
    append_bound(sentence, schema, "maximum", "at most ", "");
    append_bound(sentence, schema, "minLength", "at least ", " characters long");
    append_bound(sentence, schema, "maxLength", "at most ", " characters long");
    append_bound(sentence, schema, "minItems", "with at least ", " items");
    append_bound(sentence, schema, "maxItems", "with at most ", " items");
    if (const json::string* pattern = member_string(schema, "pattern")) {
        sentence += sentence.ends_with("be") ? " text" : ",";
        sentence += " that matches `" + std::string{*pattern} + "`";
    }
    const json::string* format = member_string(schema, "format");
    if (format != nullptr && *format == "uri") {
        sentence += sentence.ends_with("be") ? " " : ", ";
        sentence += "an absolute URL such as https://example.com/";
    }
    return sentence == "must be" ? "is not allowed here" : sentence;
}

// RFC 3986: a scheme and something after it, in the characters of a URL; http and https need a
// host.
bool is_uri(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
    const std::string_view scheme = text.substr(0, colon);
    const std::string_view rest = text.substr(colon + 1);
    if (!is_letter(scheme[0])) return false;
    for (const char c : scheme) {
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')
            return false;
    }
    for (const char c : rest) {
        if (c <= ' ' || c >= 0x7f ||
            std::string_view{"<>\"{}|\\^`"}.find(c) != std::string_view::npos) {
            return false;
        }
    }
    if (scheme != "http" && scheme != "https") return true;
    return rest.size() > 2 && rest.starts_with("//") && rest[2] != '/' && rest[2] != '?' &&
           rest[2] != '#' && rest[2] != ':';
}

// One pass along the schema for what the library leaves out: formats, and strings too long for its
// patterns. Returns whether all are short enough.
bool check_strings(const json::object& schema, const json::value& value, const std::string& at,
                   std::set<std::string>& violations) {
    if (const json::string* text = value.if_string()) {
        const json::string* format = member_string(schema, "format");
        const std::size_t bytes_max =
            schema.contains("pattern") ? kMatchedBytesMax : kSettingBytesMax;
        if (text->size() > bytes_max) {
            violations.insert(at + ": must be at most " + std::to_string(bytes_max) +
                              " bytes long");
            return false;
        }
        if (format != nullptr && *format == "uri" && !is_uri(*text)) {
            violations.insert(at + ": " + describe(schema));
        }
        return true;
    }
    static const json::object kAnything;
    bool are_short = true;
    if (const json::array* items = value.if_array()) {
        const json::object* item_schema = member_object(schema, "items");
        for (std::size_t i = 0; i < items->size(); ++i) {
            are_short &= check_strings(item_schema ? *item_schema : kAnything, (*items)[i],
                                       at + '/' + std::to_string(i), violations);
        }
    } else if (const json::object* members = value.if_object()) {
        const json::object* properties = member_object(schema, "properties");
        const json::object* others = member_object(schema, "additionalProperties");
        for (const auto& [name, member] : *members) {
            const json::object* property = properties ? member_object(*properties, name) : nullptr;
            if (property == nullptr) property = others;
            are_short &= check_strings(property ? *property : kAnything, member,
                                       pointer_to(at, name), violations);
        }
    }
    return are_short;
}

// The name that stands between `prefix` and the closing quote and full stop of a message.
std::string name_after(std::string_view message, std::string_view prefix) {
    const std::size_t at = message.find(prefix);
    if (at == std::string_view::npos || !message.ends_with("'.")) return {};
    const std::size_t begin = at + prefix.size();
    return std::string{message.substr(begin, message.size() - 2 - begin)};
}

// Translates one message of the library; the ones that only say "something below failed" give
// nothing.
void add_violation(const json::object& root, const valijson::ValidationResults::Error& error,
                   std::set<std::string>& violations) {
    std::string at;
    const json::object* schema = &root;
    for (std::size_t i = 1; i < error.context.size(); ++i) {
        std::string_view name = error.context[i];  // "[name]"
        if (name.size() >= 2) name = name.substr(1, name.size() - 2);
        at = pointer_to(at, name);
        if (schema == nullptr) continue;
        const json::object* properties = member_object(*schema, "properties");
        const json::object* next = properties ? member_object(*properties, name) : nullptr;
        if (next == nullptr) next = member_object(*schema, "items");
        if (next == nullptr) next = member_object(*schema, "additionalProperties");
        schema = next;
    }
    const std::string_view description = error.description;
    if (description.starts_with("Failed to validate")) return;
    if (description.starts_with("Missing required property")) {
        violations.insert(pointer_to(at, name_after(description, "property '")) + ": is required");
    } else if (description.starts_with("Object contains a property")) {
        violations.insert(pointer_to(at, name_after(description, "constraints: '")) +
                          ": is not a known setting");
    } else {
        violations.insert((at.empty() ? "/" : at) + ": " +
                          (schema ? describe(*schema) : std::string{description}));
    }
}

}  // namespace

void check_schema(const json::object& schema, std::vector<std::string>& problems) {
    const std::size_t before = problems.size();
    check_keywords(schema, "settings schema", problems);
    const json::string* type = member_string(schema, "type");
    if (type == nullptr || *type != "object") {
        problems.emplace_back("settings schema: `type` must be \"object\"");
    }
    if (problems.size() != before) return;
    try {
        // Parentheses: braces would make a list of one member.
        const json::value document(schema);
        valijson::Schema compiled;
        valijson::SchemaParser parser;
        parser.populateSchema(BoostJsonAdapter{document}, compiled);
    } catch (const std::exception& error) {
        problems.push_back(std::string{"settings schema: "} + error.what());
    }
}

void add_defaults(const json::object& schema, json::object& settings) {
    const json::object* properties = member_object(schema, "properties");
    if (properties == nullptr) return;
    for (const auto& [name, value] : *properties) {
        const json::object* property = value.if_object();
        if (property == nullptr) continue;
        json::value* setting = settings.if_contains(name);
        if (setting == nullptr) {
            if (const json::value* preset = property->if_contains("default")) {
                settings[name] = *preset;
            }
        } else if (json::object* nested = setting->if_object()) {
            add_defaults(*property, *nested);
        }
    }
}

Result<void> check_settings(const Manifest& manifest, const json::object& settings) {
    std::set<std::string> violations;
    const json::value value(settings, settings.storage());  // as well kept as they are
    if (check_strings(manifest.settings_schema, value, "", violations)) {
        try {
            const json::value document(manifest.settings_schema);
            valijson::Schema compiled;
            valijson::SchemaParser parser;
            parser.populateSchema(BoostJsonAdapter{document}, compiled);
            valijson::ValidationResults results;
            valijson::Validator validator;
            validator.validate(compiled, BoostJsonAdapter{value}, &results);
            for (const auto& error : results) {
                add_violation(manifest.settings_schema, error, violations);
            }
        } catch (const std::exception& error) {
            violations.insert(std::string{"/: the schema can't be applied: "} + error.what());
        }
    }
    if (violations.empty()) return {};
    std::string sentences;
    for (const std::string& violation : violations) {
        if (!sentences.empty()) sentences += "; ";
        sentences += violation;
    }
    return Error{kSettingsInvalid, std::move(sentences)};
}

}  // namespace syncline::plugin
