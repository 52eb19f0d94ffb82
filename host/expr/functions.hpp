// The functions of the language and the binary operators that build values.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "expr/evaluator.hpp"

namespace syncline::expr {

// What a function sees. `argument` is null if it takes none.
struct Call {
    Evaluator& evaluator;
    const Node& node;
    const json::value& input;
    const json::value* argument;
    Cell& out;

    Flow fail(std::string what) const { return evaluator.fail(node, std::move(what)); }
    // Sets a result whose room is accounted for.
    Flow give(json::value value) const {
        out.own(std::move(value));
        return Flow::kValue;
    }
    // Sets a result that is the input or a part of it.
    Flow give_view(const json::value& value) const {
        out.borrow(value);
        return Flow::kValue;
    }
    bool spend_steps(std::size_t steps) const { return evaluator.spend_steps(node, steps); }
    bool spend_bytes(std::size_t bytes) const { return evaluator.spend_bytes(node, bytes); }
};

using FunctionBody = Flow (*)(const Call& call);

struct Function {
    std::string_view name;
    std::size_t argument_count;
    FunctionBody body;
};

// The position in the table, for function_at(). [any]
std::optional<std::uint32_t> find_function(std::string_view name, std::size_t argument_count);
std::uint32_t function_count();
const Function& function_at(std::uint32_t index);

// The function (`name/arguments`) whose name looks most like `name`; empty if none does. [any]
std::string similar_function(std::string_view name);

// `+ - * / %`. The operands may be consumed. [any]
Flow apply_arithmetic(Evaluator& evaluator, const Node& node, Cell& left, Cell& right, Cell& out);

}  // namespace syncline::expr
