// The compiled form of an expression: nodes in one vector, children by index, written once by the
// parser.
// Concurrency: [any]; immutable once parsed.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "expr/program.hpp"

namespace syncline::expr {

namespace json = boost::json;

using NodeId = std::uint32_t;

inline constexpr std::size_t kSourceBytesMax = 64 * 1024;
// Of nested brackets and of operators under operators. A pipe counts the sum of its stages, so that
// this also bounds how much deeper than its input a result can be: each level of the tree adds at
// most one level of JSON.
inline constexpr std::uint32_t kDepthMax = 256;

// Children in brackets.
enum class Op : std::uint8_t {
    kIdentity,     // .
    kConstant,     // constants[constant]
    kField,        // [base] . constants[constant]
    kIndex,        // [base, key]
    kSliceFrom,    // [base, begin]
    kSliceTo,      // [base, end]
    kSlice,        // [base, begin, end]
    kTry,          // [body]
    kPipe,         // [stage...]
    kAlternative,  // [left, right]
    kAnd,
    kOr,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kRemainder,
    kNegate,  // [operand]
    kIf,      // [condition, then, else]
    kArray,   // [element...]
    kObject,  // [key, value, key, value...]
    kText,    // [part...], interpolation
    kCall,    // [argument], functions()[function]
};

struct Node {
    Op op = Op::kIdentity;
    bool optional = false;       // a `?` directly behind a path step: its failure gives no value
    std::uint32_t depth = 1;     // of the tree under the node
    std::uint32_t position = 0;  // byte offset of its token in the source
    std::uint32_t first = 0;     // children[first .. first + count)
    std::uint32_t count = 0;
    std::uint32_t constant = 0;
    std::uint32_t function = 0;
};

struct Tree {
    std::string source;
    Origin origin;
    std::vector<Node> nodes;
    std::vector<NodeId> children;
    std::vector<json::value> constants;
    NodeId root = 0;

    NodeId child(const Node& node, std::uint32_t index) const {
        return children[node.first + index];
    }

    // `file:line:column` of a byte offset. Lines after the first begin at the same column as the
    // first: so they do in a YAML block, whose lines share one indentation.
    std::string where(std::size_t position) const;
};

}  // namespace syncline::expr
