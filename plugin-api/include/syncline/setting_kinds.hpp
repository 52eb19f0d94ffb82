// The kinds of settings: what may be said of each, how it is described in a schema, and how it is
// read. Connectors see it through typed_settings.hpp.
//
// A SettingKind has Rules, is_required(), write() for the members of its schema, preset() for one
// that is absent, and read(). What contradicts itself throws in write(), which runs in the
// compiler.
#ifndef SYNCLINE_SETTING_KINDS_HPP
#define SYNCLINE_SETTING_KINDS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "syncline/constant_json.hpp"
#include "syncline/json.hpp"

namespace syncline {

// An object whose members the operator names, all of them text; in the order of the text.
using NamedTexts = std::vector<std::pair<std::string, std::string>>;

// A setting that is a text or an object.
template <typename OwnSettings>
using TextOr = std::variant<std::string, OwnSettings>;

// What one_of allows: at most 16 texts.
class Choices {
  public:
    constexpr Choices() = default;
    constexpr Choices(std::initializer_list<std::string_view> texts) {
        if (texts.size() > texts_.size()) throw "one_of has more than 16 texts";
        for (const std::string_view text : texts) texts_[size_++] = text;
    }
    constexpr const std::string_view* begin() const { return texts_.data(); }
    constexpr const std::string_view* end() const { return texts_.data() + size_; }
    constexpr bool empty() const { return size_ == 0; }
    constexpr bool has(std::string_view text) const {
        return std::find(begin(), end(), text) != end();
    }

  private:
    std::array<std::string_view, 16> texts_{};
    std::size_t size_ = 0;
};

// ---- What may be said of a setting, besides what it is for -------------------------------------

inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

struct TextRules {
    std::optional<std::string_view> preset = {};  // the value of one that is absent
    Choices one_of = {};
    std::size_t min_length = 0;  // characters
    std::size_t max_length = kNoLimit;
    std::string_view pattern = {};  // a regular expression of ECMAScript; the host looks at it
    std::string_view format = {};   // "uri", an absolute URL; the host looks at it
    bool is_secret = false;         // never shown, and hidden in the log
};
struct IntegerRules {
    std::optional<std::int64_t> preset = {};
    std::int64_t min = std::numeric_limits<std::int64_t>::min();
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
};
struct TruthRules {
    std::optional<bool> preset = {};
};
struct NoRules {};
template <typename ItemRules>
struct ListRules {
    std::size_t min_items = 0;
    std::size_t max_items = kNoLimit;
    ItemRules each = {};
};

// A struct of settings: it says which they are.
template <typename Type>
concept SettingsStruct = requires {
    Type::settings();
};

// ---- Implementation ----------------------------------------------------------------------------

namespace detail {

// What is wrong with the settings: "/limit: must be an integer; /url: is required". Values are
// never repeated, they may be secret.
struct SettingsProblems {
    std::string words;

    void add(const std::string& at, std::string_view problem) {
        if (!words.empty()) words += "; ";
        words += at.empty() ? "/" : at;
        words.append(": ").append(problem);
    }
};

// `kind` is a word of JSON Schema; a person reads `phrase`.
template <typename Type>
struct SettingKind {
    static_assert(!std::is_same_v<Type, Type>,
                  "a setting is text, an integer, a truth, NamedTexts, a struct of settings, or a "
                  "std::vector, a std::optional or a TextOr of these");
};

inline void add_limits(std::string& phrase, std::int64_t min, std::int64_t max, bool has_min,
                       bool has_max, std::string_view unit) {
    if (has_min) phrase.append(", at least ").append(std::to_string(min)).append(unit);
    if (has_max) phrase.append(", at most ").append(std::to_string(max)).append(unit);
}

template <>
struct SettingKind<std::string> {
    using Rules = TextRules;
    static constexpr bool is_required(const Rules& rules) { return !rules.preset; }

