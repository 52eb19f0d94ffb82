// Records as typed views: what a connector reads of a record's JSON is declared once, and nothing
// else can be read.
//
//     using Member = syncline::Reads<syncline::membership::Audience, syncline::membership::User,
//                                    syncline::Optional<syncline::membership::UserType>>;
//
//     const auto member = record.read<Member>();      // in write(), see write.hpp
//     if (!member) continue;                          // it has failed: what is missing is told
//     member->get<syncline::membership::User>();      // const std::string&
//     member->get<syncline::membership::UserType>();  // const std::optional<std::string>&
//     member->get<syncline::membership::Customer>();  // does not compile: not declared
//
// Members of the JSON that no field declares are ignored; null is the same as absent. A record is
// made, or changed in what it says of a field and in nothing else, by put():
//
//     json::Object body;
//     syncline::put<syncline::membership::User>(body, "u1");
//
// The published models are in models.hpp. Fields of one's own are declared in the same way:
//
//     struct Loyalty : syncline::Field<syncline::profile::Model, "loyalty", std::int64_t> {};
#ifndef SYNCLINE_RECORDS_HPP
#define SYNCLINE_RECORDS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/json.hpp"
#include "syncline/models.hpp"
#include "syncline/record_fields.hpp"

namespace syncline {

// ---- Views -------------------------------------------------------------------------------------

namespace detail {

// What a record lacks: "the text 'user', the list 'identities'".
struct Lacks {
    std::size_t count = 0;
    std::string words;  // of the first few

    void add(const char* kind, const std::string& path) {
        constexpr std::size_t kToldMax = 8;
        if (++count > kToldMax) return;
        words += (words.empty() ? "the " : ", the ") + std::string{kind} + " '" + path + "'";
    }
};

template <typename Type>
struct ReadAs {
    static_assert(!std::is_same_v<Type, Type>,
                  "a field is text, an integer, a truth, an object, any value, or a list");
};
template <>
struct ReadAs<std::string> {
    static constexpr const char* kKind = "text";
    static const std::string* find(const json::Value& value) { return value.string(); }
};
template <>
struct ReadAs<std::int64_t> {
    static constexpr const char* kKind = "integer";
    static std::optional<std::int64_t> find(const json::Value& value) { return value.int64(); }
};
template <>
struct ReadAs<bool> {
    static constexpr const char* kKind = "truth";
    static const bool* find(const json::Value& value) { return value.boolean(); }
};
template <>
struct ReadAs<json::Object> {
    static constexpr const char* kKind = "object";
    static const json::Object* find(const json::Value& value) { return value.object(); }
};
template <>
struct ReadAs<json::Value> {
    static constexpr const char* kKind = "value";
    static const json::Value* find(const json::Value& value) { return &value; }
};

// What one argument of Reads<...> means.
template <typename DeclaredField>
struct Declared {
    using Field = DeclaredField;
    using Value = typename Field::Type;

    static void read(const json::Value* found, const std::string& path, Lacks& missing,
                     Value& into) {
        using As = ReadAs<Value>;
        if (found != nullptr && !found->is_null()) {
            if (const auto value = As::find(*found)) {
                into = *value;
                return;
            }
        }
        missing.add(As::kKind, path);
    }
};

template <typename OfField, typename Item>
struct Declared<List<OfField, Item>> {
    using Field = OfField;
    using Value = std::vector<Item>;
    static_assert(std::is_same_v<typename Field::Type, ListOf<typename Item::Model>>,
                  "the items of the list are of another model than what is read of each");

    static void read(const json::Value* found, const std::string& path, Lacks& missing,
                     Value& into) {
        const json::Array* items = found != nullptr ? found->array() : nullptr;
        if (items == nullptr) return missing.add("list", path);
        for (std::size_t i = 0; i < items->size(); ++i) {
            const std::string at = path + '[' + std::to_string(i) + "].";
            if (auto item = Item::read((*items)[i], at, missing)) into.push_back(std::move(*item));
        }
    }
};

template <typename Inner>
struct Declared<Optional<Inner>> {
    using Field = typename Declared<Inner>::Field;
    using Value = std::optional<typename Declared<Inner>::Value>;

