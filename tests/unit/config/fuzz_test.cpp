// Goal: no file, however broken, makes load() crash, hang or accept what it should not.
// Method: a good file is mutated from a fixed seed; each result is a configuration or a list of
// problems with places.
#include <random>

#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;

namespace {

constexpr int kMutants = 3'000;

const std::string kSeed = test::kGood + R"(    when: |
      .consent == true
    map: { a: .a, b: ".b", c: '.c' }
    deliver: &d { batch_records: 10, retry_base_ms: 5 }
  e: { from: { account: pangolin, stream: s }, to: { account: pangolin, stream: s },
       triggers: { webhook: { name: e, verify: none } }, deliver: *d }
)";

std::string mutate(std::string text, std::mt19937& random) {
    static const std::vector<std::string> kPieces{"{",
                                                  "}",
                                                  "[",
                                                  "]",
                                                  ":",
                                                  ": ",
                                                  "- ",
                                                  "\n",
                                                  "\n  ",
                                                  "\"",
                                                  "'",
                                                  "|\n",
                                                  ">\n",
                                                  "&a ",
                                                  "*a",
                                                  "*d",
                                                  "!",
                                                  "!!",
                                                  "? ",
                                                  "#",
                                                  "${",
                                                  "}",
                                                  "%",
                                                  "@",
                                                  "`",
                                                  "$${",
                                                  "<<: ",
                                                  "---\n",
                                                  ",",
                                                  "...\n",
                                                  "\t",
                                                  "\r\n",
                                                  "\\",
                                                  "~",
                                                  "0x",
                                                  "-",
                                                  "\xC3",
                                                  "\xC3\xA4",
                                                  "\x04",
                                                  "null",
                                                  std::string(1, '\0'),
                                                  "99999999999999999999"};
    const auto below = [&](std::size_t bound) {
        return random() % std::max<std::size_t>(bound, 1);
    };
    for (std::size_t i = 0, count = 1 + below(4); i < count; ++i) {
        const std::size_t at = below(text.size() + 1);
        switch (below(4)) {
            case 0:
                text.insert(at, kPieces[below(kPieces.size())]);
                break;
            case 1:
                text.erase(at, below(20));
                break;
            case 2:
                text.insert(at, text.substr(below(text.size()), below(60)));
                break;
            default:
                if (at < text.size()) text[at] = static_cast<char>(below(256));
        }
    }
    return text;
}

}  // namespace

TEST_CASE("fuzz: every mutant of a good file is loaded or refused with places", "[config][fuzz]") {
    const ConfigFixture fixture;
    REQUIRE(fixture.load(kSeed).config.has_value());
    std::mt19937 random{20240611};
    int loaded_count = 0;

    for (int i = 0; i < kMutants; ++i) {
        const std::string text = mutate(kSeed, random);
        const Loaded loaded = fixture.load(text);
        const int lines = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
        if (loaded.config.has_value() != loaded.problems.empty()) FAIL(text);
        for (const Problem& problem : loaded.problems)
            if (problem.at.line < 1 || problem.at.line > lines || problem.at.column < 1) FAIL(text);
        loaded_count += loaded.config.has_value() ? 1 : 0;
    }

    // Both ways must have been taken, or the mutations are too wild or too tame to show anything.
    CHECK(loaded_count > kMutants / 50);
    CHECK(loaded_count < kMutants * 9 / 10);
}
