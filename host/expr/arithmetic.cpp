// The binary operators that build values.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <algorithm>
#include <cmath>

#include "expr/functions.hpp"
#include "expr/strings.hpp"
#include "expr/value_ops.hpp"

namespace syncline::expr {
namespace {

struct Operands {
    Evaluator& evaluator;
    const Node& node;
    Cell& left;
    Cell& right;
    Cell& out;

    Flow refuse(std::string_view what) const {
        return evaluator.fail(node, describe(left.get()) + " and " + describe(right.get()) + " " +
                                        std::string{what});
    }
    Flow give(json::value value) const {
        out.own(std::move(value));
        return Flow::kValue;
    }
};

bool both_numbers(const Operands& of) {
    return of.left.get().is_number() && of.right.get().is_number();
}
bool both_objects(const Operands& of) {
    return of.left.get().is_object() && of.right.get().is_object();
}

Flow give_cell(const Operands& of, Cell& cell) {
    if (cell.is_owned()) return of.give(std::move(cell.owned()));
    of.out.borrow(cell.get());
    return Flow::kValue;
}

Flow add(const Operands& of) {
    const auto& a = of.left.get();
    const auto& b = of.right.get();
    if (a.is_null()) return give_cell(of, of.right);
    if (b.is_null()) return give_cell(of, of.left);
    if (both_numbers(of)) return of.give(add_numbers(a, b));
    bool fits = (a.is_string() && b.is_string()) || (a.is_array() && b.is_array()) ||
                both_objects(of);
    if (!fits) return of.refuse("cannot be added");

    json::value sum;
    json::value rest;
    if (!of.evaluator.take(of.node, of.left, sum)) return Flow::kError;
    if (!of.evaluator.take(of.node, of.right, rest)) return Flow::kError;
    if (auto* text = sum.if_string()) {
        text->append(rest.get_string());
    } else if (auto* array = sum.if_array()) {
        for (auto& element : rest.get_array()) array->push_back(std::move(element));
    } else {
        for (auto& member : rest.get_object()) {
            sum.get_object().insert_or_assign(member.key(), std::move(member.value()));
        }
    }
    return of.give(std::move(sum));
}

Flow subtract(const Operands& of) {
    const auto& a = of.left.get();
    const auto& b = of.right.get();
    if (both_numbers(of)) return of.give(subtract_numbers(a, b));
    if (!a.is_array() || !b.is_array()) return of.refuse("cannot be subtracted");
    json::array rest;
    for (const auto& element : a.get_array()) {
        bool is_removed = false;
        for (const auto& removed : b.get_array()) {
            if (!of.evaluator.spend_steps(of.node, 1)) return Flow::kError;
            is_removed = is_removed || compare(element, removed) == 0;
        }
        if (is_removed) continue;
        if (!of.evaluator.spend_bytes(of.node, weight(element))) return Flow::kError;
        rest.push_back(element);
    }
    return of.give(std::move(rest));
}

// As jq 1.6: `text * n` is null for n <= 0, the text itself up to 1, and beyond that the fraction
// is cut off.
Flow repeat(const Operands& of, const json::string& text, double count) {
    constexpr double kEnough = 1e15;  // bytes, beyond any limit
    if (count <= 0) return of.give(nullptr);
    double times = std::max(1.0, std::floor(std::min(count, kEnough)));
    auto bytes = static_cast<std::size_t>(
        std::min(times * static_cast<double>(text.size()), kEnough));
    if (!of.evaluator.spend_bytes(of.node, bytes)) return Flow::kError;
    json::string result;
    result.reserve(bytes);
    while (result.size() < bytes) result.append(text);
    return of.give(std::move(result));
}

void merge(json::object& into, json::object& from) {
    for (auto& member : from) {
        auto* present = into.if_contains(member.key());
        if (present != nullptr && present->is_object() && member.value().is_object()) {
            merge(present->get_object(), member.value().get_object());
        } else {
            into.insert_or_assign(member.key(), std::move(member.value()));
        }
    }
}

Flow multiply(const Operands& of) {
    const auto& a = of.left.get();
    const auto& b = of.right.get();
    if (both_numbers(of)) return of.give(multiply_numbers(a, b));
    if (a.is_string() && b.is_number()) return repeat(of, a.get_string(), to_double(b));
    if (a.is_number() && b.is_string()) return repeat(of, b.get_string(), to_double(a));
    if (!both_objects(of)) return of.refuse("cannot be multiplied");
    json::value merged;
    json::value rest;
    if (!of.evaluator.take(of.node, of.left, merged)) return Flow::kError;
    if (!of.evaluator.take(of.node, of.right, rest)) return Flow::kError;
    merge(merged.get_object(), rest.get_object());
    return of.give(std::move(merged));
}

Flow divide(const Operands& of) {
    const auto& a = of.left.get();
    const auto& b = of.right.get();
    if (a.is_string() && b.is_string()) {
        Call call{of.evaluator, of.node, a, &b, of.out};
        return split_text(call);
    }
    if (!both_numbers(of)) return of.refuse("cannot be divided");
    if (is_zero(b)) return of.refuse("cannot be divided because the divisor is zero");
    return of.give(divide_numbers(a, b));
}

Flow remainder(const Operands& of) {
    if (!both_numbers(of)) return of.refuse("cannot be divided");
    auto result = remainder_of_numbers(of.left.get(), of.right.get());
    if (!result) return of.refuse("cannot be divided because the divisor is zero");
    return of.give(std::move(*result));
}

}  // namespace

Flow apply_arithmetic(Evaluator& evaluator, const Node& node, Cell& left, Cell& right, Cell& out) {
    Operands of{evaluator, node, left, right, out};
    switch (node.op) {
        case Op::kAdd: return add(of);
        case Op::kSubtract: return subtract(of);
        case Op::kMultiply: return multiply(of);
        case Op::kDivide: return divide(of);
        default: return remainder(of);
    }
}

}  // namespace syncline::expr
