// Data of the C interface as bytes and back, by the descriptions alone. What is decoded lives in an
// Arena. A struct arrives with the fields that its maker knew: no more, and struct_size says so.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bytes.hpp"
#include "interface.hpp"

namespace syncline::marshal {

// The memory of what was decoded; freed as a whole when its borrowing is over.
class Arena {
  public:
    template <class Type>
    Type* array(std::size_t count) {
        static_assert(std::is_trivially_copyable_v<Type>);
        // Never shared and never larger than asked for: a sanitizer sees what reads beyond it.
        pieces_.push_back(std::make_unique<std::byte[]>(sizeof(Type) * count));
        return reinterpret_cast<Type*>(pieces_.back().get());
    }
    const char* text(std::string_view text) {
        char* copy = array<char>(text.size());
        if (!text.empty()) std::memcpy(copy, text.data(), text.size());
        return copy;
    }

  private:
    std::vector<std::unique_ptr<std::byte[]>> pieces_;
};

// A text that is longer than anything the interface allows is told by its length alone: whoever
// gets it refuses it before reading.
inline constexpr std::uint64_t kTextBytesMax = 256u << 20;

template <class Type>
void encode(Writer& to, const Type& from);
template <class Type>
void decode(Reader& from, Arena& arena, Type& to);

namespace detail {

// How much of a struct its maker knew, of what is known here.
template <class Type>
std::size_t known_size(const Type& of) {
    if constexpr (requires { of.struct_size; }) {
        return std::min<std::size_t>(of.struct_size, sizeof(Type));
    } else {
        return sizeof(Type);
    }
}

template <class Type>
using Item = std::remove_const_t<std::remove_pointer_t<Type>>;

// An array of frozen structs, or of pointers to structs that may grow.
template <class Pointer>
void encode_list(Writer& to, Pointer first, std::size_t count) {
    to.number(first != nullptr);
    if (first == nullptr) return;
    to.number(count);
    for (std::size_t i = 0; i < count; ++i) encode(to, first[i]);
}

template <class Pointer>
Pointer decode_list(Reader& from, Arena& arena) {
    if (from.number<int>() == 0) return nullptr;
    const auto count = from.number<std::size_t>();
    auto* items = arena.array<Item<Pointer>>(count);
    for (std::size_t i = 0; i < count; ++i) decode(from, arena, items[i]);
    return items;
}

template <class Type, auto of>
void encode_field(Writer& to, const Type& from, const Field<of>&) {
    encode(to, from.*of);
}
template <class Type, auto of, auto count>
void encode_field(Writer& to, const Type& from, const List<of, count>&) {
    encode_list(to, from.*of, from.*count);
}
template <class Type, auto of>
void decode_field(Reader& from, Arena& arena, Type& to, const Field<of>&) {
    decode(from, arena, to.*of);
}
template <class Type, auto of, auto count>
void decode_field(Reader& from, Arena& arena, Type& to, const List<of, count>&) {
    to.*of = decode_list<typename MemberOf<of>::Value>(from, arena);
}

template <class Type>
void encode_struct(Writer& to, const Type& from) {
    const std::size_t known = known_size(from);
    to.number(known);
    for_each_field<Type>([&](const auto& field) {
        using Own = std::remove_cvref_t<decltype(field)>;
        using Value = typename MemberOf<Own::kMember>::Value;
        if (field.offset + sizeof(Value) <= known) encode_field(to, from, field);
    });
}

template <class Type>
void decode_struct(Reader& from, Arena& arena, Type& to) {
    to = Type{};
    const auto known = from.number<std::size_t>();
    for_each_field<Type>([&](const auto& field) {
        using Own = std::remove_cvref_t<decltype(field)>;
        using Value = typename MemberOf<Own::kMember>::Value;
        if (field.offset + sizeof(Value) <= known) decode_field(from, arena, to, field);
    });
    if constexpr (requires { to.struct_size; }) to.struct_size = static_cast<std::uint32_t>(known);
}

inline void encode_text(Writer& to, const syncline_str& from) {
    const bool is_told = from.ptr != nullptr && from.len <= kTextBytesMax;
    to.number(from.ptr != nullptr);
    to.number(from.len);
    to.number(is_told);
    if (is_told) to.text({from.ptr, from.len});
}

inline void decode_text(Reader& from, Arena& arena, syncline_str& to) {
    const bool has_place = from.number<int>() != 0;
    to.len = from.number<std::uint64_t>();
    to.ptr = has_place ? "" : nullptr;
    if (from.number<int>() != 0) to.ptr = arena.text(from.text());
}

}  // namespace detail

template <class Type>
void encode(Writer& to, const Type& from) {
    if constexpr (std::is_integral_v<Type>) {
        to.number(from);
    } else if constexpr (std::is_same_v<Type, syncline_str>) {
        detail::encode_text(to, from);
    } else if constexpr (std::is_array_v<Type>) {
        to.text({from, sizeof from});
    } else if constexpr (std::is_pointer_v<Type>) {
        to.number(from != nullptr);
        if (from != nullptr) detail::encode_struct(to, *from);
    } else {
        detail::encode_struct(to, from);
    }
}

template <class Type>
void decode(Reader& from, Arena& arena, Type& to) {
    if constexpr (std::is_integral_v<Type>) {
        to = from.number<Type>();
    } else if constexpr (std::is_same_v<Type, syncline_str>) {
        detail::decode_text(from, arena, to);
    } else if constexpr (std::is_array_v<Type>) {
        const std::string_view text = from.text();
        std::memcpy(to, text.data(), sizeof to);
    } else if constexpr (std::is_pointer_v<Type>) {
        to = nullptr;
        if (from.number<int>() == 0) return;
        auto* target = arena.array<detail::Item<Type>>(1);
        detail::decode_struct(from, arena, *target);
        to = target;
    } else {
        detail::decode_struct(from, arena, to);
    }
}

}  // namespace syncline::marshal
