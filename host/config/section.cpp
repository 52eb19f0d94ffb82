#include "config/section.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace syncline::config {
namespace {

constexpr std::size_t kNameBytesMax = 63;

struct Advice {
    std::string_view key, what, remedy;
};

// Keys that people know from the documentation of the whole product.
constexpr Advice kNotInThisVersion[] = {
    {"schedule", "schedules are not part of this version", "remove it; the trigger is `webhook`"},
    {"deletes", "mirroring deletes is not part of this version", "remove it"},
    {"was", "renaming is not part of this version", "remove it"},
};

void report_unknown(Context& context, const Node& key, const std::string& path, const Keys& keys) {
    const std::string what = in_quotes(path) + " is not a key";
    const auto* planned = std::find_if(std::begin(kNotInThisVersion), std::end(kNotInThisVersion),
                                       [&](const Advice& a) { return a.key == key.text; });
    if (planned != std::end(kNotInThisVersion)) {
        context.problems.add(kUnknownKey, key.at, what + ": " + std::string{planned->what},
                             std::string{planned->remedy});
        return;
    }
    std::vector<std::string_view> known = keys.required;
    known.insert(known.end(), keys.optional.begin(), keys.optional.end());
    const std::string meant = did_you_mean(key.text, known);
    context.problems.add(kUnknownKey, key.at, what,
                         meant.empty() ? "known here: " + one_of(known) : meant);
}

std::string_view kind_name(const Node& node) {
    switch (node.kind) {
        case Node::Kind::kNull:
            return "empty";
        case Node::Kind::kScalar:
            return "a single value";
        case Node::Kind::kSequence:
            return "a list";
        case Node::Kind::kMap:
            return "a map";
    }
    return "empty";
}

}  // namespace

Section::Section(Context& context, const Node* node, std::string path, const Keys& keys)
    : context_(context), node_(node), path_(std::move(path)) {
    if (node_ == nullptr) return;
    if (!node_->is_map()) {
        context_.problems.add(kType, node_->at,
                              (path_.empty() ? "the file" : in_quotes(path_)) +
                                  " must be a map, and is " + std::string{kind_name(*node_)});
        node_ = nullptr;
        return;
    }
    const auto is_in = [](const std::vector<std::string_view>& list, std::string_view key) {
        return std::find(list.begin(), list.end(), key) != list.end();
    };
    for (const auto& [key, value] : node_->entries)
        if (!is_in(keys.required, key->text) && !is_in(keys.optional, key->text))
            report_unknown(context_, *key, this->path(key->text), keys);
    for (const std::string_view key : keys.required)
        if (find(key) == nullptr)
            context_.problems.add(kMissingKey, node_->at,
                                  in_quotes(this->path(key)) + " is missing");
}

std::string Section::path(std::string_view key) const {
    return path_.empty() ? std::string{key} : path_ + "." + std::string{key};
}

const Node* Section::find(std::string_view key) const {
    if (node_ == nullptr) return nullptr;
    for (const auto& [name, value] : node_->entries)
        if (name->text == key) return value;
    return nullptr;
}

const Node* Section::scalar(std::string_view key) const {
    const Node* node = find(key);
    if (node == nullptr || node->is_scalar()) return node;
    context_.problems.add(
        kType, node->at,
        in_quotes(path(key)) + " must be a single value, and is " + std::string{kind_name(*node)});
    return nullptr;
}

std::optional<std::string> Section::text(std::string_view key, SecretUse use) const {
    const Node* node = scalar(key);
    if (node == nullptr) return std::nullopt;
    return context_.variables.expand(*node, use);
}

core::Secret Section::secret(std::string_view key) const {
    auto value = text(key, SecretUse::kAllowed);
    if (!value.has_value()) return {};
    if (value->empty())
        context_.problems.add(kSecretEmpty, find(key)->at, in_quotes(path(key)) + " is empty");
    context_.variables.watch(*value);
    return core::Secret::take(*value);
}

std::optional<std::string> Section::name(std::string_view key) const {
    auto value = text(key);
    if (!value.has_value() || !check_name(context_, *value, find(key)->at, path(key)))
        return std::nullopt;
    return value;
}

std::optional<std::filesystem::path> Section::file_path(std::string_view key) const {
    const auto value = text(key);
    if (!value.has_value()) return std::nullopt;
    if (value->empty() || value->find('\0') != std::string::npos) {
        context_.problems.add(kValue, find(key)->at, in_quotes(path(key)) + " must be a path");
        return std::nullopt;
    }
    return (context_.folder / *value).lexically_normal();
}

std::optional<std::int64_t> Section::integer(std::string_view key, std::int64_t min,
                                             std::int64_t max) const {
    const Node* node = scalar(key);
    if (node == nullptr) return std::nullopt;
    const auto text = context_.variables.expand(*node, SecretUse::kRefused);
    if (!text.has_value()) return std::nullopt;
    const std::string range = in_quotes(path(key)) + " must be a whole number from " +
                              std::to_string(min) + " to " + std::to_string(max);
    // Quotes make a text, unless they were needed to write a variable.
    const bool may_be_number = node->is_plain || Variables::has_reference(*node);
    const auto value = may_be_number ? parse_integer(*text) : std::nullopt;
    if (!value.has_value()) {
        context_.problems.add(kType, node->at, range + ", and is " + in_quotes(node->text));
        return std::nullopt;
    }
    if (*value < min || *value > max) {
        context_.problems.add(kValue, node->at, range + ", and is " + in_quotes(node->text));
        return std::nullopt;
    }
    return value;
}

std::optional<bool> Section::flag(std::string_view key) const {
    const Node* node = scalar(key);
    if (node == nullptr) return std::nullopt;
    if (node->is_plain && (node->text == "true" || node->text == "false"))
        return node->text == "true";
    context_.problems.add(
        kType, node->at,
        in_quotes(path(key)) + " must be `true` or `false`, and is " + in_quotes(node->text));
    return std::nullopt;
}

std::optional<std::size_t> Section::choice(std::string_view key,
                                           const std::vector<std::string_view>& choices) const {
    const auto value = text(key);
    if (!value.has_value()) return std::nullopt;
    const auto found = std::find(choices.begin(), choices.end(), *value);
    if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
    const Node& node = *find(key);
    const std::string meant = did_you_mean(node.text, choices);
    context_.problems.add(
        kValue, node.at,
        in_quotes(path(key)) + " must be " + one_of(choices) + ", and is " + in_quotes(node.text),
        meant.empty() ? kValue.remedy : meant);
    return std::nullopt;
}

bool check_name(Context& context, std::string_view name, Position at, const std::string& path) {
    const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    const bool is_name = !name.empty() && name.size() <= kNameBytesMax && is_first(name.front()) &&
                         std::all_of(name.begin(), name.end(),
                                     [&](char c) { return is_first(c) || c == '_' || c == '-'; });
    if (is_name) return true;
    context.problems.add(kValue, at, in_quotes(path) + " must be a name",
                         "write 1 to 63 of a-z, 0-9, `_` and `-`, the first a letter or a digit");
    return false;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    int base = 10;
    if (is_negative || text.starts_with('+'))
        text.remove_prefix(1);
    else if (text.starts_with("0x") || text.starts_with("0o"))
        base = text[1] == 'x' ? 16 : 8;
    if (base != 10) text.remove_prefix(2);
    if (text.empty() || text.front() == '-') return std::nullopt;
    std::uint64_t magnitude = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (magnitude > kMax + (is_negative ? 1 : 0)) return std::nullopt;
    return static_cast<std::int64_t>(is_negative ? 0 - magnitude : magnitude);
}

}  // namespace syncline::config
