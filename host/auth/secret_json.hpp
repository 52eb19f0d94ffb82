// JSON whose texts are secrets: they are cleansed before the tree's memory is given back.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

#include "core/secret.hpp"

namespace syncline::auth {

class SecretJson {
  public:
    explicit SecretJson(boost::json::object object) : root_(std::move(object)) {}
    SecretJson(SecretJson&& other) noexcept = default;
    SecretJson& operator=(SecretJson&&) = delete;
    ~SecretJson();

    // Nothing when the text is not a JSON object. The text itself stays the caller's. [any]
    static std::optional<SecretJson> parse(std::string_view text, std::size_t depth_max = 16);

    const boost::json::object& object() const { return root_.get_object(); }
    core::Secret text() const;

  private:
    boost::json::value root_;
};

}  // namespace syncline::auth
