// What a field of a record is: a name in its JSON and a type. Models are made of them (models.hpp),
// views read them (records.hpp).
#ifndef SYNCLINE_RECORD_FIELDS_HPP
#define SYNCLINE_RECORD_FIELDS_HPP

#include <cstddef>
#include <string_view>

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

// The fields of a model, for what goes over all of them.
template <typename... Fields>
struct AllFields {};

}  // namespace syncline

#endif
