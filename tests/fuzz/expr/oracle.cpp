// Compares expressions with libjq 1.6: the same value, or an error from both.
//
// Deliberate differences that are left out of the comparison: numbers from 2^53 up (jq rounds
// them); expressions that jq refuses while compiling because it computes constants there (`1 / 0`),
// which fail here when they run; and `?` behind anything but a path, where jq 1.6 also swallows
// errors of what comes after (so the generator closes it in an array).
extern "C" {
#include <jq.h>
}

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>

#include "expr/program.hpp"
#include "expr/value_ops.hpp"
#include "generator.hpp"
#include "record/json.hpp"

namespace {

namespace json = boost::json;
using syncline::expr::Program;

struct JqDeleter {
    void operator()(jq_state* state) const { jq_teardown(&state); }
};
using Jq = std::unique_ptr<jq_state, JqDeleter>;

Jq compile_jq(const std::string& source) {
    Jq jq{jq_init()};
    jq_set_error_cb(jq.get(), [](void*, jv message) { jv_free(message); }, nullptr);
    if (!jq_compile(jq.get(), source.c_str())) return nullptr;
    return jq;
}

// Nothing for an error.
std::optional<json::value> run_jq(jq_state* jq, const std::string& input) {
    jq_start(jq, jv_parse_sized(input.data(), static_cast<int>(input.size())), 0);
    jv result = jq_next(jq);
    if (!jv_is_valid(result)) {
        jv_free(result);
        return std::nullopt;
    }
    jv text = jv_dump_string(result, 0);
    auto value = syncline::record::parse_json(
        {jv_string_value(text), static_cast<std::size_t>(jv_string_length_bytes(jv_copy(text)))},
        {.depth_max = 1000});
    jv_free(text);
    return std::move(value).value();
}

bool has_huge_number(const json::value& value) {
    if (value.is_number()) return std::fabs(value.to_number<double>()) >= 9007199254740992.0;
    if (const auto* array = value.if_array()) {
        return std::any_of(array->begin(), array->end(), has_huge_number);
    }
    if (const auto* object = value.if_object()) {
        return std::any_of(object->begin(), object->end(),
                           [](const auto& member) { return has_huge_number(member.value()); });
    }
    return false;
}

struct Counts {
    int values = 0;
    int errors = 0;
    int refused_by_both = 0;
    int refused_by_jq = 0;
    int left_out = 0;
    int mismatches = 0;
};

void report(Counts& counts, const std::string& source, const std::string& input,
            const std::string& wanted, const std::string& got) {
    ++counts.mismatches;
    std::cout << "MISMATCH\n  expression: " << source << "\n  input:      " << input
              << "\n  jq:         " << wanted << "\n  here:       " << got << "\n";
}

void compare_runs(Counts& counts, jq_state* jq, const Program& program, const std::string& source,
                  const std::string& input) {
    auto wanted = run_jq(jq, input);
    auto got = program.run(syncline::record::parse_json(input).value());
    auto wanted_text = wanted ? syncline::record::write_json(*wanted) : "error";
    auto got_text = got ? syncline::record::write_json(*got) : got.error().to_string();
    if (wanted && has_huge_number(*wanted)) {
        ++counts.left_out;
    } else if (wanted.has_value() != got.has_value() ||
               (wanted && syncline::expr::compare(*wanted, *got) != 0)) {
        report(counts, source, input, wanted_text, got_text);
    } else {
        ++(wanted ? counts.values : counts.errors);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Compares the expression language with libjq"};
    int expressions = 250;
    int inputs = 40;
    std::uint64_t seed = 1;
    app.add_option("--expressions", expressions);
    app.add_option("--inputs", inputs);
    app.add_option("--seed", seed);
    CLI11_PARSE(app, argc, argv);

    std::cout << "seed " << seed << "\n";
    syncline::fuzz::Generator generator{seed};
    Counts counts;
    for (int i = 0; i < expressions; ++i) {
        // In an array, so that no value and null differ.
        auto source = "[(" + generator.expression(1 + static_cast<int>(generator.below(4))) + ")]";
        auto program = Program::compile(source);
        auto jq = compile_jq(source);
        if (!jq || !program) {
            ++(jq || program ? counts.refused_by_jq : counts.refused_by_both);
            if (jq) report(counts, source, "", "compiles", program.error().to_string());
            continue;
        }
        for (int j = 0; j < inputs; ++j) {
            auto input = syncline::record::write_json(generator.input(3));
            compare_runs(counts, jq.get(), *program, source, input);
        }
    }
    std::cout << "equal values " << counts.values << ", both errors " << counts.errors
              << ", refused by both " << counts.refused_by_both << ", by jq alone "
              << counts.refused_by_jq << ", left out " << counts.left_out << ", mismatches "
              << counts.mismatches << "\n";
    bool is_meaningful = counts.values > counts.errors / 4 &&
                         counts.refused_by_jq * 20 <= expressions + 20;
    return counts.mismatches == 0 && is_meaningful ? 0 : 1;
}
