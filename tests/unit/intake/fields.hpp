// The header fields of a request, for verifiers.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "intake/verify.hpp"

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

}  // namespace syncline::test
