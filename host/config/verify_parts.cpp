#include "config/verify_parts.hpp"

#include <algorithm>
#include <utility>

#include "core/clock.hpp"

namespace syncline::config {
namespace {

constexpr std::size_t kHeaderBytesMax = 256;
constexpr std::size_t kShortBytesMax = 256;
constexpr std::size_t kKeysMax = 8;
constexpr std::size_t kListMax = 256;
constexpr std::int64_t kToleranceMax_s = 24 * 60 * 60;

// A secret, or the file of what is none.
VerifyKey read_key(const Section& section, std::string_view name) {
    VerifyKey key;
    if (name == kPublicKey)
        key.file = section.file_path(name).value_or("");
    else
        key.value = section.secret(name);
    return key;
}

VerifyKey read_listed_key(Context& context, const Node& node, const std::string& path,
                          std::string_view one) {
    const Section section{context, &node, path, {{one}, {"until", "name"}}};
    VerifyKey key = read_key(section, one);
    key.name = section.name("name").value_or("");
    if (const auto until = section.text("until")) {
        key.until_ns = core::parse_iso8601(*until);
        if (!key.until_ns)
            context.problems.add(kValue, section.find("until")->at,
                                 in_quotes(section.path("until")) + " must be a date and a time",
                                 "write it like 2027-01-31T12:00:00Z");
    }
    return key;
}

}  // namespace

bool has_key(const Node& node, std::string_view name) {
    return std::any_of(node.entries.begin(), node.entries.end(),
                       [&](const auto& entry) { return entry.first->text == name; });
}

std::string read_short_text(Context& context, const Section& section, std::string_view key) {
    auto value = section.text(key);
    if (!value.has_value()) return {};
    if (value->empty() || value->size() > kShortBytesMax)
        context.problems.add(kValue, section.find(key)->at,
                             in_quotes(section.path(key)) + " must have 1 to " +
                                 std::to_string(kShortBytesMax) + " bytes");
    return std::move(*value);
}

std::vector<VerifyKey> read_keys(Context& context, const Section& section, std::string_view one,
                                 std::string_view many) {
    if (!section.exists()) return {};
    const Node* list = section.find(many);
    const bool has_one = section.find(one) != nullptr;
    std::vector<VerifyKey> keys;
    if (list == nullptr) {
        if (has_one) {
            keys.push_back(read_key(section, one));
        } else {
            context.problems.add(kMissingKey, section.at(),
                                 in_quotes(section.path(one)) + " is missing");
        }
        return keys;
    }
    if (has_one)
        context.problems.add(kValue, list->at,
                             in_quotes(section.path(many)) + " can't be beside " + in_quotes(one),
                             "put it into the list");
    if (!list->is_sequence() || list->items.empty() || list->items.size() > kKeysMax) {
        context.problems.add(
            kType, list->at,
            in_quotes(section.path(many)) + " must be a list of 1 to " + std::to_string(kKeysMax));
        return keys;
    }
    for (const Node* item : list->items) {
        const std::string at = section.path(many) + "[" + std::to_string(keys.size()) + "]";
        keys.push_back(read_listed_key(context, *item, at, one));
    }
    return keys;
}

void read_tolerance(const Section& section, VerifyRule& rule) {
    section.read("tolerance_s", rule.tolerance, 1, kToleranceMax_s);
}

std::vector<std::string> read_list(Context& context, const Section& section, std::string_view key,
                                   const char* what,
                                   const std::function<bool(std::string&)>& fits) {
    const Node* list = section.find(key);
    if (list == nullptr) return {};
    const std::string path = in_quotes(section.path(key));
    if (!list->is_sequence() || list->items.empty() || list->items.size() > kListMax) {
        context.problems.add(kType, list->at,
                             path + " must be a list of 1 to " + std::to_string(kListMax));
        return {};
    }
    std::vector<std::string> texts;
    for (const Node* item : list->items) {
        auto text = item->is_scalar() ? context.variables.expand(*item, SecretUse::kRefused)
                                      : std::optional<std::string>{};
        if (text && !text->empty() && (!fits || fits(*text))) {
            texts.push_back(std::move(*text));
            continue;
        }
        if (text || !item->is_scalar())  // otherwise it has been reported
            context.problems.add(kValue, item->at,
                                 path + " has something that is no " + std::string{what});
    }
    return texts;
}

std::optional<std::string> read_header_name(Context& context, const Section& section,
                                            std::string_view key) {
    auto name = section.text(key);
    if (!name.has_value()) return std::nullopt;
    for (char& c : *name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    constexpr std::string_view kToken = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    if (name->empty() || name->size() > kHeaderBytesMax ||
        name->find_first_not_of(kToken) != std::string::npos) {
        context.problems.add(kValue, section.find(key)->at,
                             in_quotes(section.path(key)) + " must be the name of an HTTP header");
        return std::nullopt;
    }
    return name;
}

}  // namespace syncline::config