    static constexpr void write(ConstantJson& schema, const Rules& rules) {
        if (rules.min_length > rules.max_length) throw "min_length is above max_length";
        if (rules.preset && !rules.one_of.empty() && !rules.one_of.has(*rules.preset))
            throw "the preset is none of one_of";
        schema.key("type").text("string");
        write_rules(schema, rules);
    }
    static constexpr void write_rules(ConstantJson& schema, const Rules& rules) {
        if (!rules.one_of.empty()) {
            schema.key("enum").open('[');
            for (const std::string_view text : rules.one_of) schema.text(text);
            schema.raw("]");
        }
        if (rules.min_length > 0)
            schema.key("minLength").number(static_cast<std::int64_t>(rules.min_length));
        if (rules.max_length != kNoLimit)
            schema.key("maxLength").number(static_cast<std::int64_t>(rules.max_length));
        if (!rules.pattern.empty()) schema.key("pattern").text(rules.pattern);
        if (!rules.format.empty()) schema.key("format").text(rules.format);
        if (rules.is_secret) schema.key("writeOnly").word("true");
        if (rules.preset) schema.key("default").text(*rules.preset);
    }
    static std::string phrase(const Rules& rules) {
        if (!rules.one_of.empty()) {
            std::string words = "one of";
            for (const std::string_view text : rules.one_of)
                words.append(words.ends_with("of") ? " \"" : ", \"").append(text).append("\"");
            return words;
        }
        std::string words = "a string";
        add_limits(words, static_cast<std::int64_t>(rules.min_length),
                   static_cast<std::int64_t>(rules.max_length), rules.min_length > 0,
                   rules.max_length != kNoLimit, " characters long");
        return words;
    }
    static void preset(const Rules& rules, std::string& into) {
        if (rules.preset) into = *rules.preset;
    }
    static void read(const json::Value& from, const Rules& rules, const std::string& at,
                     SettingsProblems& problems, std::string& into) {
        const std::string* text = from.string();
        if (text == nullptr || !fits(*text, rules))
            return problems.add(at, "must be " + phrase(rules));
        into = *text;
    }
    static bool fits(std::string_view text, const Rules& rules) {
        if (!rules.one_of.empty() && !rules.one_of.has(text)) return false;
        std::size_t characters = 0;
        for (; !text.empty(); ++characters)
            text.remove_prefix(std::max<std::size_t>(json::utf8_length(text), 1));
        return characters >= rules.min_length && characters <= rules.max_length;
    }
};

template <>
struct SettingKind<std::int64_t> {
    using Rules = IntegerRules;
    using Limits = std::numeric_limits<std::int64_t>;
    static constexpr bool is_required(const Rules& rules) { return !rules.preset; }

    static constexpr void write(ConstantJson& schema, const Rules& rules) {
        if (rules.min > rules.max) throw "min is above max";
        if (rules.preset && (*rules.preset < rules.min || *rules.preset > rules.max))
            throw "the preset is out of bounds";
        schema.key("type").text("integer");
        if (rules.min != Limits::min()) schema.key("minimum").number(rules.min);
        if (rules.max != Limits::max()) schema.key("maximum").number(rules.max);
        if (rules.preset) schema.key("default").number(*rules.preset);
    }
    static void preset(const Rules& rules, std::int64_t& into) {
        if (rules.preset) into = *rules.preset;
    }
    static void read(const json::Value& from, const Rules& rules, const std::string& at,
                     SettingsProblems& problems, std::int64_t& into) {
        const auto number = from.int64();
        if (number && *number >= rules.min && *number <= rules.max) {
            into = *number;
            return;
        }
        std::string words = "must be an integer";
        add_limits(words, rules.min, rules.max, rules.min != Limits::min(),
                   rules.max != Limits::max(), "");
        problems.add(at, words);
    }
};

template <>
struct SettingKind<bool> {
    using Rules = TruthRules;
    static constexpr bool is_required(const Rules& rules) { return !rules.preset; }

