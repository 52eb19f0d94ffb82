// The examples of LANGUAGE.md are true.
#include <algorithm>
#include <fstream>
#include <set>
#include <vector>

#include "expr/functions.hpp"
#include "expr/program.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;

namespace {

struct Example {
    int line;
    std::string expression;
    std::string input;
    std::string result;  // JSON, or the code of an error
};

// The text between the backticks of a cell, with the escape of `|` undone.
std::string code_of(const std::string& cell) {
    auto begin = cell.find('`');
    auto end = cell.rfind('`');
    if (begin == end) return {};
    auto code = cell.substr(begin + 1, end - begin - 1);
    for (auto at = code.find("\\|"); at != std::string::npos; at = code.find("\\|")) {
        code.erase(at, 1);
    }
    return code;
}

std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells;
    std::string cell;
    for (std::size_t i = 1; i < line.size(); ++i) {
        if (line[i] == '|' && line[i - 1] != '\\') {
            cells.push_back(std::move(cell));
            cell.clear();
        } else {
            cell += line[i];
        }
    }
    return cells;
}

std::vector<Example> read_examples() {
    std::ifstream file{EXPR_LANGUAGE_FILE};
    REQUIRE(file);
    std::vector<Example> examples;
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (!line.starts_with("| `")) continue;
        auto cells = cells_of(line);
        INFO("LANGUAGE.md:" << number);
        REQUIRE(cells.size() == 4);
        examples.push_back({number, code_of(cells[0]), code_of(cells[1]), code_of(cells[2])});
    }
    return examples;
}

}  // namespace

TEST_CASE("language: every example of LANGUAGE.md gives the result it shows", "[expr][language]") {
    auto examples = read_examples();
    CHECK(examples.size() > 90);
    for (const auto& example : examples) {
        INFO("LANGUAGE.md:" << example.line << ": " << example.expression << " of "
                            << example.input);
        auto input = record::parse_json(example.input);
        REQUIRE(input.has_value());
        auto program = expr::Program::compile(example.expression);
        auto result = program ? program->run(*input) : Result<boost::json::value>{program.error()};
        if (example.result.starts_with("expr.")) {
            REQUIRE_FALSE(result.has_value());
            CHECK(result.error().code() == example.result);
        } else {
            INFO((result ? "" : result.error().to_string()));
            REQUIRE(result.has_value());
            auto wanted = record::parse_json(example.result);
            REQUIRE(wanted.has_value());
            CHECK(record::write_json(*result) == record::write_json(*wanted));
        }
    }
}

TEST_CASE("language: every function has an example in LANGUAGE.md", "[expr][language]") {
    std::set<std::string> shown;
    for (const auto& example : read_examples()) {
        shown.insert(example.expression.substr(0, example.expression.find('(')));
    }
    for (std::uint32_t i = 0; i < expr::function_count(); ++i) {
        INFO(expr::function_at(i).name);
        CHECK(shown.contains(std::string{expr::function_at(i).name}));
    }
}
