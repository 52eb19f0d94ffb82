// JSON that the compiler writes: the schema in a manifest, which the host reads without running
// anything. Connectors see it through typed_settings.hpp.
#ifndef SYNCLINE_CONSTANT_JSON_HPP
#define SYNCLINE_CONSTANT_JSON_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace syncline::detail {

// Writes JSON while compiling: without memory it counts, then it fills what was counted.
class ConstantJson {
  public:
    constexpr explicit ConstantJson(char* to = nullptr) : to_(to) {}

    constexpr std::size_t size() const { return size_; }
    constexpr ConstantJson& raw(std::string_view json) {
        for (const char c : json) put(c);
        return *this;
    }
    constexpr ConstantJson& open(char bracket) {
        separate();
        put(bracket);
        return *this;
    }
    constexpr ConstantJson& key(std::string_view name) {
        text(name);
        put(':');
        return *this;
    }
    constexpr ConstantJson& text(std::string_view value) {
        separate();
        put('"');
        for (const char c : value) {
            if (static_cast<unsigned char>(c) < 0x20) throw "a text has a control character";
            if (c == '"' || c == '\\') put('\\');
            put(c);
        }
        put('"');
        return *this;
    }
    constexpr ConstantJson& number(std::int64_t value) {
        separate();
        std::array<char, 20> digits{};
        std::size_t count = 0;
        auto rest = static_cast<std::uint64_t>(value);
        if (value < 0) rest = ~rest + 1;
        do digits[count++] = static_cast<char>('0' + rest % 10);
        while ((rest /= 10) != 0);
        if (value < 0) put('-');
        while (count > 0) put(digits[--count]);
        return *this;
    }
    constexpr ConstantJson& word(std::string_view json) {
        separate();
        return raw(json);
    }

  private:
    constexpr void put(char c) {
        if (to_ != nullptr) to_[size_] = c;
        ++size_;
        last_ = c;
    }
    constexpr void separate() {
        if (last_ != '{' && last_ != '[' && last_ != ':') put(',');
    }

    char* to_;
    std::size_t size_ = 0;
    char last_ = ':';
};

}  // namespace syncline::detail

#endif
