// Messages between the two sides: what is written on one is read on the other, in the same order.
// Numbers take 8 bytes, a text its length and its bytes. There is no way to write an address.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace syncline::marshal {

class Writer {
  public:
    template <std::integral Number>
    void number(Number value) {
        const auto wide = static_cast<std::uint64_t>(value);
        for (int shift = 0; shift < 64; shift += 8)
            bytes_.push_back(static_cast<char>(wide >> shift & 0xff));
    }
    void text(std::string_view text) {
        number(text.size());
        bytes_.append(text);
    }
    std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

// Throws std::out_of_range for a message that ends too early: the two sides differ.
class Reader {
  public:
    explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}

    template <std::integral Number>
    Number number() {
        std::uint64_t wide = 0;
        const std::string_view eight = take(8);
        for (std::size_t i = 8; i-- > 0;) wide = wide << 8 | static_cast<unsigned char>(eight[i]);
        return static_cast<Number>(wide);
    }
    std::string_view text() { return take(number<std::size_t>()); }
    bool is_at_end() const { return at_ == bytes_.size(); }

  private:
    std::string_view take(std::size_t count) {
        if (count > bytes_.size() - at_) throw std::out_of_range{"the message is too short"};
        return std::string_view{bytes_}.substr(std::exchange(at_, at_ + count), count);
    }

    std::string bytes_;
    std::size_t at_ = 0;
};

}  // namespace syncline::marshal
