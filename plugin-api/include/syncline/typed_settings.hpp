// Settings as a struct: declared once, and both the schema of the manifest and the reader come of
// the declaration.
//
//     struct AcmeSettings {
//         std::string url;
//         std::int64_t batch_size = 0;
//         std::optional<std::string> token;
//
//         static constexpr auto settings() {
//             return std::tuple{
//                 syncline::setting("url", &AcmeSettings::url, "Where Acme is", {.format = "uri"}),
//                 syncline::setting("batch_size", &AcmeSettings::batch_size, "Records in a
//                 request",
//                                   {.preset = 50, .min = 1, .max = 100}),
//                 syncline::setting("token", &AcmeSettings::token, "The key of its API",
//                                   {.is_secret = true})};
//         }
//     };
//
//     class Acme final : public syncline::Configured<AcmeSettings>, ...   // see connector.hpp
//
// A member is std::string, std::int64_t, bool, NamedTexts, a struct of settings, a std::vector of
// one of these (the list may be absent: it is empty), a std::optional of one (it may be absent), or
// TextOr<a struct of settings>. All others have to be there, unless they have a preset.
//
// The schema is made by the compiler, since the host reads it without running the connector; a
// declaration that contradicts itself does not compile.
#ifndef SYNCLINE_TYPED_SETTINGS_HPP
#define SYNCLINE_TYPED_SETTINGS_HPP

#include <string>
#include <string_view>
#include <tuple>
#include <variant>

#include "syncline/constant_json.hpp"
#include "syncline/failure.hpp"
#include "syncline/json.hpp"
#include "syncline/setting_kinds.hpp"

namespace syncline {
namespace detail {

// One declared setting.
template <typename Owner, typename Type>
struct Setting {
    using Kind = SettingKind<Type>;

    constexpr void write(ConstantJson& schema) const {
        schema.key(name).open('{');
        Kind::write(schema, rules);
        schema.key("description").text(description).raw("}");
    }
    constexpr bool is_required() const { return Kind::is_required(rules); }
    void read(const json::Value& from, const std::string& parent, SettingsProblems& problems,
              Owner& into) const {
        const json::Value* found = from.find(name);
        if (found != nullptr) {
            Kind::read(*found, rules, settings_pointer(parent, name), problems, into.*member);
        } else if (is_required()) {
            problems.add(settings_pointer(parent, name), "is required");
        } else {
            Kind::preset(rules, into.*member);
        }
    }

    std::string_view name;
    Type Owner::*member;
    std::string_view description;
    typename Kind::Rules rules;
};

template <SettingsStruct Own>
struct SettingKind<Own> {
    using Rules = NoRules;
    static constexpr bool is_required(const Rules&) { return true; }

    static constexpr void write(ConstantJson& schema, const Rules&) {
        schema.key("type").text("object");
        write_members(schema);
    }
    static constexpr void write_members(ConstantJson& schema) {
        std::apply([&](const auto&... each) { write_each(schema, each...); }, Own::settings());
    }
    template <typename... Each>
    static constexpr void write_each(ConstantJson& schema, const Each&... each) {
        [[maybe_unused]] const auto count = [&]([[maybe_unused]] std::string_view name) {
            return (0 + ... + (each.name == name ? 1 : 0));
        };
        if (((count(each.name) > 1) || ...)) throw "two settings have one name";
        schema.key("properties").open('{');
        (each.write(schema), ...);
        schema.raw("}");
        if ((each.is_required() || ...)) {
            schema.key("required").open('[');
            ((each.is_required() ? void(schema.text(each.name)) : void()), ...);
            schema.raw("]");
        }
        schema.key("additionalProperties").word("false");
    }
    static void preset(const Rules&, Own&) {}
    static void read(const json::Value& from, const Rules&, const std::string& at,
                     SettingsProblems& problems, Own& into) {
        if (from.object() == nullptr) return problems.add(at, "must be an object");
        std::apply(
            [&](const auto&... each) {
                (each.read(from, at, problems, into), ...);
                for (const auto& [name, value] : *from.object()) {
                    const bool is_known = ((each.name == name) || ...);
                    if (!is_known)
                        problems.add(settings_pointer(at, name), "is not a known setting");
                }
            },
            Own::settings());
    }
};

template <SettingsStruct Own>
struct SettingKind<TextOr<Own>> {
    using Rules = TextRules;
    static constexpr bool is_required(const Rules& rules) { return !rules.preset; }

    static constexpr void write(ConstantJson& schema, const Rules& rules) {
        schema.key("type").open('[').text("string").text("object").raw("]");
        SettingKind<std::string>::write_rules(schema, rules);
        SettingKind<Own>::write_members(schema);
    }
    static void preset(const Rules& rules, TextOr<Own>& into) {
        if (rules.preset) into = std::string{*rules.preset};
    }
    static void read(const json::Value& from, const Rules& rules, const std::string& at,
                     SettingsProblems& problems, TextOr<Own>& into) {
        if (from.object() != nullptr)
            return SettingKind<Own>::read(from, {}, at, problems, into.template emplace<Own>());
        if (from.string() == nullptr) return problems.add(at, "must be a string or an object");
        SettingKind<std::string>::read(from, rules, at, problems,
                                       into.template emplace<std::string>());
    }
};

}  // namespace detail

// Declares a member of a struct of settings: its name, where it goes, what it is for, and what is
// allowed: TextRules, IntegerRules, TruthRules or ListRules in braces.
template <typename Owner, typename Type>
constexpr detail::Setting<Owner, Type> setting(
    std::string_view name, Type Owner::*member, std::string_view description,
    typename detail::SettingKind<Type>::Rules rules = {}) {
    return {name, member, description, rules};
}

// For a connector that has no settings.
struct NoSettings {
    static constexpr auto settings() { return std::tuple{}; }
};

// Reads and checks settings. Throws a Failure of class SYNCLINE_E_CONFIG that names each setting
// that does not fit, by its JSON Pointer, and says what it must be. Patterns and formats are left
// to the host, which has looked at them before.
template <SettingsStruct Own>
Own read_settings(const json::Value& from) {
    Own into{};
    detail::SettingsProblems problems;
    detail::SettingKind<Own>::read(from, {}, "", problems, into);
    if (problems.words.empty()) return into;
    throw Failure{SYNCLINE_E_CONFIG, "change the settings: " + problems.words};
}

namespace detail {

// The JSON Schema (draft 7) of a struct of settings.
template <SettingsStruct Own>
constexpr void write_schema(ConstantJson& schema) {
    schema.open('{').key("$schema").text("http://json-schema.org/draft-07/schema#");
    SettingKind<Own>::write(schema, {});
    schema.raw("}");
}

}  // namespace detail
}  // namespace syncline

#endif
