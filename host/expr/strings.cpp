#include "expr/strings.hpp"

#include <boost/json/array.hpp>
#include <cstring>

#include "expr/value_ops.hpp"
#include "record/json.hpp"

namespace syncline::expr {
namespace {

// jq reads a number in a string as it reads JSON, with white space around it.
std::string_view trim_blanks(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    auto begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Flow give_text(const Call& call, std::string_view text) {
    if (!call.spend_bytes(text.size())) return Flow::kError;
    return call.give(string_of(text));
}

Flow map_ascii(const Call& call, char first, char last, int distance) {
    const auto* text = call.input.if_string();
    if (text == nullptr) return call.fail(describe(call.input) + " is not a string");
    if (!call.spend_bytes(text->size())) return Flow::kError;
    json::string mapped{*text};
    for (char& c : mapped) {
        if (c >= first && c <= last) c = static_cast<char>(c + distance);
    }
    return call.give(std::move(mapped));
}

// Both strings, or null pointers.
struct Texts {
    const json::string* text;
    const json::string* other;
    explicit operator bool() const { return text != nullptr && other != nullptr; }
};

Texts texts_of(const Call& call) { return {call.input.if_string(), call.argument->if_string()}; }

void append_codepoint(json::string& out, std::uint32_t codepoint) {
    auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (codepoint < 0x80) {
        put(codepoint);
    } else if (codepoint < 0x800) {
        put(0xC0 | codepoint >> 6);
        put(0x80 | (codepoint & 0x3F));
    } else if (codepoint < 0x10000) {
        put(0xE0 | codepoint >> 12);
        put(0x80 | (codepoint >> 6 & 0x3F));
        put(0x80 | (codepoint & 0x3F));
    } else {
        put(0xF0 | codepoint >> 18);
        put(0x80 | (codepoint >> 12 & 0x3F));
        put(0x80 | (codepoint >> 6 & 0x3F));
        put(0x80 | (codepoint & 0x3F));
    }
}

// Takes one character off the front of valid UTF-8.
std::string_view next_character(std::string_view& text) {
    std::size_t size = 1;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) ++size;
    auto character = text.substr(0, size);
    text.remove_prefix(size);
    return character;
}

std::uint32_t codepoint_of(std::string_view character) {
    auto lead = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return lead;
    std::uint32_t codepoint = lead & (0x7Fu >> character.size());
    for (char c : character.substr(1)) {
        codepoint = codepoint << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
    }
    return codepoint;
}

bool is_codepoint(const json::value& value) {
    if (!value.is_number()) return false;
    double number = to_double(value);
    return number >= 0 && number <= 0x10FFFF && !(number >= 0xD800 && number < 0xE000);
}

}  // namespace

Flow to_string(const Call& call) {
    if (call.input.is_string()) return call.give_view(call.input);
    return give_text(call, record::write_json(call.input));
}

Flow to_number(const Call& call) {
    if (call.input.is_number()) return call.give_view(call.input);
    if (const auto* text = call.input.if_string()) {
        if (auto number = parse_decimal(trim_blanks(view_of(*text)))) return call.give(*number);
    }
    return call.fail(describe(call.input) + " cannot be read as a number");
}

Flow to_json(const Call& call) { return give_text(call, record::write_json(call.input)); }

Flow from_json(const Call& call) {
    const auto* text = call.input.if_string();
    if (text == nullptr) return call.fail(describe(call.input) + " is not a string of JSON");
    auto parsed = record::parse_json(view_of(*text), {.allows_duplicate_keys = true});
    if (!parsed) return call.fail(describe(call.input) + " is not JSON: " + parsed.error().what());
    if (!call.spend_bytes(weight(*parsed))) return Flow::kError;
    return call.give(std::move(*parsed));
}

Flow ascii_downcase(const Call& call) { return map_ascii(call, 'A', 'Z', 'a' - 'A'); }
Flow ascii_upcase(const Call& call) { return map_ascii(call, 'a', 'z', 'A' - 'a'); }

Flow starts_with(const Call& call) {
    auto texts = texts_of(call);
    if (!texts) return call.fail("startswith needs two strings");
    return call.give(view_of(*texts.text).starts_with(view_of(*texts.other)));
}

Flow ends_with(const Call& call) {
    auto texts = texts_of(call);
    if (!texts) return call.fail("endswith needs two strings");
    return call.give(view_of(*texts.text).ends_with(view_of(*texts.other)));
}

Flow trim_prefix(const Call& call) {
    auto texts = texts_of(call);
    if (!texts || !view_of(*texts.text).starts_with(view_of(*texts.other))) {
        return call.give_view(call.input);
    }
    return give_text(call, view_of(*texts.text).substr(texts.other->size()));
}

Flow trim_suffix(const Call& call) {
    auto texts = texts_of(call);
    if (!texts || !view_of(*texts.text).ends_with(view_of(*texts.other))) {
        return call.give_view(call.input);
    }
    auto size = texts.text->size() - texts.other->size();
    return give_text(call, view_of(*texts.text).substr(0, size));
}

Flow split_text(const Call& call) {
    auto texts = texts_of(call);
    if (!texts) return call.fail("split needs two strings");
    auto rest = view_of(*texts.text);
    auto separator = view_of(*texts.other);
    json::array parts;
    auto add = [&](std::string_view part) {
        if (!call.spend_steps(1) || !call.spend_bytes(part.size() + sizeof(json::value))) {
            return false;
        }
        parts.emplace_back(string_of(part));
        return true;
    };
    if (separator.empty()) {
        while (!rest.empty()) {
            if (!add(next_character(rest))) return Flow::kError;
        }
        return call.give(std::move(parts));
    }
    if (rest.empty()) return call.give(std::move(parts));
    while (true) {
        // memmem is linear whatever the separator; a naive search is not.
        const void* found = memmem(rest.data(), rest.size(), separator.data(), separator.size());
        if (found == nullptr) break;
        auto size = static_cast<std::size_t>(static_cast<const char*>(found) - rest.data());
        if (!add(rest.substr(0, size))) return Flow::kError;
        rest.remove_prefix(size + separator.size());
    }
    if (!add(rest)) return Flow::kError;
    return call.give(std::move(parts));
}

// As jq 1.6: null counts as an empty string; numbers and booleans are written; the separator may be
// null.
Flow join(const Call& call) {
    json::string text;
    bool is_first = true;
    auto add = [&](const json::value& element) {
        std::string written;
        std::string_view part;
        if (const auto* string = element.if_string()) {
            part = view_of(*string);
        } else if (element.is_number() || element.is_bool()) {
            written = record::write_json(element);
            part = written;
        } else if (!element.is_null()) {
            return call.fail(describe(element) + " cannot be joined");
        }
        std::string_view separator;
        if (const auto* string = call.argument->if_string(); string != nullptr && !is_first) {
            separator = view_of(*string);
        } else if (!is_first && !call.argument->is_null()) {
            return call.fail(describe(*call.argument) + " cannot separate strings");
        }
        is_first = false;
        if (!call.spend_steps(1) || !call.spend_bytes(separator.size() + part.size())) {
            return Flow::kError;
        }
        text.append(json::string_view{separator.data(), separator.size()});
        text.append(json::string_view{part.data(), part.size()});
        return Flow::kValue;
    };
    if (const auto* array = call.input.if_array()) {
        for (const auto& element : *array) {
            if (auto flow = add(element); flow != Flow::kValue) return flow;
        }
    } else if (const auto* object = call.input.if_object()) {
        for (const auto& member : *object) {
            if (auto flow = add(member.value()); flow != Flow::kValue) return flow;
        }
    } else {
        return call.fail(describe(call.input) + " has no elements");
    }
    return call.give(std::move(text));
}

Flow explode(const Call& call) {
    const auto* text = call.input.if_string();
    if (text == nullptr) return call.fail(describe(call.input) + " is not a string");
    json::array codepoints;
    for (auto rest = view_of(*text); !rest.empty();) {
        if (!call.spend_steps(1) || !call.spend_bytes(sizeof(json::value))) return Flow::kError;
        codepoints.emplace_back(std::int64_t{codepoint_of(next_character(rest))});
    }
    return call.give(std::move(codepoints));
}

Flow implode(const Call& call) {
    const auto* codepoints = call.input.if_array();
    if (codepoints == nullptr) return call.fail(describe(call.input) + " is not an array");
    json::string text;
    for (const auto& codepoint : *codepoints) {
        if (!is_codepoint(codepoint)) return call.fail(describe(codepoint) + " is no codepoint");
        if (!call.spend_steps(1) || !call.spend_bytes(4)) return Flow::kError;
        append_codepoint(text, static_cast<std::uint32_t>(to_double(codepoint)));
    }
    return call.give(std::move(text));
}

Flow utf8_byte_length(const Call& call) {
    const auto* text = call.input.if_string();
    if (text == nullptr) return call.fail(describe(call.input) + " is not a string");
    return call.give(text->size());
}

}  // namespace syncline::expr
