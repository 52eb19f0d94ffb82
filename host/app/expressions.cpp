#include "app/expressions.hpp"

#include <utility>

#include "expr/program.hpp"
#include "record/json.hpp"

namespace syncline::app {
namespace {

class Expressions final : public plugin::Expressions {
    Result<Program> compile(std::string_view text) override {
        SYNCLINE_TRY(expr::Program program, expr::Program::compile(text));
        auto shared = std::make_shared<const expr::Program>(std::move(program));
        return Program{[shared](std::string_view input_json) -> Result<std::string> {
            SYNCLINE_TRY(auto input, record::parse_json(input_json));
            SYNCLINE_TRY(auto value,
                         shared->run(input, expr::Limits::for_input(input_json.size())));
            return record::write_json(value);
        }};
    }
};

}  // namespace

std::shared_ptr<plugin::Expressions> make_expressions() {
    return std::make_shared<Expressions>();
}

}  // namespace syncline::app
