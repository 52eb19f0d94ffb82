// The generator leaves nothing of the language out: the comparison with libjq and the hostile runs
// are worth what it makes.
#include <algorithm>
#include <iostream>
#include <set>
#include <string>

#include "expr/errc.hpp"
#include "expr/functions.hpp"
#include "expr/known_names.hpp"
#include "expr/lexer.hpp"
#include "expr/parser.hpp"
#include "generator.hpp"

namespace {

using namespace syncline::expr;

constexpr std::uint64_t kExpressions = 20'000;
constexpr std::size_t kTimesMin = 20;  // something seen once is compared by chance

bool has_failed = false;

void require(bool holds, const std::string& what) {
    if (holds) return;
    has_failed = true;
    std::cout << "MISSING  " << what << "\n";
}

struct Seen {
    std::vector<std::size_t> ops = std::vector<std::size_t>(static_cast<int>(Op::kCall) + 1);
    std::vector<std::size_t> functions = std::vector<std::size_t>(function_count());
    std::size_t optional_steps = 0;
    std::size_t comments = 0;
    std::size_t elifs = 0;
    std::size_t refused = 0;
};

Seen generate() {
    Seen seen;
    for (std::uint64_t seed = 1; seed <= kExpressions; ++seed) {
        syncline::fuzz::Generator generator{seed};
        const auto source = generator.expression(1 + static_cast<int>(generator.below(4)));
        auto tree = parse(source, {});
        if (!tree) {
            ++seen.refused;
            require(tree.error().is(kSyntax), "the language has: " + source);
            continue;
        }
        seen.comments += source.find(" # ") != std::string::npos;
        seen.elifs += source.find(" elif ") != std::string::npos;
        for (const Node& node : tree->nodes) {
            ++seen.ops[static_cast<std::size_t>(node.op)];
            seen.optional_steps += node.optional;
            if (node.op == Op::kCall) ++seen.functions[node.function];
        }
    }
    return seen;
}

// `name/2` as a call.
std::string call_of(std::string_view full) {
    const auto slash = full.find('/');
    std::string call{full.substr(0, slash)};
    const int arguments = full[slash + 1] - '0';
    for (int i = 0; i < arguments; ++i) call += i == 0 ? "(." : "; .";
    return call + (arguments > 0 ? ")" : "");
}

// A name that jq knows is a function of the language, which the generator makes, or refused by
// name.
void check_known_names(const Seen& seen) {
    std::size_t of_language = 0;
    for (const std::string_view full : jq_builtins()) {
        const auto slash = full.find('/');
        const auto function =
            find_function(full.substr(0, slash), static_cast<std::size_t>(full[slash + 1] - '0'));
        if (function) {
            ++of_language;
            require(seen.functions[*function] >= kTimesMin,
                    "the generator makes the function " + std::string{full});
        } else {
            auto tree = parse(call_of(full), {});
            require(!tree && tree.error().is(kUnsupported),
                    "a refusal by name of " + std::string{full});
        }
    }
    require(of_language == function_count(), "a function of the language is not one of jq's");
}

}  // namespace

int main() {
    const Seen seen = generate();
    for (std::size_t op = 0; op < seen.ops.size(); ++op) {
        require(seen.ops[op] >= kTimesMin, "the generator makes the node " + std::to_string(op));
    }
    require(seen.optional_steps >= kTimesMin, "`?` behind a path step");
    require(seen.comments >= kTimesMin, "comments");
    require(seen.elifs >= kTimesMin, "elif");
    // A comparison of a comparison, which jq refuses, too.
    require(seen.refused < kExpressions / 4, "most expressions compile");
    check_known_names(seen);
    std::cout << kExpressions << " expressions: " << seen.ops.size() << " kinds of node, "
              << seen.functions.size() << " functions, each at least "
              << std::min(*std::min_element(seen.ops.begin(), seen.ops.end()),
                          *std::min_element(seen.functions.begin(), seen.functions.end()))
              << " times\n";
    return has_failed ? 1 : 0;
}
