// Recursive descent over the grammar of jq 1.6, with its precedences.
#include "expr/parser.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <utility>

#include "expr/errc.hpp"
#include "expr/functions.hpp"
#include "expr/known_names.hpp"
#include "expr/lexer.hpp"
#include "expr/value_ops.hpp"
#include "record/json.hpp"

namespace syncline::expr {
namespace {

enum class Side : std::uint8_t { kLeft, kRight, kNone };

struct Operator {
    std::string_view symbol;
    int level;
    Side side;
    Op op;
};

constexpr int kLowestLevel = 1;
constexpr int kProductLevel = 6;
constexpr std::array<Operator, 14> kOperators{{
    {"//", 1, Side::kRight, Op::kAlternative},
    {"or", 2, Side::kLeft, Op::kOr},
    {"and", 3, Side::kLeft, Op::kAnd},
    {"==", 4, Side::kNone, Op::kEqual},
    {"!=", 4, Side::kNone, Op::kNotEqual},
    {"<", 4, Side::kNone, Op::kLess},
    {"<=", 4, Side::kNone, Op::kLessEqual},
    {">", 4, Side::kNone, Op::kGreater},
    {">=", 4, Side::kNone, Op::kGreaterEqual},
    {"+", 5, Side::kLeft, Op::kAdd},
    {"-", 5, Side::kLeft, Op::kSubtract},
    {"*", kProductLevel, Side::kLeft, Op::kMultiply},
    {"/", kProductLevel, Side::kLeft, Op::kDivide},
    {"%", kProductLevel, Side::kLeft, Op::kRemainder},
}};

constexpr std::array<std::string_view, 7> kReserved{"if",  "then", "elif", "else",
                                                    "end", "and",  "or"};

bool is_reserved(std::string_view name) {
    return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end() ||
           is_unsupported_keyword(name);
}

class Parser {
  public:
    Parser(std::string_view source, const Origin& origin) {
        tree_.source = source;
        tree_.origin = origin;
        advance(0);
    }

    Result<Tree> run() {
        SYNCLINE_TRY(tree_.root, parse_pipe());
        if (token_.kind != TokenKind::kEnd) return unexpected("an operator or the end");
        for (const auto& node : tree_.nodes) {
            if (node.depth > kDepthMax) return too_deep(node.position);
        }
        return std::move(tree_);
    }

  private:
    using Parsed = Result<NodeId>;

    // Counts the recursion of parse_binary() and parse_object_value(): all other recursion passes
    // through these two.
    struct Nesting {
        explicit Nesting(std::uint32_t& depth) : depth_(depth) { ++depth_; }
        ~Nesting() { --depth_; }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;
        std::uint32_t& depth_;
    };

    void advance() { advance(token_.end()); }
    void advance(std::size_t position) { token_ = next_token(tree_.source, position); }
    bool accept(std::string_view symbol) {
        if (!token_.is_symbol(symbol)) return false;
        advance();
        return true;
    }
    bool accept_name(std::string_view name) {
        if (!token_.is_name(name)) return false;
        advance();
        return true;
    }

    NodeId add(Op op, std::size_t position, std::initializer_list<NodeId> children) {
        return add(op, position, children.begin(), children.size());
    }
    NodeId add(Op op, std::size_t position, const std::vector<NodeId>& children) {
        return add(op, position, children.data(), children.size());
    }
    NodeId add(Op op, std::size_t position, const NodeId* children, std::size_t count) {
        Node node;
        node.op = op;
        node.position = static_cast<std::uint32_t>(position);
        node.first = static_cast<std::uint32_t>(tree_.children.size());
        node.count = static_cast<std::uint32_t>(count);
        std::uint32_t deepest = 0;
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            auto depth = tree_.nodes[children[i]].depth;
            deepest = std::max(deepest, depth);
            sum += depth;
            tree_.children.push_back(children[i]);
        }
        node.depth = (op == Op::kPipe ? sum : deepest) + 1;
        tree_.nodes.push_back(node);
        return static_cast<NodeId>(tree_.nodes.size() - 1);
    }
    NodeId add_constant(std::size_t position, json::value value) {
        auto id = add(Op::kConstant, position, {});
        tree_.nodes[id].constant = static_cast<std::uint32_t>(tree_.constants.size());
        tree_.constants.push_back(std::move(value));
        return id;
    }
    // A path step with a name known now, `.a`, `."a"` and `.["a"]`, looks it up without evaluating
    // a key.
    NodeId add_index(std::size_t position, NodeId base, NodeId key) {
        auto constant = tree_.nodes[key].constant;
        if (tree_.nodes[key].op != Op::kConstant || !tree_.constants[constant].is_string()) {
            return add(Op::kIndex, position, {base, key});
        }
        auto id = add(Op::kField, position, {base});
        tree_.nodes[id].constant = constant;
        return id;
    }

