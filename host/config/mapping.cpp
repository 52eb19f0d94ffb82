#include "config/mapping.hpp"

#include <utility>

namespace syncline::config {
namespace {

constexpr std::size_t kFieldBytesMax = 256;

}  // namespace

std::optional<Located> read_expression(Context& context, const Node& node,
                                       const std::string& path) {
    constexpr std::string_view kBlank = " \t\r\n";
    if (!node.is_scalar()) {
        context.problems.add(kType, node.at, in_quotes(path) + " must be an expression",
                             "write one such as .user.id; the expression null needs quotes");
        return std::nullopt;
    }
    const auto text = context.variables.expand(node, SecretUse::kRefused);
    if (!text.has_value()) return std::nullopt;
    const std::size_t begin = text->find_first_not_of(kBlank);
    if (begin == std::string::npos) {
        context.problems.add(kValue, node.at, in_quotes(path) + " is empty",
                             "write an expression such as .user.id");
        return std::nullopt;
    }
    // What is visible starts at text_at, so blanks before it can't shift the positions in error
    // messages.
    const std::size_t end = text->find_last_not_of(kBlank) + 1;
    return Located{text->substr(begin, end - begin), node.text_at};
}

std::vector<Mapping> read_mappings(Context& context, const Node& node, const std::string& path) {
    std::vector<Mapping> mappings;
    if (!node.is_map() || node.entries.empty()) {
        context.problems.add(kType, node.at,
                             in_quotes(path) + " must be a map of fields to expressions",
                             "remove it to send records as they come");
        return mappings;
    }
    for (const auto& [field, expression] : node.entries) {
        const std::string field_path = path + "." + field->text;
        if (field->text.empty() || field->text.size() > kFieldBytesMax)
            context.problems.add(kValue, field->at,
                                 in_quotes(field_path) + " must name a field with 1 to 256 bytes");
        if (auto located = read_expression(context, *expression, field_path))
            mappings.push_back(Mapping{field->text, std::move(*located)});
    }
    return mappings;
}

}  // namespace syncline::config
