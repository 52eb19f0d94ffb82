#include "config/auth_reader.hpp"

namespace syncline::config {
namespace {

constexpr std::size_t kTextsMax = 20;

}  // namespace

std::string AuthReader::text(std::string_view key) const {
    return text_or(key, "");
}

std::string AuthReader::text_or(std::string_view key, std::string_view otherwise) const {
    if (section_.find(key) == nullptr) return std::string{otherwise};
    return section_.text(key, SecretUse::kAllowed).value_or("");
}

core::Secret AuthReader::secret(std::string_view key) const {
    return section_.secret(key);
}

core::Secret AuthReader::password() const {
    std::string given = text("password");
    context_.variables.watch(given);
    return core::Secret::take(given);
}

std::size_t AuthReader::choice(std::string_view key,
                               const std::vector<std::string_view>& choices) const {
    return section_.choice(key, choices).value_or(0);
}

std::vector<auth::Parameter> AuthReader::texts(std::string_view key, SecretUse use) const {
    const Node* map = section_.find(key);
    if (map == nullptr) return {};
    const std::string path = section_.path(key);
    if (!map->is_map() || map->entries.size() > kTextsMax) {
        context_.problems.add(kType, map->at,
                              in_quotes(path) + " must be a map of " + std::string{key});
        return {};
    }
    Keys names;
    for (const auto& [name, value] : map->entries) names.optional.push_back(name->text);
    const Section section{context_, map, path, names};
    std::vector<auth::Parameter> texts;
    for (const auto& [name, value] : map->entries)
        texts.push_back({name->text, section.text(name->text, use).value_or("")});
    return texts;
}

}  // namespace syncline::config
