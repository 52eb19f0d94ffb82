#include "config/settings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "core/utf8.hpp"

namespace syncline::config {
namespace {

namespace json = boost::json;

std::string pointer_to(const std::string& parent, std::string_view key) {
    std::string pointer = parent + "/";
    for (const char c : key) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
    return pointer;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
    return std::find(choices.begin(), choices.end(), text) != choices.end();
}

// Whether the core schema reads it as an integer, however large.
bool looks_like_integer(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool looks_like_float(std::string_view text) {
    std::size_t i = 0;
    const auto digits = [&] {
        const std::size_t begin = i;
        while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
        return i - begin;
    };
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    std::size_t count = digits();
    if (i < text.size() && text[i] == '.') {
        ++i;
        count += digits();
    }
    if (count == 0) return false;
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        ++i;
        if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
        if (digits() == 0) return false;
    }
    return i == text.size();
}

class Converter {
  public:
    Converter(Context& context, Settings& settings, const std::string& path, SecretUse use)
        : context_(context), settings_(settings), path_(path), use_(use) {}

    json::object map(const Node& node, const std::string& pointer) {
        json::object object(record::locked_storage());
        for (const auto& [key, child] : node.entries)
            object[key->text] = value(*child, pointer_to(pointer, key->text));
        return object;
    }

  private:
    // Its depth is bounded by the document's.
    json::value value(const Node& node, const std::string& pointer) {
        settings_.positions[pointer] = node.at;
        switch (node.kind) {
            case Node::Kind::kNull:
                return nullptr;
            case Node::Kind::kMap:
                return map(node, pointer);
            case Node::Kind::kSequence: {
                json::array array(record::locked_storage());
                for (const Node* item : node.items)
                    array.push_back(
                        value(*item, pointer_to(pointer, std::to_string(array.size()))));
                return array;
            }
            case Node::Kind::kScalar:
                break;
        }
        if (node.is_plain && !Variables::has_reference(node)) {
            if (auto typed = plain(node, pointer)) return std::move(*typed);
        }
        auto text = context_.variables.expand(node, use_);
        if (text.has_value() && !core::is_utf8(*text))
            return refuse(node, pointer, "holds a variable that is not valid UTF-8",
                          "these are texts; encode the bytes, in Base64 for example");
        const std::string_view kept_text = text ? std::string_view{*text} : std::string_view{};
        json::string kept(kept_text, record::locked_storage());
        if (text.has_value()) core::cleanse(*text);
        return kept;
    }

    // Nothing when the scalar is a text.
    std::optional<json::value> plain(const Node& node, const std::string& pointer) {
        const std::string& text = node.text;
        if (is_one_of(text, {"true", "True", "TRUE"})) return json::value(true);
        if (is_one_of(text, {"false", "False", "FALSE"})) return json::value(false);
        if (const auto integer = parse_integer(text)) return json::value(*integer);
        if (looks_like_integer(text)) {
            std::uint64_t large = 0;
            const char* end = text.data() + text.size();
            const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
            const auto parsed = std::from_chars(begin, end, large);
            if (parsed.ec == std::errc{} && parsed.ptr == end) return json::value(large);
            return refuse(node, pointer, "is a number of more than 64 bits");
        }
        if (is_one_of(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf",
                             "-.INF", ".nan", ".NaN", ".NAN"}))
            return refuse(node, pointer, "is not a finite number");
        if (!looks_like_float(text)) return std::nullopt;
        double number = 0;
        const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
        const auto parsed = std::from_chars(begin, text.data() + text.size(), number);
        if (parsed.ec != std::errc{} || !std::isfinite(number))
            return refuse(node, pointer, "is a number out of range");
        return json::value(number);
    }

    json::value refuse(const Node& node, const std::string& pointer, const std::string& reason,
                       std::string remedy = "put it in quotes if it is a text") {
        context_.problems.add(kValue, node.at, in_quotes(path_ + pointer) + " " + reason,
                              std::move(remedy));
        return nullptr;
    }

    Context& context_;
    Settings& settings_;
    const std::string& path_;
    const SecretUse use_;
};

}  // namespace

Settings read_settings(Context& context, const Node& map, const std::string& path, SecretUse use) {
    Settings settings;
    settings.positions[""] = map.at;
    settings.values = Converter{context, settings, path, use}.map(map, "");
    return settings;
}

}  // namespace syncline::config
