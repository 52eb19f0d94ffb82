// The bytes of facts and rows: little helpers that write and read fields in order, bounds checked.
//
// Integers in rows' and facts' bodies are little-endian and fixed in width; in LMDB keys they are
// big-endian, so that byte order is numeric order (key.hpp).
// Concurrency: [any]; an object belongs to one thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace syncline::store {

class Writer {
  public:
    template <class Integer>
    requires std::is_integral_v<Integer> Writer& integer(Integer number) {
        char bytes[sizeof number];
        std::memcpy(bytes, &number, sizeof number);
        out_.append(bytes, sizeof bytes);
        return *this;
    }
    Writer& text(std::string_view value) {
        integer(static_cast<std::uint32_t>(value.size()));
        out_.append(value);
        return *this;
    }
    Writer& raw(std::string_view bytes) {
        out_.append(bytes);
        return *this;
    }

    std::string& bytes() { return out_; }
    std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

// After a read past the end every further read gives zero or empty, and ok() is false.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    template <class Integer>
    requires std::is_integral_v<Integer> Integer integer() {
        Integer number{};
        if (!has(sizeof number)) return number;
        std::memcpy(&number, rest_.data(), sizeof number);
        rest_.remove_prefix(sizeof number);
        return number;
    }
    std::string_view text() {
        auto size = integer<std::uint32_t>();
        return raw(size);
    }
    std::string_view raw(std::size_t size) {
        if (!has(size)) return {};
        std::string_view bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return bytes;
    }

    bool ok() const { return ok_; }
    bool at_end() const { return ok_ && rest_.empty(); }
    std::size_t left() const { return rest_.size(); }

  private:
    bool has(std::size_t size) {
        if (ok_ && size <= rest_.size()) return true;
        ok_ = false;
        rest_ = {};
        return false;
    }

    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace syncline::store
