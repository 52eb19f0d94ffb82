// Random expressions of the language, and random inputs for them; the same for the same seed.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::fuzz {

class Generator {
  public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    // An expression of at most `depth` levels; operands often stand without parentheses, so that
    // precedence is compared.
    std::string expression(int depth);

    boost::json::value input(int depth);

    // Mostly an object, as records are.
    boost::json::value record(int depth);

    std::size_t below(std::size_t bound) { return random_() % bound; }

  private:
    std::string term(int depth);
    std::string path(int depth);
    std::string slice(int depth);
    std::string literal();
    std::string text(int depth);
    std::string call(int depth);
    std::string object(int depth);
    std::string member_value(int depth);
    boost::json::object members(int depth);
    std::string operand(int depth);
    std::string pick(const std::vector<std::string_view>& choices) {
        return std::string{choices[below(choices.size())]};
    }

    std::mt19937_64 random_;
};

}  // namespace syncline::fuzz
