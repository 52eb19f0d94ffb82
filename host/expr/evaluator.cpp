#include "expr/evaluator.hpp"

#include <boost/container/small_vector.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "expr/errc.hpp"
#include "expr/functions.hpp"
#include "expr/value_ops.hpp"
#include "record/json.hpp"

namespace syncline::expr {
namespace {

const json::value kNullValue;

// The element of an array, counted from the end where negative; null outside and for fractions, as
// in jq 1.6.
const json::value* element_at(const json::array& array, const json::value& index) {
    double position = to_double(index);
    double whole = std::trunc(position);
    if (std::fabs(position - whole) >= DBL_EPSILON) return nullptr;
    if (whole < 0) whole += static_cast<double>(array.size());
    if (whole < 0 || whole >= static_cast<double>(array.size())) return nullptr;
    return &array[static_cast<std::size_t>(whole)];
}

// What null answers with null; an object stands for a slice.
bool is_null_index(const json::value& key) {
    return key.is_string() || key.is_number() || key.is_object();
}

struct Bounds {
    std::size_t begin;
    std::size_t end;
};

// jq's rounding: a fractional begin goes down, a fractional end goes up.
Bounds slice_bounds(const json::value& begin, const json::value& end, std::size_t size) {
    auto length = static_cast<double>(size);
    auto resolve = [&](const json::value& bound, double missing) {
        double value = bound.is_null() ? missing : to_double(bound);
        if (value < 0) value += length;
        return std::clamp(value, 0.0, length);
    };
    double from = resolve(begin, 0);
    double to = std::max(resolve(end, length), from);
    return {static_cast<std::size_t>(from), static_cast<std::size_t>(std::ceil(to))};
}

bool is_bound(const json::value& value) { return value.is_null() || value.is_number(); }

}  // namespace

Result<json::value> Evaluator::run(const json::value& input) {
    Cell cell;
    switch (evaluate(tree_.root, input, cell)) {
        case Flow::kError: return std::move(error_);
        case Flow::kNone: return json::value{};
        case Flow::kValue: break;
    }
    const auto& root = tree_.nodes[tree_.root];
    json::value result;
    if (!take(root, cell, result)) return std::move(error_);
    auto depth_max = record::JsonLimits{}.depth_max;
    if (nesting(result, depth_max) > depth_max) {
        return Error{kLimit, "the result is nested deeper than " + std::to_string(depth_max) +
                                 " levels"}
            .at(tree_.where(root.position));
    }
    return result;
}

Flow Evaluator::fail(const Node& node, std::string what) {
    error_ = Error{kType, std::move(what)}.at(tree_.where(node.position));
    return Flow::kError;
}

bool Evaluator::spend_steps(const Node& node, std::size_t steps) {
    if (steps <= steps_left_) {
        steps_left_ -= steps;
        return true;
    }
    steps_left_ = 0;
    error_ = Error{kLimit, "the expression takes too many steps"}.at(tree_.where(node.position));
    return false;
}

bool Evaluator::spend_bytes(const Node& node, std::size_t bytes) {
    if (bytes <= bytes_left_) {
        bytes_left_ -= bytes;
        return true;
    }
    bytes_left_ = 0;
    error_ = Error{kLimit, "the expression builds too large a value"}.at(
        tree_.where(node.position));
    return false;
}

bool Evaluator::take(const Node& node, Cell& cell, json::value& into) {
    if (cell.is_owned()) {
        into = std::move(cell.owned());
        return true;
    }
    if (!spend_bytes(node, weight(cell.get()))) return false;
    into = cell.get();
    return true;
}

Flow Evaluator::evaluate(NodeId id, const json::value& input, Cell& out) {
    const auto& node = tree_.nodes[id];
    if (!spend_steps(node, 1)) return Flow::kError;
    switch (node.op) {
        case Op::kIdentity: out.borrow(input); return Flow::kValue;
        case Op::kConstant: out.borrow(tree_.constants[node.constant]); return Flow::kValue;
        case Op::kField:
        case Op::kIndex: return evaluate_path(node, input, out);
        case Op::kSliceFrom:
        case Op::kSliceTo:
        case Op::kSlice: return evaluate_slice(node, input, out);
        case Op::kTry: return evaluate_try(node, input, out);
        case Op::kPipe: return evaluate_pipe(node, input, out);
        case Op::kAlternative:
        case Op::kAnd:
        case Op::kOr: return evaluate_logic(node, input, out);
        case Op::kEqual:
        case Op::kNotEqual:
        case Op::kLess:
        case Op::kLessEqual:
        case Op::kGreater:
        case Op::kGreaterEqual:
        case Op::kAdd:
        case Op::kSubtract:
        case Op::kMultiply:
        case Op::kDivide:
        case Op::kRemainder: return evaluate_binary(node, input, out);
        case Op::kNegate: return evaluate_negate(node, input, out);
        case Op::kIf: return evaluate_if(node, input, out);
        case Op::kArray: return evaluate_array(node, input, out);
        case Op::kObject: return evaluate_object(node, input, out);
        case Op::kText: return evaluate_text(node, input, out);
        case Op::kCall: return evaluate_call(node, input, out);
    }
    return Flow::kNone;
}

// The failure of a path step: no value where it has a `?`.
Flow Evaluator::step_failed(const Node& node, std::string what) {
    return node.optional ? Flow::kNone : fail(node, std::move(what));
}

// The key is evaluated on the input of the whole path, before the base, as in jq.
Flow Evaluator::evaluate_path(const Node& node, const json::value& input, Cell& out) {
    Cell key;
    if (node.op == Op::kField) {
        key.borrow(tree_.constants[node.constant]);
    } else if (auto flow = evaluate(tree_.child(node, 1), input, key); flow != Flow::kValue) {
        return flow;
    }
    Cell base;
    if (auto flow = evaluate(tree_.child(node, 0), input, base); flow != Flow::kValue) return flow;

    const json::value* found = nullptr;
    const auto& container = base.get();
    const auto* name = key.get().if_string();
    if (const auto* object = container.if_object(); object != nullptr && name != nullptr) {
        found = object->if_contains(*name);
    } else if (const auto* array = container.if_array(); array && key.get().is_number()) {
        found = element_at(*array, key.get());
    } else if (!container.is_null() || !is_null_index(key.get())) {
        auto what = "cannot index " + std::string{type_name(container)} + " with ";
        what += name != nullptr ? describe(key.get()) : std::string{type_name(key.get())};
        return step_failed(node, std::move(what));
    }
    if (found == nullptr) {
        out.borrow(kNullValue);
    } else if (base.is_owned()) {
        out.own(std::move(const_cast<json::value&>(*found)));  // part of `base`, which ends here
    } else {
        out.borrow(*found);
    }
    return Flow::kValue;
}

Flow Evaluator::evaluate_slice(const Node& node, const json::value& input, Cell& out) {
    Cell begin;
    Cell end;
    Cell base;
    begin.borrow(kNullValue);
    end.borrow(kNullValue);
    if (node.op != Op::kSliceTo) {
        auto flow = evaluate(tree_.child(node, 1), input, begin);
        if (flow != Flow::kValue) return flow;
    }
    if (node.op != Op::kSliceFrom) {
        auto flow = evaluate(tree_.child(node, node.count - 1), input, end);
        if (flow != Flow::kValue) return flow;
    }
    if (auto flow = evaluate(tree_.child(node, 0), input, base); flow != Flow::kValue) return flow;

    const auto& whole = base.get();
    if (whole.is_null()) {
        out.borrow(kNullValue);
        return Flow::kValue;
    }
    if (!whole.is_string() && !whole.is_array()) {
        return step_failed(node, "cannot take a slice of " + std::string{type_name(whole)});
    }
    if (!is_bound(begin.get()) || !is_bound(end.get())) {
        return step_failed(node, "the begin and end of a slice must be numbers");
    }
    if (const auto* text = whole.if_string()) {
        auto bounds = slice_bounds(begin.get(), end.get(), count_codepoints(view_of(*text)));
        auto part = slice_codepoints(view_of(*text), bounds.begin, bounds.end);
        if (!spend_bytes(node, part.size())) return Flow::kError;
        out.own(string_of(part));
        return Flow::kValue;
    }
    const auto& array = whole.get_array();
    auto bounds = slice_bounds(begin.get(), end.get(), array.size());
    json::array part;
    part.reserve(bounds.end - bounds.begin);
    for (auto i = bounds.begin; i < bounds.end; ++i) {
        if (!spend_steps(node, 1) || !spend_bytes(node, weight(array[i]))) return Flow::kError;
        part.push_back(array[i]);
    }
    out.own(std::move(part));
    return Flow::kValue;
}

Flow Evaluator::evaluate_try(const Node& node, const json::value& input, Cell& out) {
    auto flow = evaluate(tree_.child(node, 0), input, out);
    return flow == Flow::kError && error_.is(kType) ? Flow::kNone : flow;
}

Flow Evaluator::evaluate_pipe(const Node& node, const json::value& input, Cell& out) {
    const json::value* current = &input;
    for (std::uint32_t i = 0; i + 1 < node.count; ++i) {
        Cell stage;
        auto flow = evaluate(tree_.child(node, i), *current, stage);
        if (flow != Flow::kValue) return flow;
        if (stage.is_owned()) {
            kept_.push_front(std::move(stage.owned()));
            current = &kept_.front();
        } else {
            current = &stage.get();
        }
    }
    return evaluate(tree_.child(node, node.count - 1), *current, out);
}

Flow Evaluator::evaluate_logic(const Node& node, const json::value& input, Cell& out) {
    auto flow = evaluate(tree_.child(node, 0), input, out);
    if (flow == Flow::kError) return flow;
    bool left = flow == Flow::kValue && is_true(out.get());
    if (node.op == Op::kAlternative) {
        return left ? flow : evaluate(tree_.child(node, 1), input, out);
    }
    if (flow == Flow::kNone) return flow;
    bool is_decided = left == (node.op == Op::kOr);
    if (!is_decided) {
        flow = evaluate(tree_.child(node, 1), input, out);
        if (flow != Flow::kValue) return flow;
    }
    out.own(is_decided ? left : is_true(out.get()));
    return Flow::kValue;
}

// The right side first, as jq does: it decides which of two errors is reported.
Flow Evaluator::evaluate_binary(const Node& node, const json::value& input, Cell& out) {
    Cell left;
    Cell right;
    if (auto flow = evaluate(tree_.child(node, 1), input, right); flow != Flow::kValue) return flow;
    if (auto flow = evaluate(tree_.child(node, 0), input, left); flow != Flow::kValue) return flow;
    if (node.op >= Op::kAdd) return apply_arithmetic(*this, node, left, right, out);
    int order = compare(left.get(), right.get());
    bool result = false;
    switch (node.op) {
        case Op::kEqual: result = order == 0; break;
        case Op::kNotEqual: result = order != 0; break;
        case Op::kLess: result = order < 0; break;
        case Op::kLessEqual: result = order <= 0; break;
        case Op::kGreater: result = order > 0; break;
        default: result = order >= 0; break;
    }
    out.own(result);
    return Flow::kValue;
}

Flow Evaluator::evaluate_negate(const Node& node, const json::value& input, Cell& out) {
    Cell operand;
    auto flow = evaluate(tree_.child(node, 0), input, operand);
    if (flow != Flow::kValue) return flow;
    if (!operand.get().is_number()) {
        return fail(node, describe(operand.get()) + " cannot be negated");
    }
    out.own(negate_number(operand.get()));
    return Flow::kValue;
}

Flow Evaluator::evaluate_if(const Node& node, const json::value& input, Cell& out) {
    Cell condition;
    auto flow = evaluate(tree_.child(node, 0), input, condition);
    if (flow != Flow::kValue) return flow;
    return evaluate(tree_.child(node, is_true(condition.get()) ? 1 : 2), input, out);
}

Flow Evaluator::evaluate_array(const Node& node, const json::value& input, Cell& out) {
    if (!spend_bytes(node, node.count * sizeof(json::value))) return Flow::kError;
    json::array array;
    array.reserve(node.count);
    for (std::uint32_t i = 0; i < node.count; ++i) {
        Cell cell;
        auto flow = evaluate(tree_.child(node, i), input, cell);
        if (flow == Flow::kError) return flow;
        if (flow == Flow::kNone) continue;
        json::value element;
        if (!take(node, cell, element)) return Flow::kError;
        array.push_back(std::move(element));
    }
    out.own(std::move(array));
    return Flow::kValue;
}

Flow Evaluator::evaluate_object(const Node& node, const json::value& input, Cell& out) {
    json::object object;
    object.reserve(node.count / 2);
    for (std::uint32_t i = 0; i < node.count; i += 2) {
        Cell key;
        Cell cell;
        auto flow = evaluate(tree_.child(node, i), input, key);
        if (flow != Flow::kValue) return flow;
        flow = evaluate(tree_.child(node, i + 1), input, cell);
        if (flow != Flow::kValue) return flow;
        const auto* name = key.get().if_string();
        if (name == nullptr) {
            return fail(tree_.nodes[tree_.child(node, i)],
                        "cannot use " + describe(key.get()) + " as the name of a member");
        }
        json::value value;
        if (!spend_bytes(node, name->size() + sizeof(json::key_value_pair))) return Flow::kError;
        if (!take(node, cell, value)) return Flow::kError;
        object.insert_or_assign(*name, std::move(value));
    }
    out.own(std::move(object));
    return Flow::kValue;
}

// Parts are evaluated from the last to the first, as jq does, and joined in their order.
Flow Evaluator::evaluate_text(const Node& node, const json::value& input, Cell& out) {
    boost::container::small_vector<Cell, 8> parts(node.count);
    std::size_t size = 0;
    for (std::uint32_t i = node.count; i-- > 0;) {
        auto flow = evaluate(tree_.child(node, i), input, parts[i]);
        if (flow != Flow::kValue) return flow;
        const auto& value = parts[i].get();
        if (!value.is_string()) parts[i].own(string_of(record::write_json(value)));
        size += parts[i].get().get_string().size();
    }
    if (!spend_bytes(node, size)) return Flow::kError;
    json::string text;
    text.reserve(size);
    for (const auto& part : parts) text.append(part.get().get_string());
    out.own(std::move(text));
    return Flow::kValue;
}

Flow Evaluator::evaluate_call(const Node& node, const json::value& input, Cell& out) {
    Cell argument;
    if (node.count > 0) {
        auto flow = evaluate(tree_.child(node, 0), input, argument);
        if (flow != Flow::kValue) return flow;
    }
    Call call{*this, node, input, node.count > 0 ? &argument.get() : nullptr, out};
    return function_at(node.function).body(call);
}

}  // namespace syncline::expr
