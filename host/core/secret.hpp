// A value that must not be seen: can't be printed, formatted or compared in variable time, and is
// cleansed when it dies.
#pragma once

#include <string>
#include <string_view>

namespace syncline::core {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    bool empty() const { return value_.empty(); }

    // The value, for the one place that uses it. Valid while this object lives.
    std::string_view reveal() const { return value_; }

    // Takes the same time wherever the two differ; a different length is told at once.
    bool equals(std::string_view other) const;

  private:
    std::string value_;
};

// The same for two plain byte strings, such as two message authentication codes. [any]
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace syncline::core
