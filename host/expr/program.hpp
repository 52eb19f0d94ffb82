// Expressions (`when`, `map`): a documented, everyday subset of jq, evaluated natively.
//
// Purpose: filter and map records in the configuration.
// Semantics: those of jq 1.6 for everything in the subset (libjq is the oracle in the tests), with
//   two exceptions that are deliberate: integers are exact to 64 bits, and every program yields
//   exactly one value (null where jq has none). LANGUAGE.md is the reference. What lies outside the
//   subset is refused by name when the configuration is validated.
// Concurrency: a Program is immutable after compile(); run() may be called from any thread. [any]
// Limits: total. No clock, environment, input or output. Steps, depth and size of the result are
//   bounded (Limits).
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace syncline::expr {

// Where the text of an expression begins in its file, so that errors point into the file itself.
struct Origin {
    std::string file;  // may be empty
    int line = 1;      // of the first character
    int column = 1;
};

struct Limits {
    std::size_t steps_max = 100'000;  // nodes evaluated, and elements that functions look at
    // Of all values that a run builds, about: intermediate ones and copies out of the input, too.
    std::size_t result_bytes_max = 4 * 1024 * 1024;

    // For an input of so many bytes of JSON: it may be copied a few times, however large it is; a
    // small one does not buy long work. [any]
    static Limits for_input(std::size_t bytes);
};

struct Tree;

class Program {
  public:
    // Errors: `expr.syntax`, `expr.unknown_function`, `expr.unsupported` (known to jq, outside the
    // subset), `expr.too_deep`; where() is `file:line:column` of the offending token.
    static Result<Program> compile(std::string_view source, const Origin& origin = {});

    Program(Program&&) noexcept;
    Program& operator=(Program&&) noexcept;
    ~Program();

    // Errors: `expr.type` (such as indexing a number with a string; says which types and where in
    // the source), `expr.limit` (steps or size).
    Result<boost::json::value> run(const boost::json::value& input, Limits limits = {}) const;

    // jq's truth: everything but null and false.
    static bool is_true(const boost::json::value& value);

  private:
    explicit Program(std::unique_ptr<const Tree> tree);
    std::unique_ptr<const Tree> tree_;
};

}  // namespace syncline::expr
