#include "app/words.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "record/json.hpp"

namespace syncline::app {

namespace json = boost::json;

namespace {

// As deep as JSON may be that the hub reads.
void append_pretty(std::string& text, const json::value& value, std::size_t depth) {
    constexpr std::size_t kIndent = 2;
    const auto* object = value.if_object();
    const auto* array = value.if_array();
    const std::size_t count = object ? object->size() : array ? array->size() : 0;
    if (count == 0) {
        text += record::write_json(value);
        return;
    }
    text += object ? "{" : "[";
    for (std::size_t i = 0; i < count; ++i) {
        text.append(i == 0 ? "\n" : ",\n").append((depth + 1) * kIndent, ' ');
        if (object) {
            const auto& member = object->begin()[static_cast<std::ptrdiff_t>(i)];
            text += record::write_json(json::string{member.key()}) + ": ";
            append_pretty(text, member.value(), depth + 1);
        } else {
            append_pretty(text, (*array)[i], depth + 1);
        }
    }
    text.append("\n").append(depth * kIndent, ' ').append(object ? "}" : "]");
}

}  // namespace

std::string text_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || value->is_null()) return {};
    return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

bool is_true(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::string count_of(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string pretty_json(const json::value& value) {
    std::string text;
    append_pretty(text, value, 0);
    return text + "\n";
}

std::string wrapped(std::string_view line, std::size_t indent) {
    std::string text;
    std::size_t room = kLineColumns;
    while (line.size() > room) {
        const std::size_t word = std::min(line.find_first_not_of(' '), line.size());
        std::size_t space = line.rfind(' ', room);
        if (space == std::string_view::npos || space <= word)
            space = line.find(' ', std::max(room, word));  // a word that is longer than a line
        if (space == std::string_view::npos) break;
        text.append(line.substr(0, space)).append(1, '\n').append(indent, ' ');
        line.remove_prefix(space + 1);
        room = kLineColumns - indent;
    }
    return text += line;
}

}  // namespace syncline::app
