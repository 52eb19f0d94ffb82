// Compares expressions with libjq 1.6: the same value, or an error from both.
//
// Deliberate differences that are left out of the comparison: numbers from 2^53 up (jq rounds
// them); expressions that jq refuses while compiling because it computes constants there (`1 / 0`),
// which fail here when they run; and `?` behind anything but a path, where jq 1.6 also swallows
// errors of what comes after (so the generator closes it in an array); and texts that differ in
// jq's negative zeros.
extern "C" {
#include <jq.h>
}

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <regex>
#include <string>

#include "expr/program.hpp"
#include "expr/value_ops.hpp"
#include "generator.hpp"
#include "last_words.hpp"
#include "record/json.hpp"

namespace {

namespace json = boost::json;
using syncline::expr::Program;

constexpr int kCpuSecondsMax = 60;
constexpr int kMismatchesMax = 20;  // more of them say nothing new

struct JqDeleter {
    void operator()(jq_state* state) const { jq_teardown(&state); }
};
using Jq = std::unique_ptr<jq_state, JqDeleter>;

Jq compile_jq(const std::string& source) {
    Jq jq{jq_init()};
    jq_set_error_cb(
        jq.get(), [](void*, jv message) { jv_free(message); }, nullptr);
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

// The language has no negative zero (LANGUAGE.md says so); jq's may have become part of a text.
void drop_negative_zeros(json::value& value) {
    if (auto* text = value.if_string()) {
        static const std::regex negative_zero{"-0(?![0-9.])"};
        *text = std::regex_replace(std::string{*text}, negative_zero, "0");
    } else if (auto* array = value.if_array()) {
        for (json::value& item : *array) drop_negative_zeros(item);
    } else if (auto* object = value.if_object()) {
        for (auto& member : *object) drop_negative_zeros(member.value());
    }
}

bool differ_in_negative_zeros_alone(json::value wanted, json::value got) {
    if (syncline::expr::compare(wanted, got) == 0) return false;
    drop_negative_zeros(wanted);
    drop_negative_zeros(got);
    return syncline::expr::compare(wanted, got) == 0;
}

struct Counts {
    int pairs() const { return values + errors; }

    int expressions = 0;  // that both compile
    int values = 0;
    int errors = 0;
    int refused_by_both = 0;
    int refused_by_jq = 0;
    int left_out = 0;
    int mismatches = 0;
};

std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (char c : text) result += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return result + "'";
}

std::string repeat(const std::string& source, const std::string& input) {
    return "expr_oracle --expression " + in_quotes(source) + " --input " + in_quotes(input);
}

// Compares an expression on inputs with libjq.
class Comparison {
  public:
    // False when one of the two refuses the expression.
    bool begin(const std::string& source) {
        words_.begin(repeat(source, "null"));
        source_ = source;
        program_.reset();
        auto program = Program::compile(source);
        jq_ = compile_jq(source);
        if (program && jq_) {
            program_.emplace(std::move(*program));
            ++counts.expressions;
            return true;
        }
        ++(jq_ || program ? counts.refused_by_jq : counts.refused_by_both);
        if (jq_) report("null", "compiles", program.error().to_string());
        return false;
    }

    void run(const std::string& input) {
        words_.begin(repeat(source_, input));
        auto wanted = run_jq(jq_.get(), input);
        auto got = program_->run(syncline::record::parse_json(input).value());
        if (wanted && has_huge_number(*wanted)) {
            ++counts.left_out;
        } else if (wanted && got && differ_in_negative_zeros_alone(*wanted, *got)) {
            ++counts.left_out;
        } else if (wanted.has_value() != got.has_value() ||
                   (wanted && syncline::expr::compare(*wanted, *got) != 0)) {
            report(input, wanted ? syncline::record::write_json(*wanted) : "error",
                   got ? syncline::record::write_json(*got) : got.error().to_string());
        } else {
            ++(wanted ? counts.values : counts.errors);
        }
    }

    Counts counts;

  private:
    void report(const std::string& input, const std::string& wanted, const std::string& got) {
        ++counts.mismatches;
        std::cout << "MISMATCH  " << repeat(source_, input) << "\n  jq:   " << wanted
                  << "\n  here: " << got << std::endl;
    }

    syncline::fuzz::LastWords words_{kCpuSecondsMax};
    std::string source_;
    std::optional<Program> program_;
    Jq jq_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Compares the expression language with libjq on generated pairs of an expression "
        "and an input"};
    int pairs = 25'000;
    int inputs = 100;
    std::uint64_t seed = 1;
    std::string expression;
    std::string input = "null";
    app.add_option("--pairs", pairs, "to compare");
    app.add_option("--inputs", inputs, "for each expression")->check(CLI::PositiveNumber);
    app.add_option("--seed", seed, "of the first expression; the next one has the next");
    app.add_option("--expression", expression, "compare this one alone");
    app.add_option("--input", input, "with this JSON");
    CLI11_PARSE(app, argc, argv);

    Comparison comparison;
    const Counts& counts = comparison.counts;
    if (!expression.empty()) {
        if (comparison.begin(expression)) comparison.run(input);
        std::cout << (counts.pairs() == 1 ? "the same" : "not the same") << "\n";
        return counts.pairs() == 1 ? 0 : 1;
    }
    const auto first = seed;
    for (; counts.pairs() < pairs && counts.mismatches < kMismatchesMax; ++seed) {
        syncline::fuzz::Generator generator{seed};
        // In an array, so that no value and null differ.
        auto source = "[(" + generator.expression(1 + static_cast<int>(generator.below(4))) + ")]";
        if (!comparison.begin(source)) continue;
        for (int i = 0; i < inputs && counts.pairs() < pairs; ++i) {
            comparison.run(syncline::record::write_json(generator.record(3)));
        }
    }
    std::cout << "seeds " << first << " to " << seed - 1 << ": " << counts.pairs() << " pairs of "
              << counts.expressions << " expressions are the same\nequal values " << counts.values
              << ", both errors " << counts.errors << ", left out " << counts.left_out
              << "; expressions refused by both " << counts.refused_by_both << ", by jq alone "
              << counts.refused_by_jq << "\nmismatches " << counts.mismatches << "\n";
    bool is_meaningful =
        counts.values > counts.errors / 4 && counts.refused_by_jq * 20 <= counts.expressions + 20;
    return counts.mismatches == 0 && is_meaningful ? 0 : 1;
}
