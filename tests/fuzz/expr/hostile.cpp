// Nothing that is handed in as an expression crashes, hangs or leaves its limits: random bytes,
// damaged expressions, what jq has and this language has not, and expressions built to be deep,
// long or large. Each run is held to a bound of memory, and gives all of it back. Run it under
// asan, too.
#include <malloc.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <new>
#include <utility>

#include "expr/known_names.hpp"
#include "expr/program.hpp"
#include "expr/value_ops.hpp"
#include "generator.hpp"
#include "last_words.hpp"

namespace {

using syncline::expr::Program;
using syncline::fuzz::Generator;

constexpr syncline::expr::Limits kSmall{.steps_max = 2'000, .result_bytes_max = 20'000};
constexpr int kCpuSecondsMax = 20;  // for many runs of some microseconds
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCountsGrowth = false;  // it keeps what was freed for a while
#else
constexpr bool kCountsGrowth = true;
#endif
constexpr std::size_t kGrowthKibMax = 32 * 1024;  // by all random runs together

// Of the heap, in bytes.
struct Memory {
    std::size_t held = 0;
    std::size_t most = 0;  // since it was last set
};
constinit Memory memory;

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
            case 0:
                source.erase(at, size);
                break;
            case 1:
                source.insert(at, random_bytes(generator));
                break;
            case 2:
                source.insert(generator.below(source.size()), source.substr(at, size));
                break;
            default:
                source[at] = static_cast<char>(generator.below(256));
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

// A name that jq knows, with as many arguments: of the language, or refused.
std::string known_name(Generator& generator) {
    const auto names = syncline::expr::jq_builtins();
    const std::string_view full = names[generator.below(names.size())];
    const auto slash = full.find('/');
    std::string source{full.substr(0, slash)};
    auto arguments = std::stoi(std::string{full.substr(slash + 1)});
    for (int i = 0; i < arguments; ++i) source += (i == 0 ? "(" : "; ") + generator.expression(1);
    return ".a | " + source + (arguments > 0 ? ")" : "");
}

class Runs {
  public:
    // `repeat` is what to call to have it again.
    void run(const std::string& source, const boost::json::value& input, std::string repeat) {
        words_.begin(std::move(repeat));
        const auto held = memory.held;
        memory.most = held;
        {
            auto program = Program::compile(source, {.file = "hostile", .line = 1, .column = 1});
            if (program) {
                ++compiled;
                check(*program, input);
            } else if (program.error().where().empty()) {
                std::abort();
            }
        }
        if (memory.held != held) std::abort();  // something keeps memory
        most_bytes = std::max(most_bytes, memory.most - held);
        // What the program is made of, and what the run built.
        const auto compiled_bytes_max = 1'000 * (source.size() + 100);
        if (memory.most - held > compiled_bytes_max + 16 * kSmall.result_bytes_max) std::abort();
    }

    std::size_t compiled = 0;
    std::size_t most_bytes = 0;

  private:
    static void check(const Program& program, const boost::json::value& input) {
        auto result = program.run(input, kSmall);
        if (result && syncline::expr::weight(*result) > 8 * kSmall.result_bytes_max) std::abort();
    }

    syncline::fuzz::LastWords words_{kCpuSecondsMax};
};

void run_random(Runs& runs, std::uint64_t seed) {
    Generator generator{seed};
    std::string source;
    switch (generator.below(6)) {
        case 0:
        case 1:
            source = random_bytes(generator);
            break;
        case 2:
            source = damage(generator, generator.expression(3));
            break;
        case 3:
            source = known_name(generator);
            break;
        default:
            source = generator.expression(3);
    }
    const auto input = generator.input(3);
    runs.run(source, input, "expr_hostile --rounds 1 --seed " + std::to_string(seed));
}

std::size_t peak_rss_kib() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss);
}

}  // namespace

// Every allocation is counted.
void* operator new(std::size_t size) {
    void* block = std::malloc(size);
    if (block == nullptr) throw std::bad_alloc{};
    memory.held += ::malloc_usable_size(block);
    memory.most = std::max(memory.most, memory.held);
    return block;
}
void operator delete(void* block) noexcept {
    if (block != nullptr) memory.held -= ::malloc_usable_size(block);
    std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
    operator delete(block);
}

int main(int argc, char** argv) {
    CLI::App app{"Hands hostile expressions to the expression language"};
    std::uint64_t rounds = 20'000;
    std::uint64_t seed = 1;
    app.add_option("--rounds", rounds, "besides those that are built by hand");
    app.add_option("--seed", seed, "of the first round; the next one has the next");
    CLI11_PARSE(app, argc, argv);

    Runs runs;
    const auto first = seed;
    Generator generator{seed};
    const auto built = monsters();
    for (const auto& source : built)
        runs.run(source, generator.input(3), "expr_hostile --rounds 0");
    const auto rss_before_kib = peak_rss_kib();
    const auto monstrous_bytes = std::exchange(runs.most_bytes, 0);
    for (; seed < first + rounds; ++seed) run_random(runs, seed);
    const auto grown_kib = peak_rss_kib() - rss_before_kib;
    std::cout << "seeds " << first << " to " << seed << ": " << built.size() << " built, " << rounds
              << " random, " << runs.compiled << " compiled\nmost memory for one run "
              << monstrous_bytes / 1024 << " KiB of those built, " << runs.most_bytes / 1024
              << " KiB of the random ones; the process grew by " << grown_kib << " KiB\n";
    const bool has_meaning = rounds < 1'000 || runs.compiled > rounds / 5;
    return has_meaning && (!kCountsGrowth || grown_kib < kGrowthKibMax) ? 0 : 1;
}