    Error error(const core::ErrorCode& code, std::size_t position, std::string what) const {
        return Error{code, std::move(what)}.at(tree_.where(position));
    }
    Error too_deep(std::size_t position) const {
        return error(kTooDeep, position,
                     "nested deeper than " + std::to_string(kDepthMax) + " levels");
    }
    Error unsupported(const Token& token, std::string advice) const {
        auto what = "`" + std::string{token.text} + "` is outside the expression language";
        if (advice.empty()) return error(kUnsupported, token.begin, std::move(what));
        return Error{kUnsupported, std::move(what), std::move(advice)}.at(
            tree_.where(token.begin));
    }
    Error unexpected(std::string_view wanted) const;

    Result<void> expect(std::string_view symbol) {
        if (!accept(symbol)) return unexpected("`" + std::string{symbol} + "`");
        return {};
    }
    Result<void> expect_name(std::string_view name) {
        if (!accept_name(name)) return unexpected("`" + std::string{name} + "`");
        return {};
    }

    Parsed parse_pipe();
    Parsed parse_binary(int level);
    Parsed parse_prefix();
    Parsed parse_if();
    Parsed parse_term();
    Parsed parse_primary();
    Parsed parse_bracket(NodeId base);
    Parsed parse_dot_string(NodeId base);
    Parsed parse_array();
    Parsed parse_object();
    Parsed parse_object_key(std::optional<NodeId>& shorthand);
    Parsed parse_object_value();
    Parsed parse_call();
    Parsed parse_number();
    Parsed parse_string();
    Result<std::size_t> parse_string_text(std::size_t begin, std::string& json_text) const;

    const Operator* current_operator() const {
        if (token_.kind != TokenKind::kSymbol && token_.kind != TokenKind::kName) return nullptr;
        for (const auto& candidate : kOperators) {
            if (candidate.symbol == token_.text) return &candidate;
        }
        return nullptr;
    }

