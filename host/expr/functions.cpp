#include "expr/functions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "expr/collections.hpp"
#include "expr/strings.hpp"
#include "expr/value_ops.hpp"

namespace syncline::expr {
namespace {

Flow negate_truth(const Call& call) { return call.give(!is_true(call.input)); }

Flow type(const Call& call) { return call.give(string_of(type_name(call.input))); }

template <double (*round)(double)>
Flow rounded(const Call& call) {
    if (!call.input.is_number()) return call.fail(describe(call.input) + " is not a number");
    if (!call.input.is_double()) return call.give_view(call.input);
    return call.give(round(call.input.get_double()));
}

double round_down(double number) { return std::floor(number); }
double round_up(double number) { return std::ceil(number); }
double round_half_away(double number) { return std::round(number); }

constexpr std::array<Function, 37> kFunctions{{
    {"add", 0, add_all},
    {"all", 0, all},
    {"any", 0, any},
    {"ascii_downcase", 0, ascii_downcase},
    {"ascii_upcase", 0, ascii_upcase},
    {"ceil", 0, rounded<round_up>},
    {"contains", 1, contains},
    {"endswith", 1, ends_with},
    {"explode", 0, explode},
    {"first", 0, first},
    {"floor", 0, rounded<round_down>},
    {"from_entries", 0, from_entries},
    {"fromjson", 0, from_json},
    {"has", 1, has},
    {"implode", 0, implode},
    {"join", 1, join},
    {"keys", 0, keys},
    {"keys_unsorted", 0, keys_unsorted},
    {"last", 0, last},
    {"length", 0, length},
    {"ltrimstr", 1, trim_prefix},
    {"max", 0, maximum},
    {"min", 0, minimum},
    {"not", 0, negate_truth},
    {"reverse", 0, reverse},
    {"round", 0, rounded<round_half_away>},
    {"rtrimstr", 1, trim_suffix},
    {"sort", 0, sort},
    {"split", 1, split_text},
    {"startswith", 1, starts_with},
    {"to_entries", 0, to_entries},
    {"tojson", 0, to_json},
    {"tonumber", 0, to_number},
    {"tostring", 0, to_string},
    {"type", 0, type},
    {"unique", 0, unique},
    {"utf8bytelength", 0, utf8_byte_length},
}};

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::optional<std::uint32_t> find_function(std::string_view name, std::size_t argument_count) {
    for (std::uint32_t i = 0; i < kFunctions.size(); ++i) {
        const auto& function = kFunctions[i];
        if (function.name == name && function.argument_count == argument_count) return i;
    }
    return std::nullopt;
}

std::uint32_t function_count() { return kFunctions.size(); }
const Function& function_at(std::uint32_t index) { return kFunctions[index]; }

std::string similar_function(std::string_view name) {
    constexpr std::size_t kNameBytesMax = 64;  // a longer name resembles none, and would cost time
    if (name.size() > kNameBytesMax) return {};
    std::size_t nearest_distance = 1 + name.size() / 3;
    const Function* nearest = nullptr;
    for (const auto& function : kFunctions) {
        auto distance = edit_distance(name, function.name);
        if (distance > nearest_distance || (nearest && distance == nearest_distance)) continue;
        nearest = &function;
        nearest_distance = distance;
    }
    if (nearest == nullptr) return {};
    return std::string{nearest->name} + "/" + std::to_string(nearest->argument_count);
}

}  // namespace syncline::expr
