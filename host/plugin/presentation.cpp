#include "plugin/presentation.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <string_view>

namespace syncline::plugin {
namespace {

namespace json = boost::json;

constexpr std::size_t kSentenceBytesMax = 1024;
constexpr std::size_t kLinksMax = 32;

std::string lower(std::string_view text) {
    std::string result{text};
    for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return result;
}

bool is_word(std::string_view text) {
    const auto is_fine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_fine);
}

bool is_colour(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
    return text.size() == 7 && text[0] == '#' &&
           text.find_first_not_of(kDigits, 1) == std::string_view::npos;
}

// One picture that does nothing and loads nothing: no scripts, handlers, references or entities.
bool is_still_svg(std::string_view text) {
    if (text.size() > kLogoBytesMax || !text.starts_with("<svg") || !text.ends_with("</svg>"))
        return false;
    const std::string plain = lower(text);
    constexpr std::array<std::string_view, 8> kRefused{
        "<script", "<foreignobject", "<style", "<!", "<?", "href", "url(", "javascript:"};
    for (const std::string_view word : kRefused)
        if (plain.find(word) != std::string::npos) return false;
    // An attribute such as `onload`, whatever stands before and behind its name.
    for (std::size_t at = plain.find("on"); at != std::string::npos;
         at = plain.find("on", at + 1)) {
        constexpr std::string_view kBefore = " \t\r\n\f/\"'";
        const bool is_begin = at > 0 && kBefore.find(plain[at - 1]) != std::string_view::npos;
        const std::size_t end = plain.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at);
        const std::size_t next = plain.find_first_not_of(" \t\r\n\f", end);
        if (is_begin && next != std::string::npos && plain[next] == '=') return false;
    }
    return true;
}

class Checker {
  public:
    std::vector<std::string> problems;

    void check_branding(const json::value& value) {
        const json::object* branding = object_of(value, "branding");
        if (branding == nullptr) return;
        for (const auto& [name, member] : *branding) {
            const std::string at = "branding." + std::string{name};
            const json::string* text = member.if_string();
            if (name == "description") {
                sentence(member, at);
            } else if (name == "colour") {
                require(text != nullptr && is_colour(*text), at, "must be as #1a2b3c");
            } else if (name == "logo") {
                require(text != nullptr && is_still_svg(*text), at,
                        "must be an SVG of at most 32 KiB without scripts, styles and references");
            } else if (name == "categories") {
                const json::array* list = member.if_array();
                require(list != nullptr && list->size() <= kLinksMax &&
                            std::all_of(list->begin(), list->end(),
                                        [](const json::value& each) {
                                            return each.is_string() && is_word(each.get_string());
                                        }),
                        at, "must be a list of words in lower case");
            } else if (name == "links") {
                check_links(member, at);
            } else {
                require(false, at, "is not known");
            }
        }
    }

    void check_presets(const json::value& value, const json::object& manifest) {
        const json::array* presets = value.if_array();
        require(presets != nullptr && presets->size() <= kLinksMax, "presets",
                "must be a list of at most 32 members");
        if (presets == nullptr) return;
        for (const json::value& each : *presets) {
            const json::object* preset = object_of(each, "presets");
            if (preset == nullptr) continue;
            const json::value* name = preset->if_contains("name");
            const bool is_named =
                name != nullptr && name->is_string() && is_word(name->get_string());
            require(is_named, "presets", "need names in lower case");
            const std::string at =
                is_named ? "presets." + std::string{name->get_string()} : "presets";
            const json::value* summary = preset->if_contains("summary");
            if (summary != nullptr) sentence(*summary, at + ".summary");
            require(has_stream(manifest, preset->if_contains("stream")), at + ".stream",
                    "must be a stream of the manifest");
            check_map(preset->if_contains("map"), at + ".map");
        }
    }

  private:
    void require(bool is_fine, const std::string& field, const char* sentence) {
        if (!is_fine) problems.push_back("`" + field + "` " + sentence);
    }

    const json::object* object_of(const json::value& value, const std::string& field) {
        require(value.is_object(), field, "must be an object");
        return value.if_object();
    }

    void sentence(const json::value& value, const std::string& field) {
        const json::string* text = value.if_string();
        require(text != nullptr && !text->empty() && text->size() <= kSentenceBytesMax, field,
                "must be a text of at most 1024 bytes");
    }

    void check_links(const json::value& value, const std::string& field) {
        const json::object* links = object_of(value, field);
        if (links == nullptr) return;
        for (const auto& [name, link] : *links) {
            const json::string* url = link.if_string();
            const bool is_link = url != nullptr && url->size() <= kSentenceBytesMax &&
                                 std::string_view{*url}.starts_with("https://");
            require(is_link && is_word(name), field,
                    "must name addresses that begin with https://");
        }
    }

    void check_map(const json::value* map, const std::string& field) {
        const json::object* fields = map != nullptr ? map->if_object() : nullptr;
        require(fields != nullptr && !fields->empty() && fields->size() <= 256, field,
                "must be an object of fields and expressions");
        if (fields == nullptr) return;
        for (const auto& [name, expression] : *fields) sentence(expression, field);
    }

    static bool has_stream(const json::object& manifest, const json::value* wanted) {
        const json::value* streams = manifest.if_contains("streams");
        if (wanted == nullptr || !wanted->is_string() || streams == nullptr || !streams->is_array())
            return false;
        const json::array& list = streams->get_array();
        return std::any_of(list.begin(), list.end(), [&](const json::value& stream) {
            const json::value* name =
                stream.is_object() ? stream.get_object().if_contains("name") : nullptr;
            return name != nullptr && *name == *wanted;
        });
    }
};

std::string text_at(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : "";
}

}  // namespace

std::vector<std::string> presentation_problems(const json::object& manifest) {
    Checker checker;
    if (const json::value* branding = manifest.if_contains("branding"))
        checker.check_branding(*branding);
    if (const json::value* presets = manifest.if_contains("presets"))
        checker.check_presets(*presets, manifest);
    return std::move(checker.problems);
}

std::string presentation_text(const json::object& manifest) {
    std::string text;
    if (const json::value* value = manifest.if_contains("branding")) {
        const json::object& branding = value->get_object();
        const std::string description = text_at(branding, "description");
        if (!description.empty()) text += description + "\n";
        if (const json::value* links = branding.if_contains("links")) {
            for (const auto& [name, link] : links->get_object())
                text += std::string{name} + ": " + std::string{link.get_string()} + "\n";
        }
    }
    if (const json::value* presets = manifest.if_contains("presets")) {
        for (const json::value& each : presets->get_array()) {
            const json::object& preset = each.get_object();
            text += "preset " + text_at(preset, "name") + " (" + text_at(preset, "stream") +
                    "): " + text_at(preset, "summary") + "\n    map:\n";
            for (const auto& [name, expression] : preset.at("map").get_object())
                text += "      " + std::string{name} + ": " + std::string{expression.get_string()} +
                        "\n";
        }
    }
    return text;
}

}  // namespace syncline::plugin
