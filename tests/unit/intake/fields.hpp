// Verifiers, and what they are given.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "intake/verify.hpp"
#include "support/catch.hpp"

namespace syncline::test {

using FieldList = std::vector<std::pair<std::string, std::string>>;

class Fields final : public intake::HeaderLookup {
  public:
    explicit Fields(FieldList fields) : fields_(std::move(fields)) {}
    Fields(std::initializer_list<FieldList::value_type> fields) : fields_(fields) {}
    std::optional<std::string_view> only_value(std::string_view name) const override {
        std::optional<std::string_view> found;
        for (const auto& [field, value] : fields_) {
            if (field != name) continue;
            if (found) return std::nullopt;
            found = value;
        }
        return found;
    }

  private:
    FieldList fields_;
};

constexpr std::int64_t kSecond_ns = 1'000'000'000;
constexpr std::int64_t kNow_s = 1'614'265'330;

inline intake::Verifier made(const intake::VerifierOptions& options) {
    auto verifier = intake::Verifier::make(options);
    REQUIRE(verifier.has_value());
    return std::move(*verifier);
}

inline std::vector<intake::VerifyKey> keys_of(const std::vector<std::string>& values) {
    std::vector<intake::VerifyKey> keys;
    for (const std::string& value : values) keys.push_back({core::Secret{value}, std::nullopt, ""});
    return keys;
}

}  // namespace syncline::test
