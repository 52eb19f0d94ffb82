// One evaluation of a tree over one input.
//
// Values are borrowed as long as possible: a path points into the input, and is copied only where
// it becomes part of a new value or of the result.
// Concurrency: [any]; an evaluation belongs to one thread.
#pragma once

#include <boost/json/value.hpp>
#include <forward_list>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "expr/program.hpp"
#include "expr/tree.hpp"

namespace syncline::expr {

// What came of evaluating a node. kNone: no value, because `?` met an error; it spreads upward
// until an array leaves the element out, `//` takes its other side, or the program ends with null.
enum class [[nodiscard]] Flow : std::uint8_t { kValue, kNone, kError };

// A value that is either borrowed (from the input, the program or the run) or owned.
class Cell {
  public:
    const json::value& get() const { return borrowed_ != nullptr ? *borrowed_ : owned_; }
    bool is_owned() const { return borrowed_ == nullptr; }
    json::value& owned() { return owned_; }
    void borrow(const json::value& value) { borrowed_ = &value; }
    void own(json::value value) {
        owned_ = std::move(value);
        borrowed_ = nullptr;
    }

  private:
    const json::value* borrowed_ = nullptr;
    json::value owned_;
};

class Evaluator {
  public:
    Evaluator(const Tree& tree, const Limits& limits)
        : tree_(tree), steps_left_(limits.steps_max), bytes_left_(limits.result_bytes_max) {}

    Result<json::value> run(const json::value& input);

    // For operators and functions.
    Flow fail(const Node& node, std::string what);
    // False, with the error set, when a limit is reached.
    bool spend_steps(const Node& node, std::size_t steps);
    bool spend_bytes(const Node& node, std::size_t bytes);
    // Gives the value of `cell` away, copied if it is borrowed. False when that reaches a limit.
    bool take(const Node& node, Cell& cell, json::value& into);

  private:
    Flow evaluate(NodeId id, const json::value& input, Cell& out);
    Flow evaluate_path(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_slice(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_try(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_pipe(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_logic(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_binary(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_negate(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_if(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_array(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_object(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_text(const Node& node, const json::value& input, Cell& out);
    Flow evaluate_call(const Node& node, const json::value& input, Cell& out);
    Flow step_failed(const Node& node, std::string what);

    const Tree& tree_;
    std::size_t steps_left_;
    std::size_t bytes_left_;
    Error error_;
    std::forward_list<json::value> kept_;  // stages of pipes that later values may point into
};

}  // namespace syncline::expr
