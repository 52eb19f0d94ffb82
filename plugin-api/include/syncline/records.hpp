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
// Members of the JSON that no field declares are ignored; null is the same as absent. Fields of a
// stream of one's own are declared in the same way:
//
//     struct Loyalty : syncline::Field<syncline::profile::Model, "loyalty", std::int64_t> {};
#ifndef SYNCLINE_RECORDS_HPP
#define SYNCLINE_RECORDS_HPP

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

namespace syncline {

// A text as an argument of a template.
template <std::size_t size>
struct FixedText {
    constexpr FixedText(const char (&from)[size]) {
        for (std::size_t i = 0; i < size; ++i) text[i] = from[i];
    }
    constexpr std::string_view view() const { return {text, size - 1}; }
    char text[size] = {};
};

// A list of records of another model.
template <typename Model>
struct ListOf {};

// A member of a record's JSON. `Type`: std::string, std::int64_t, bool, json::Object, json::Value
// (anything), or ListOf<Model>.
template <typename OfModel, FixedText name, typename OfType>
struct Field {
    using Model = OfModel;
    using Type = OfType;
    static constexpr std::string_view kName = name.view();
};

// A field that need not be there: get() yields a std::optional.
template <typename FieldOrList>
struct Optional {};

// A field that is a list, and what is read of each item: get() yields a std::vector of `Item`s.
template <typename OfField, typename Item>
struct List {};

// ---- The models --------------------------------------------------------------------------------

// One person.
namespace profile {
struct Model;
}

// What a person is known by somewhere.
namespace identity {
struct Model;
struct Kind : Field<Model, "kind", std::string> {};            // "email", "phone", "customer_id"
struct Namespace : Field<Model, "namespace", std::string> {};  // whose id: "mapp", "shop-eu"
struct Value : Field<Model, "value", std::string> {};
struct Encoding : Field<Model, "encoding", std::string> {};  // "raw", "md5", "sha1", "sha256"
struct IsVerified : Field<Model, "verified", bool> {};
struct IsPrimary : Field<Model, "primary", bool> {};
}  // namespace identity

namespace profile {
struct User : Field<Model, "user", std::string> {};  // the id that memberships carry, too
struct Identities : Field<Model, "identities", ListOf<identity::Model>> {};
struct Attributes : Field<Model, "attributes", json::Object> {};
struct UpdatedAt : Field<Model, "updated_at", std::string> {};  // RFC 3339
}  // namespace profile

// A named set of persons.
namespace audience {
struct Model;
struct Audience : Field<Model, "audience", std::string> {};  // its id
struct Name : Field<Model, "name", std::string> {};
struct Description : Field<Model, "description", std::string> {};
struct Customer : Field<Model, "customer", json::Value> {};  // the tenant of the source
}  // namespace audience

// A person in an audience; the record's operation says whether to add or to remove.
namespace membership {
struct Model;
struct Audience : Field<Model, "audience", std::string> {};
struct User : Field<Model, "user", std::string> {};
struct UserType : Field<Model, "user_type", std::string> {};
struct Identities : Field<Model, "identities", ListOf<identity::Model>> {};
struct Customer : Field<Model, "customer", json::Value> {};
struct ExpiresAt : Field<Model, "expires_at", std::string> {};  // RFC 3339
}  // namespace membership

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
        return Reads{std::move(values)};
    }

  private:
    using Values = std::tuple<typename detail::Declared<Wanted>::Value...>;
    explicit Reads(Values values) : values_(std::move(values)) {}

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

}  // namespace syncline

#endif
