// Nothing that is handed in as an expression crashes, hangs or leaves its limits: random bytes,
// damaged expressions and expressions built to be deep, long or large. Run it under asan.
#include <CLI/CLI.hpp>
#include <iostream>

#include "expr/program.hpp"
#include "expr/value_ops.hpp"
#include "generator.hpp"

namespace {

using syncline::expr::Program;
using syncline::fuzz::Generator;

constexpr syncline::expr::Limits kSmall{.steps_max = 2'000, .result_bytes_max = 20'000};

std::string random_bytes(Generator& generator) {
    static constexpr std::string_view kTokens = ".[]{}()|,:;\"\\?/%*-+=<>$@#abif0129e\n \xC3\xA4";
    std::string bytes;
    auto size = generator.below(40);
    for (std::size_t i = 0; i < size; ++i) {
        bytes += generator.below(8) == 0 ? static_cast<char>(generator.below(256))
                                         : kTokens[generator.below(kTokens.size())];
    }
    return bytes;
}

std::string damage(Generator& generator, std::string source) {
    for (auto edits = 1 + generator.below(2); edits > 0 && !source.empty(); --edits) {
        auto at = generator.below(source.size());
        auto size = 1 + generator.below(6);
        switch (generator.below(4)) {
            case 0: source.erase(at, size); break;
            case 1: source.insert(at, random_bytes(generator)); break;
            case 2: source.insert(generator.below(source.size()), source.substr(at, size)); break;
            default: source[at] = static_cast<char>(generator.below(256));
        }
    }
    return source;
}

// Each must be refused or answered; they grow in time, memory or stack without limits.
std::vector<std::string> monsters() {
    auto repeat = [](std::string_view part, int times) {
        std::string text;
        while (times-- > 0) text += part;
        return text;
    };
    std::vector<std::string> sources;
    for (auto part : {"(", "[", "{a:", "-", ".[", "\"\\(", "if ", "1 + ", ". // ", "not | ", ".a",
                      "[.] | ", "(. + .) | ", "{a: .} | ", "?", ".[0]?", "1 // ", "#", "\\"}) {
        sources.push_back(repeat(part, 10'000));
        sources.push_back(repeat(part, 10'000) + ".");
        sources.push_back(repeat(part, 200) + ".");
    }
    sources.push_back(repeat("[", 250) + "." + repeat("]", 250));
    sources.push_back(repeat("(", 200) + "." + repeat(")", 200));
    sources.push_back("\"ab\" * 1e300");
    sources.push_back("\"\" * 1e300");
    sources.push_back("(\"ab\" * 9000) | " + repeat("tojson | ", 100) + ".");
    sources.push_back("{(\"k\" * 9000): 1} | to_entries | tojson | split(\"\") | sort | unique");
    sources.push_back(std::string(100'000, 'a'));
    sources.push_back(std::string("\0.", 2));
    return sources;
}

void run_once(const std::string& source, const boost::json::value& input, int& compiled) {
    auto program = Program::compile(source, {.file = "hostile", .line = 1, .column = 1});
    if (!program) {
        if (program.error().where().empty()) std::abort();
        return;
    }
    ++compiled;
    auto result = program->run(input, kSmall);
    if (result && syncline::expr::weight(*result) > 8 * kSmall.result_bytes_max) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Hands hostile expressions to the expression language"};
    int rounds = 20'000;
    std::uint64_t seed = 1;
    app.add_option("--rounds", rounds);
    app.add_option("--seed", seed);
    CLI11_PARSE(app, argc, argv);

    std::cout << "seed " << seed << "\n";
    Generator generator{seed};
    int compiled = 0;
    for (const auto& source : monsters()) run_once(source, generator.input(3), compiled);
    for (int i = 0; i < rounds; ++i) {
        auto source = i % 3 == 0 ? random_bytes(generator) : generator.expression(3);
        if (i % 3 == 1) source = damage(generator, source);
        run_once(source, generator.input(3), compiled);
    }
    std::cout << rounds << " rounds, " << compiled << " compiled\n";
    return compiled > rounds / 4 ? 0 : 1;
}
