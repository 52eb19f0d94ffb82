// How a struct of the C interface is described so that it can be sent: Described<Type> has its
// name, its fields in their order, and, for a table, by what it is found. interface.hpp describes
// all of them.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace syncline::marshal {

template <class Type>
struct Described;

// A field of plain data: a number, a text, an array of characters, a struct, or a pointer to one.
template <auto of>
struct Field {
    static constexpr auto kMember = of;
    std::string_view name;
    std::size_t offset;
};

// A field that points to the first of as many items as the other field says.
template <auto of, auto count>
struct List {
    static constexpr auto kMember = of;
    static constexpr auto kCount = count;
    std::string_view name;
    std::size_t offset;
};

enum class Kind {
    kCall,       // its arguments are borrowed until it returns
    kBegins,     // begins an operation, its second argument: what it is given is borrowed until ...
    kCompletes,  // ... this one was entered
    kOwn,        // sides.cpp has its own way: it makes or finds what the others go by
};

// A function pointer.
template <auto of, Kind kind>
struct Slot {
    static constexpr auto kMember = of;
    static constexpr Kind kKind = kind;
    std::string_view name;
    std::size_t offset;
};

// Whose functions a table has, which is what the first argument of each refers to.
enum class Whose { kPlugin, kHost, kSink };

template <class Type>
inline constexpr bool kIsSlot = false;
template <auto of, Kind kind>
inline constexpr bool kIsSlot<Slot<of, kind>> = true;

template <class Type>
concept IsDescribed = requires {
    Described<Type>::kFields;
};
template <class Type>
concept IsTable = IsDescribed<Type> && requires {
    Described<Type>::kWhose;
};
template <class Type>
concept IsSink = IsTable<Type> && Described<Type>::kWhose == Whose::kSink;

template <auto member>
struct MemberOf;
template <class Type, class OfType, OfType Type::*member>
struct MemberOf<member> {
    using Struct = Type;
    using Value = OfType;
};

template <class Type, class Do>
constexpr void for_each_field(const Do& act) {
    std::apply([&](const auto&... field) { (act(field), ...); }, Described<Type>::kFields);
}

// The macros keep a description to one word for each field; they are gone after interface.hpp.
#define MARSHAL_STRUCT(of, ...)                                  \
    template <>                                                  \
    struct Described<of> {                                       \
        using Type = of;                                         \
        static constexpr std::string_view kName = #of;           \
        static constexpr auto kFields = std::tuple{__VA_ARGS__}; \
    };
#define MARSHAL_TABLE(of, whose, id, ...)                        \
    template <>                                                  \
    struct Described<of> {                                       \
        using Type = of;                                         \
        static constexpr std::string_view kName = #of;           \
        static constexpr Whose kWhose = Whose::whose;            \
        static constexpr std::string_view kId = id;              \
        static constexpr auto kFields = std::tuple{__VA_ARGS__}; \
    };
#define MARSHAL_FIELD(field)          \
    Field<&Type::field> {             \
#field, offsetof(Type, field) \
    }
#define MARSHAL_LIST(field, count)     \
    List<&Type::field, &Type::count> { \
#field, offsetof(Type, field)  \
    }
#define MARSHAL_SLOT(field, kind)     \
    Slot<&Type::field, Kind::kind> {  \
#field, offsetof(Type, field) \
    }

}  // namespace syncline::marshal
