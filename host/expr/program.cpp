#include "expr/program.hpp"

#include <algorithm>
#include <utility>

#include "expr/evaluator.hpp"
#include "expr/parser.hpp"
#include "expr/tree.hpp"
#include "expr/value_ops.hpp"

namespace syncline::expr {

std::string Tree::where(std::size_t position) const {
    auto before = std::string_view{source}.substr(0, position);
    auto line = origin.line + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    auto line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    auto column = origin.column + static_cast<int>(count_codepoints(before.substr(line_begin)));
    auto place = std::to_string(line) + ":" + std::to_string(column);
    return origin.file.empty() ? place : origin.file + ":" + place;
}

Limits Limits::for_input(std::size_t bytes) {
    constexpr std::size_t kWeightOfText = 16;  // values weigh up to so many times their text
    Limits limits;
    limits.steps_max += bytes;
    limits.result_bytes_max += 2 * kWeightOfText * bytes;
    return limits;
}

Result<Program> Program::compile(std::string_view source, const Origin& origin) {
    SYNCLINE_TRY(auto tree, parse(source, origin));
    return Program{std::make_unique<const Tree>(std::move(tree))};
}

Program::Program(std::unique_ptr<const Tree> tree) : tree_(std::move(tree)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Result<boost::json::value> Program::run(const boost::json::value& input, Limits limits) const {
    return Evaluator{*tree_, limits}.run(input);
}

bool Program::is_true(const boost::json::value& value) {
    return expr::is_true(value);
}

}  // namespace syncline::expr