    // Absent is fine; there but of another type is not.
    static void read(const json::Value* found, const std::string& path, Lacks& missing,
                     Value& into) {
        if (found == nullptr || found->is_null()) return;
        Declared<Inner>::read(found, path, missing, into.emplace());
    }
};

template <typename First, typename...>
struct FirstOf {
    using Type = First;
};

}  // namespace detail

// The declared fields of one record, read and checked. Owns what it yields.
template <typename... Wanted>
class Reads {
    static_assert(sizeof...(Wanted) > 0, "a view reads at least one field");

  public:
    using Model =
        typename detail::Declared<typename detail::FirstOf<Wanted...>::Type>::Field::Model;
    static_assert((std::is_same_v<typename detail::Declared<Wanted>::Field::Model, Model> && ...),
                  "the fields of one Reads<...> belong to one model");

    // Throws a Failure of class SYNCLINE_E_PERMANENT that says what is missing or of another type.
    explicit Reads(std::string_view body) : Reads(parse_json(body, "the record is ")) {}
    explicit Reads(const json::Value& body) : values_(checked(body)) {}

    // What the record has in this field.
    template <typename Field>
    const auto& get() const {
        constexpr std::size_t index = index_of<Field>();
        static_assert(index < sizeof...(Wanted),
                      "this connector has not declared that it reads this field: add it to its "
                      "syncline::Reads<...>");
        if constexpr (index < sizeof...(Wanted)) {
            return std::get<index>(values_);
        } else {
            return *this;
        }
    }

    // Null if something is missing, which is then added to `missing`. For views within views.
    static std::optional<Reads> read(const json::Value& body, const std::string& path,
                                     detail::Lacks& missing) {
        const std::size_t before = missing.count;
        Values values{};
        std::apply(
            [&](auto&... into) {
                (detail::Declared<Wanted>::read(
                     body.find(detail::Declared<Wanted>::Field::kName),
                     path + std::string{detail::Declared<Wanted>::Field::kName}, missing, into),
                 ...);
            },
            values);
        if (missing.count > before) return std::nullopt;
        return Reads{Checked{}, std::move(values)};
    }

  private:
    using Values = std::tuple<typename detail::Declared<Wanted>::Value...>;
    // A view of one text is not made of a text by mistake.
    struct Checked {};
    Reads(Checked, Values values) : values_(std::move(values)) {}

    template <typename Field>
    static constexpr std::size_t index_of() {
        constexpr std::array<bool, sizeof...(Wanted)> is_same{
            std::is_same_v<typename detail::Declared<Wanted>::Field, Field>...};
        std::size_t index = 0;
        while (index < is_same.size() && !is_same[index]) ++index;
        return index;
    }
    static Values checked(const json::Value& body) {
        detail::Lacks missing;
        if (auto found = read(body, "", missing)) return std::move(found->values_);
        throw Failure{SYNCLINE_E_PERMANENT, "the record needs " + missing.words};
    }

    Values values_;
};

// Gives a field of a record's body a value of its type, in its old place or at the end. A list's
// items are bodies of their own. Members that are no fields stay as they are.
template <typename Field, typename Of>
void put(json::Object& body, Of&& value) {
    using Type = typename Field::Type;
    json::Value made;
    if constexpr (std::is_same_v<Type, json::Value> ||
                  std::is_same_v<std::remove_cvref_t<Of>, json::Value>) {
        static_assert(std::is_same_v<Type, json::Value>, "the field has a type: give one of it");
        made = std::forward<Of>(value);
    } else if constexpr (std::is_same_v<Type, std::string>) {
        made = json::Value{std::string{std::forward<Of>(value)}};
    } else if constexpr (std::is_same_v<Type, std::int64_t>) {
        static_assert(std::is_integral_v<std::remove_cvref_t<Of>> &&
                          !std::is_same_v<std::remove_cvref_t<Of>, bool>,
                      "the field is an integer");
        made = json::Value{json::Number{std::to_string(value)}};
    } else if constexpr (std::is_same_v<Type, bool>) {
        static_assert(std::is_same_v<std::remove_cvref_t<Of>, bool>, "the field is a truth");
        made = json::Value{value};
    } else if constexpr (std::is_same_v<Type, json::Object>) {
        made = json::Value{json::Object{std::forward<Of>(value)}};
    } else {
        made = json::Value{json::Array{std::forward<Of>(value)}};
    }
    const auto found = std::find_if(body.rbegin(), body.rend(), [](const json::Member& member) {
        return member.name == Field::kName;
    });
    if (found != body.rend()) {
        found->value = std::move(made);
    } else {
        body.push_back({std::string{Field::kName}, std::move(made)});
    }
}

}  // namespace syncline

#endif
