// Collects what is wrong with a configuration, and words it alike everywhere.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/errc.hpp"

namespace syncline::config {

// Concurrency: one owner.
class Problems {
  public:
    explicit Problems(const std::filesystem::path& file) : file_(file.string()) {}

    void add(const ErrorCode& code, Position at, std::string what);
    void add(const ErrorCode& code, Position at, std::string what, std::string remedy);
    // Gives an error from elsewhere its place in the file.
    void add(Error error, Position at);

    // How many were added; reading without adding any leaves it as it was.
    std::size_t count() const { return problems_.size(); }

    // In the order of the file. The same problem at the same place (an alias is read where it is
    // used, and points to where it was written) is told once. Empties the collection.
    std::vector<Problem> take();

  private:
    std::string file_;
    std::vector<Problem> problems_;
};

// A text from the file as it may stand in a message: in backquotes, cut to a readable length,
// control characters replaced. [any]
std::string in_quotes(std::string_view text);

// The candidate that was probably meant, as the sentence "did you mean `x`?"; empty when none is
// near. [any]
std::string did_you_mean(std::string_view written, const std::vector<std::string_view>& candidates);

// "`a`, `b` or `c`". [any]
std::string one_of(const std::vector<std::string_view>& choices);

}  // namespace syncline::config