    Tree tree_;
    Token token_;
    std::uint32_t nesting_ = 0;
};

// The error for a token that does not fit here; what jq would accept is refused by name.
Error Parser::unexpected(std::string_view wanted) const {
    static constexpr std::array<std::string_view, 8> kAssignments{"=",  "|=", "+=", "-=",
                                                                  "*=", "/=", "%=", "//="};
    if (token_.kind == TokenKind::kSymbol) {
        if (token_.text == ",") {
            return unsupported(token_, "an expression yields one value: use an array, `[a, b]`");
        }
        if (token_.text == "..") return unsupported(token_, advice_for("recurse"));
        if (token_.text == "?//") {
            return unsupported(token_, "write `? //`, with a space");
        }
        if (std::find(kAssignments.begin(), kAssignments.end(), token_.text) !=
            kAssignments.end()) {
            return unsupported(token_, "to change a field, add an object: `. + {name: value}`");
        }
    }
    if (token_.kind == TokenKind::kVariable) {
        return unsupported(token_, "there are no variables: use a pipe");
    }
    if (token_.kind == TokenKind::kFormat) return unsupported(token_, "");
    if (token_.kind == TokenKind::kName && is_unsupported_keyword(token_.text)) {
        return unsupported(token_, advice_for(token_.text));
    }
    auto found = token_.kind == TokenKind::kEnd ? std::string{"the expression ends"}
                                                : "found `" + std::string{token_.text} + "`";
    return error(kSyntax, token_.begin, found + " where " + std::string{wanted} + " is expected");
}

Parser::Parsed Parser::parse_pipe() {
    auto position = token_.begin;
    std::vector<NodeId> stages;
    do {
        SYNCLINE_TRY(auto stage, parse_binary(kLowestLevel));
        stages.push_back(stage);
    } while (accept("|"));
    return stages.size() == 1 ? stages.front() : add(Op::kPipe, position, stages);
}

Parser::Parsed Parser::parse_binary(int level) {
    Nesting nesting{nesting_};
    if (nesting_ > kDepthMax) return too_deep(token_.begin);
    SYNCLINE_TRY(auto left, parse_prefix());
    while (true) {
        const auto* found = current_operator();
        if (found == nullptr || found->level < level) return left;
        auto position = token_.begin;
        advance();
        SYNCLINE_TRY(auto right,
                     parse_binary(found->side == Side::kRight ? found->level : found->level + 1));
        left = add(found->op, position, {left, right});
        const auto* next = current_operator();
        if (found->side == Side::kNone && next != nullptr && next->level == found->level) {
            return error(kSyntax, token_.begin, "a comparison of a comparison needs parentheses");
        }
    }
}

Parser::Parsed Parser::parse_prefix() {
    auto position = token_.begin;
    if (accept("-")) {
        SYNCLINE_TRY(auto operand, parse_binary(kProductLevel));
        const auto& node = tree_.nodes[operand];
        if (node.op == Op::kConstant && tree_.constants[node.constant].is_number()) {
            return add_constant(position, negate_number(tree_.constants[node.constant]));
        }
        return add(Op::kNegate, position, {operand});
    }
    auto begin = token_.begin;
    Parsed parsed = token_.is_name("if") ? parse_if() : parse_term();
    if (!parsed) return parsed;
    auto body = *parsed;
    while (accept("?")) body = add(Op::kTry, begin, {body});
    return body;
}

// Iterative over `elif`, so that a long chain does not count as deep nesting of the text.
Parser::Parsed Parser::parse_if() {
    std::vector<NodeId> branches;
    std::vector<std::size_t> positions;
    do {
        positions.push_back(token_.begin);
        advance();
        SYNCLINE_TRY(auto condition, parse_pipe());
        SYNCLINE_CHECK(expect_name("then"));
        SYNCLINE_TRY(auto value, parse_pipe());
        branches.insert(branches.end(), {condition, value});
    } while (token_.is_name("elif"));
    SYNCLINE_CHECK(expect_name("else"));
    SYNCLINE_TRY(auto otherwise, parse_pipe());
    SYNCLINE_CHECK(expect_name("end"));
    for (std::size_t i = positions.size(); i-- > 0;) {
        otherwise = add(Op::kIf, positions[i], {branches[2 * i], branches[2 * i + 1], otherwise});
    }
    return otherwise;
}

// A primary and the path steps behind it.
Parser::Parsed Parser::parse_term() {
    SYNCLINE_TRY(auto term, parse_primary());
    while (true) {
        auto position = token_.begin;
        if (token_.kind == TokenKind::kField) {
            auto name = token_.text.substr(1);
            advance();
            auto key = add_constant(position, json::string(name.data(), name.size()));
            term = add_index(position, term, key);
        } else if (token_.is_symbol(".")) {
            advance();
            SYNCLINE_TRY(term, parse_dot_string(term));
        } else if (token_.is_symbol("[")) {
            SYNCLINE_TRY(term, parse_bracket(term));
        } else {
            return term;
        }
        if (accept("?")) tree_.nodes[term].optional = true;
    }
}

// Behind a dot: `."name"`.
Parser::Parsed Parser::parse_dot_string(NodeId base) {
    auto position = token_.begin;
    if (token_.kind != TokenKind::kQuote) return unexpected("a name behind the dot");
    SYNCLINE_TRY(auto key, parse_string());
    return add_index(position, base, key);
}

// `[index]`, `[begin:end]`, `[begin:]`, `[:end]` behind a term.
Parser::Parsed Parser::parse_bracket(NodeId base) {
    auto position = token_.begin;
    advance();
    if (token_.is_symbol("]")) {
        return Error{kUnsupported, "`[]`, iteration, is outside the expression language",
                     advice_for("map")}
            .at(tree_.where(position));
    }
    if (accept(":")) {
        SYNCLINE_TRY(auto end, parse_pipe());
        SYNCLINE_CHECK(expect("]"));
        return add(Op::kSliceTo, position, {base, end});
    }
    SYNCLINE_TRY(auto begin, parse_pipe());
    if (accept("]")) return add_index(position, base, begin);
    if (!accept(":")) return unexpected("`]`");
    if (accept("]")) return add(Op::kSliceFrom, position, {base, begin});
    SYNCLINE_TRY(auto end, parse_pipe());
    SYNCLINE_CHECK(expect("]"));
    return add(Op::kSlice, position, {base, begin, end});
}

Parser::Parsed Parser::parse_primary() {
    auto position = token_.begin;
    switch (token_.kind) {
        case TokenKind::kNumber: return parse_number();
        case TokenKind::kQuote: return parse_string();
        case TokenKind::kField: return add(Op::kIdentity, position, {});
        case TokenKind::kName:
            if (is_reserved(token_.text)) return unexpected("a value");
            return parse_call();
        case TokenKind::kSymbol: break;
        case TokenKind::kVariable:
        case TokenKind::kFormat:
        case TokenKind::kInvalid:
        case TokenKind::kEnd: return unexpected("a value");
    }
    if (token_.text == "[") return parse_array();
    if (token_.text == "{") return parse_object();
    if (accept("(")) {
        SYNCLINE_TRY(auto inner, parse_pipe());
        SYNCLINE_CHECK(expect(")"));
        return inner;
    }
    if (accept(".")) {
        auto identity = add(Op::kIdentity, position, {});
        if (token_.kind != TokenKind::kQuote) return identity;
        SYNCLINE_TRY(auto step, parse_dot_string(identity));
        if (accept("?")) tree_.nodes[step].optional = true;
        return step;
    }
    return unexpected("a value");
}

// `,` binds tighter than `|` in jq: `[a, b | f]` would mean `[(a, b) | f]`, which yields several
// values.
Parser::Parsed Parser::parse_array() {
    auto position = token_.begin;
    advance();
    std::vector<NodeId> elements;
    if (accept("]")) return add(Op::kArray, position, elements);
    std::optional<Token> pipe;
    while (true) {
        auto begin = token_;
        SYNCLINE_TRY(auto element, parse_pipe());
        const auto& node = tree_.nodes[element];
        if (node.op == Op::kPipe && node.position == begin.begin) pipe = begin;
        elements.push_back(element);
        if (pipe && (elements.size() > 1 || token_.is_symbol(","))) {
            return Error{kUnsupported, "a `|` beside a `,` applies to all elements in jq, which is "
                                       "outside the expression language",
                         "put the element with the `|` in parentheses"}
                .at(tree_.where(pipe->begin));
        }
        if (!token_.is_symbol(",")) break;
        advance();
    }
    SYNCLINE_CHECK(expect("]"));
    return add(Op::kArray, position, elements);
}

Parser::Parsed Parser::parse_object() {
    auto position = token_.begin;
    advance();
    std::vector<NodeId> members;
    while (!token_.is_symbol("}")) {
        std::optional<NodeId> shorthand;
        SYNCLINE_TRY(auto key, parse_object_key(shorthand));
        members.push_back(key);
        if (accept(":")) {
            SYNCLINE_TRY(auto value, parse_object_value());
            members.push_back(value);
        } else if (shorthand) {
            members.push_back(*shorthand);
        } else {
            return unexpected("`:`");
        }
        if (token_.is_symbol("}")) break;
        if (!token_.is_symbol(",")) {
            if (current_operator() != nullptr) {
                return error(kSyntax, token_.begin,
                             "a value with an operator needs parentheses: `{name: (a + b)}`");
            }
            return unexpected("`,` or `}`");
        }
        advance();
    }
    advance();
    return add(Op::kObject, position, members);
}

// `name`, `"text"` or `(expression)`; the first two may stand alone, for the field of that name.
Parser::Parsed Parser::parse_object_key(std::optional<NodeId>& shorthand) {
    auto position = token_.begin;
    if (accept("(")) {
        SYNCLINE_TRY(auto key, parse_pipe());
        SYNCLINE_CHECK(expect(")"));
        return key;
    }
    NodeId key = 0;
    if (token_.kind == TokenKind::kQuote) {
        SYNCLINE_TRY(key, parse_string());
        shorthand = add_index(position, add(Op::kIdentity, position, {}), key);
    } else if (token_.kind == TokenKind::kName) {
        key = add_constant(position, json::string(token_.text.data(), token_.text.size()));
        if (!is_reserved(token_.text)) {
            shorthand = add_index(position, add(Op::kIdentity, position, {}), key);
        }
        advance();
    } else {
        return unexpected("a member name");
    }
    return key;
}

// jq takes only terms, `-` and `|` here.
Parser::Parsed Parser::parse_object_value() {
    Nesting nesting{nesting_};
    if (nesting_ > kDepthMax) return too_deep(token_.begin);
    auto position = token_.begin;
    std::vector<NodeId> stages;
    do {
        auto begin = token_.begin;
        bool is_negated = false;
        while (accept("-")) is_negated = !is_negated;
        SYNCLINE_TRY(auto stage, parse_term());
        stages.push_back(is_negated ? add(Op::kNegate, begin, {stage}) : stage);
    } while (accept("|"));
    return stages.size() == 1 ? stages.front() : add(Op::kPipe, position, stages);
}

Parser::Parsed Parser::parse_call() {
    auto name = token_;
    advance();
    if (name.text == "null") return add_constant(name.begin, nullptr);
    if (name.text == "true") return add_constant(name.begin, true);
    if (name.text == "false") return add_constant(name.begin, false);
    std::vector<NodeId> arguments;
    if (accept("(")) {
        do {
            SYNCLINE_TRY(auto argument, parse_pipe());
            arguments.push_back(argument);
        } while (accept(";"));
        SYNCLINE_CHECK(expect(")"));
    }
    auto function = find_function(name.text, arguments.size());
    if (function) {
        auto id = add(Op::kCall, name.begin, arguments);
        tree_.nodes[id].function = *function;
        return id;
    }
    if (is_jq_builtin(name.text, arguments.size())) {
        return unsupported(name, advice_for(name.text));
    }
    auto what = "there is no function `" + std::string{name.text} + "/" +
                std::to_string(arguments.size()) + "`";
    auto similar = similar_function(name.text);
    if (similar.empty()) return error(kUnknownFunction, name.begin, std::move(what));
    return Error{kUnknownFunction, std::move(what), "did you mean `" + similar + "`?"}.at(
        tree_.where(name.begin));
}

Parser::Parsed Parser::parse_number() {
    auto id = add_constant(token_.begin, parse_decimal(token_.text).value());
    advance();
    return id;
}

// Reads raw text between quotes and interpolations as the inside of a JSON string.
Result<std::size_t> Parser::parse_string_text(std::size_t begin, std::string& json_text) const {
    std::string_view source{tree_.source};
    auto at = begin;
    while (at < source.size() && source[at] != '"') {
        char c = source[at];
        if (c == '\\') {
            if (at + 1 >= source.size() || source[at + 1] == '(') break;
            json_text += source.substr(at, 2);
            at += 2;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            static constexpr char kDigits[] = "0123456789abcdef";
            json_text += "\\u00";
            json_text += kDigits[c >> 4];
            json_text += kDigits[c & 15];
            ++at;
        } else {
            json_text += c;
            ++at;
        }
    }
    if (at + 1 >= source.size() && (at >= source.size() || source[at] != '"')) {
        return error(kSyntax, token_.begin, "the string has no end");
    }
    return at;
}

Parser::Parsed Parser::parse_string() {
    auto position = token_.begin;
    std::vector<NodeId> parts;
    auto at = token_.end();
    while (true) {
        std::string json_text{"\""};
        auto text_begin = at;
        SYNCLINE_TRY(at, parse_string_text(at, json_text));
        auto text = record::parse_json(json_text + "\"");
        if (!text) {
            return error(kSyntax, text_begin,
                         "the string has an escape or a byte that is not valid");
        }
        bool is_end = tree_.source[at] == '"';
        if (is_end && parts.empty()) {
            advance(at + 1);
            return add_constant(position, std::move(*text));
        }
        if (!text->get_string().empty()) {
            parts.push_back(add_constant(text_begin, std::move(*text)));
        }
        if (is_end) break;
        advance(at + 2);
        SYNCLINE_TRY(auto part, parse_pipe());
        if (!token_.is_symbol(")")) return unexpected("`)`");
        parts.push_back(part);
        at = token_.end();
    }
    advance(at + 1);
    return add(Op::kText, position, parts);
}

}  // namespace

Result<Tree> parse(std::string_view source, const Origin& origin) {
    if (source.size() > kSourceBytesMax) {
        Tree tree;
        tree.origin = origin;
        return Error{kSyntax, "the expression is longer than 64 KiB"}.at(tree.where(0));
    }
    return Parser{source, origin}.run();
}

}  // namespace syncline::expr
