#include "expr/known_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace syncline::expr {
namespace {

// Sorted; what `builtins` of jq 1.6 prints, and what 1.7 added.
constexpr auto kJqBuiltins = std::to_array<std::string_view>({
    "IN/1", "IN/2", "INDEX/1", "INDEX/2", "JOIN/2", "JOIN/3", "JOIN/4", "abs/0", "acos/0",
    "acosh/0", "add/0", "add/1", "all/0", "all/1", "all/2", "any/0", "any/1", "any/2", "arrays/0",
    "ascii/0", "ascii/1", "ascii_downcase/0", "ascii_upcase/0", "asin/0", "asinh/0", "atan/0",
    "atan2/2", "atanh/0", "booleans/0", "bsearch/1", "builtins/0", "capture/1", "capture/2",
    "cbrt/0", "ceil/0", "combinations/0", "combinations/1", "contains/1", "copysign/2", "cos/0",
    "cosh/0", "date/0", "dateadd/1", "dateadd/2", "datesub/2", "debug/0", "debug/1", "del/1",
    "delpaths/1", "drem/2", "empty/0", "endswith/1", "env/0", "erf/0", "erfc/0", "error/0",
    "error/1", "exp/0", "exp10/0", "exp2/0", "explode/0", "expm1/0", "fabs/0", "fdim/2",
    "finites/0", "first/0", "first/1", "flatten/0", "flatten/1", "floor/0", "fma/3", "fmax/2",
    "fmin/2", "fmod/2", "format/1", "frexp/0", "from_entries/0", "fromdate/0",
    "fromdateiso8601/0", "fromjson/0", "fromstream/1", "gamma/0", "get_jq_origin/0",
    "get_prog_origin/0", "get_search_list/0", "getpath/1", "gmtime/0", "group_by/1", "gsub/2",
    "gsub/3", "halt/0", "halt_error/0", "halt_error/1", "has/1", "have_decnum/0",
    "have_literal_numbers/0", "hypot/2", "implode/0", "in/1", "index/1", "indices/1",
    "infinite/0", "input/0", "input_filename/0", "input_line_number/0", "inputs/0", "inside/1",
    "isempty/1", "isfinite/0", "isinfinite/0", "isnan/0", "isnormal/0", "isvalid/1",
    "iterables/0", "j0/0", "j1/0", "jn/2", "join/1", "keys/0", "keys_unsorted/0", "last/0",
    "last/1", "ldexp/2", "leaf_paths/0", "length/0", "lgamma/0", "lgamma_r/0", "limit/2",
    "localtime/0", "log/0", "log10/0", "log1p/0", "log2/0", "logb/0", "ltrim/0", "ltrimstr/1",
    "map/1", "map_values/1", "match/1", "match/2", "max/0", "max_by/1", "min/0", "min_by/1",
    "mktime/0", "modf/0", "modulemeta/0", "nan/0", "nearbyint/0", "nextafter/2", "nexttoward/2",
    "normals/0", "not/0", "now/0", "nth/1", "nth/2", "nulls/0", "numbers/0", "objects/0",
    "path/1", "paths/0", "paths/1", "pick/1", "pow/2", "pow10/0", "range/1", "range/2", "range/3",
    "recurse/0", "recurse/1", "recurse/2", "recurse_down/0", "remainder/2", "repeat/1",
    "reverse/0", "rindex/1", "rint/0", "round/0", "rtrim/0", "rtrimstr/1", "scalars/0",
    "scalars_or_empty/0", "scalb/2", "scalbln/2", "scan/1", "select/1", "setpath/2",
    "significand/0", "sin/0", "sinh/0", "skip/2", "sort/0", "sort_by/1", "split/1", "split/2",
    "splits/0", "splits/1", "splits/2", "sqrt/0", "startswith/1", "stderr/0", "strflocaltime/1",
    "strftime/1", "strings/0", "strptime/1", "sub/2", "sub/3", "tan/0", "tanh/0", "test/1",
    "test/2", "tgamma/0", "to_entries/0", "toarray/0", "todate/0", "todate/1", "todateiso8601/0",
    "tojson/0", "tonumber/0", "tostream/0", "tostring/0", "transpose/0", "trim/0", "trimstr/1",
    "trunc/0", "truncate_stream/1", "type/0", "unique/0", "unique_by/1", "until/2",
    "utf8bytelength/0", "values/0", "walk/1", "while/2", "with_entries/1", "y0/0", "y1/0", "yn/2",
});
static_assert(std::is_sorted(kJqBuiltins.begin(), kJqBuiltins.end()));

constexpr auto kUnsupportedKeywords = std::to_array<std::string_view>(
    {"as", "catch", "def", "foreach", "import", "include", "label", "module", "reduce", "try"});

using Advice = std::pair<std::string_view, std::string_view>;
constexpr std::string_view kNoRegex =
    "there are no regular expressions: use startswith, endswith, contains or split";
constexpr std::string_view kNoTime =
    "an expression can't see the clock: use the time that the record carries";
constexpr std::string_view kNoIteration =
    "an expression yields one value: lists are taken whole, by index, or with add, any, all, join, "
    "sort, unique, min and max";
constexpr std::string_view kNoInput = "an expression sees its record alone";
constexpr auto kAdvice = std::to_array<Advice>({
    {"test", kNoRegex},
    {"match", kNoRegex},
    {"capture", kNoRegex},
    {"scan", kNoRegex},
    {"sub", kNoRegex},
    {"gsub", kNoRegex},
    {"splits", kNoRegex},
    {"split", kNoRegex},
    {"now", kNoTime},
    {"localtime", kNoTime},
    {"map", kNoIteration},
    {"map_values", kNoIteration},
    {"with_entries", kNoIteration},
    {"select", kNoIteration},
    {"empty", kNoIteration},
    {"range", kNoIteration},
    {"recurse", kNoIteration},
    {"limit", kNoIteration},
    {"reduce", kNoIteration},
    {"foreach", kNoIteration},
    {"first", kNoIteration},
    {"last", kNoIteration},
    {"any", kNoIteration},
    {"all", kNoIteration},
    {"env", kNoInput},
    {"input", kNoInput},
    {"inputs", kNoInput},
    {"try", "put `?` behind the part that may fail, and `// ...` for the value in its place"},
    {"as", "there are no variables: use a pipe"},
    {"trim", "use ltrimstr and rtrimstr"},
    {"ltrim", "use ltrimstr"},
    {"rtrim", "use rtrimstr"},
    {"inside", "use contains, with the two sides exchanged"},
    {"in", "use has, with the two sides exchanged"},
    {"index", "use contains or split"},
    {"indices", "use contains or split"},
    {"abs", "use length, which is the absolute value of a number"},
    {"fabs", "use length, which is the absolute value of a number"},
});

}  // namespace

std::span<const std::string_view> jq_builtins() { return kJqBuiltins; }

bool is_jq_builtin(std::string_view name, std::size_t argument_count) {
    auto full = std::string{name} + "/" + std::to_string(argument_count);
    return std::binary_search(kJqBuiltins.begin(), kJqBuiltins.end(), std::string_view{full});
}

bool is_unsupported_keyword(std::string_view name) {
    return std::find(kUnsupportedKeywords.begin(), kUnsupportedKeywords.end(), name) !=
           kUnsupportedKeywords.end();
}

std::string advice_for(std::string_view name) {
    for (const auto& [known, advice] : kAdvice) {
        if (known == name) return std::string{advice};
    }
    return {};
}

}  // namespace syncline::expr