    static constexpr void write(ConstantJson& schema, const Rules& rules) {
        schema.key("type").text("boolean");
        if (rules.preset) schema.key("default").word(*rules.preset ? "true" : "false");
    }
    static void preset(const Rules& rules, bool& into) { into = rules.preset.value_or(false); }
    static void read(const json::Value& from, const Rules&, const std::string& at,
                     SettingsProblems& problems, bool& into) {
        if (from.boolean() == nullptr) return problems.add(at, "must be true or false");
        into = *from.boolean();
    }
};

inline std::string settings_pointer(const std::string& parent, std::string_view name) {
    std::string pointer = parent + '/';
    for (const char c : name) {
        if (c == '~' || c == '/') {
            pointer += c == '~' ? "~0" : "~1";
        } else {
            pointer += c;
        }
    }
    return pointer;
}

template <>
struct SettingKind<NamedTexts> {
    using Rules = NoRules;
    static constexpr bool is_required(const Rules&) { return false; }

    static constexpr void write(ConstantJson& schema, const Rules&) {
        schema.key("type").text("object");
        schema.key("additionalProperties").open('{').key("type").text("string").raw("}");
    }
    static void preset(const Rules&, NamedTexts&) {}
    static void read(const json::Value& from, const Rules&, const std::string& at,
                     SettingsProblems& problems, NamedTexts& into) {
        if (from.object() == nullptr) return problems.add(at, "must be an object");
        for (const auto& [name, value] : *from.object()) {
            SettingKind<std::string>::read(value, {}, settings_pointer(at, name), problems,
                                           into.emplace_back(name, "").second);
        }
    }
};

template <typename Item>
struct SettingKind<std::vector<Item>> {
    using Rules = ListRules<typename SettingKind<Item>::Rules>;
    static constexpr bool is_required(const Rules& rules) { return rules.min_items > 0; }

    static constexpr void write(ConstantJson& schema, const Rules& rules) {
        if (rules.min_items > rules.max_items) throw "min_items is above max_items";
        schema.key("type").text("array").key("items").open('{');
        SettingKind<Item>::write(schema, rules.each);
        schema.raw("}");
        if (rules.min_items > 0)
            schema.key("minItems").number(static_cast<std::int64_t>(rules.min_items));
        if (rules.max_items != kNoLimit)
            schema.key("maxItems").number(static_cast<std::int64_t>(rules.max_items));
    }
    static void preset(const Rules&, std::vector<Item>&) {}
    static void read(const json::Value& from, const Rules& rules, const std::string& at,
                     SettingsProblems& problems, std::vector<Item>& into) {
        const json::Array* items = from.array();
        const std::size_t count = items != nullptr ? items->size() : 0;
        if (items == nullptr || count < rules.min_items || count > rules.max_items) {
            std::string words = "must be a list";
            add_limits(words, static_cast<std::int64_t>(rules.min_items),
                       static_cast<std::int64_t>(rules.max_items), rules.min_items > 0,
                       rules.max_items != kNoLimit, " items");
            return problems.add(at, words);
        }
        for (std::size_t i = 0; i < count; ++i) {
            Item item{};
            SettingKind<Item>::read((*items)[i], rules.each, at + '/' + std::to_string(i), problems,
                                    item);
            into.push_back(std::move(item));
        }
    }
};

template <typename Inner>
struct SettingKind<std::optional<Inner>> {
    using Rules = typename SettingKind<Inner>::Rules;
    static constexpr bool is_required(const Rules&) { return false; }

    static constexpr void write(ConstantJson& schema, const Rules& rules) {
        if constexpr (requires { rules.preset; }) {
            if (rules.preset) throw "what has a preset is never absent: no std::optional is needed";
        }
        SettingKind<Inner>::write(schema, rules);
    }
    static void preset(const Rules&, std::optional<Inner>&) {}
    static void read(const json::Value& from, const Rules& rules, const std::string& at,
                     SettingsProblems& problems, std::optional<Inner>& into) {
        SettingKind<Inner>::read(from, rules, at, problems, into.emplace());
    }
};

}  // namespace detail
}  // namespace syncline

#endif
