// A small JSON reader and writer, so that a connector needs no library.
//
// Numbers keep their text: 64-bit integers are exact, and nothing is ever rounded. The reader takes
// exactly RFC 8259 with valid UTF-8, refuses an object that has two members of one name, is bounded
// in depth, and throws nothing.
#ifndef SYNCLINE_JSON_HPP
#define SYNCLINE_JSON_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace syncline::json {

struct Member;
class Value;
using Array = std::vector<Value>;
using Object = std::vector<Member>;  // in the order of the text

// The text of a number, as it was written: "12", "-0.5e3".
struct Number {
    std::string text;
};

class Value {
  public:
    Value() = default;  // null
    explicit Value(bool value);
    explicit Value(Number value);
    explicit Value(std::string value);
    explicit Value(Array value);
    explicit Value(Object value);

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }

    // Null unless the value is of that kind. Valid while the value lives.
    const bool* boolean() const { return std::get_if<bool>(&data_); }
    const Number* number() const { return std::get_if<Number>(&data_); }
    const std::string* string() const { return std::get_if<std::string>(&data_); }
    const Array* array() const { return std::get_if<Array>(&data_); }
    const Object* object() const { return std::get_if<Object>(&data_); }

    // The number as an integer, if it is written as one and fits.
    std::optional<std::int64_t> int64() const { return integer<std::int64_t>(); }
    std::optional<std::uint64_t> uint64() const { return integer<std::uint64_t>(); }

    // A member of an object; of several with one name, the last. Null if there is none or this is
    // no object.
    const Value* find(std::string_view name) const;
    // The value that a JSON Pointer (RFC 6901) leads to: "" is this one, "/items/0/id" one within.
    // Null if there is none.
    const Value* at(std::string_view pointer) const;
    // A member, if it is text, or a list.
    const std::string* find_string(std::string_view name) const {
        const Value* member = find(name);
        return member != nullptr ? member->string() : nullptr;
    }
    const Array* find_array(std::string_view name) const {
        const Value* member = find(name);
        return member != nullptr ? member->array() : nullptr;
    }
    // A member, if it is text, otherwise the fallback.
    std::string text_or(std::string_view name, std::string_view fallback) const {
        const std::string* text = find_string(name);
        return text != nullptr ? *text : std::string{fallback};
    }
    // The member is there, and true.
    bool is_true(std::string_view name) const {
        const Value* member = find(name);
        return member != nullptr && member->boolean() != nullptr && *member->boolean();
    }

  private:
    template <typename Integer>
    std::optional<Integer> integer() const;

    std::variant<std::nullptr_t, bool, Number, std::string, Array, Object> data_;
};

struct Member {
    std::string name;
    Value value;
};

// Here, where a member is known: Clang needs it.
inline Value::Value(bool value) : data_(value) {}
inline Value::Value(Number value) : data_(std::move(value)) {}
inline Value::Value(std::string value) : data_(std::move(value)) {}
inline Value::Value(Array value) : data_(std::move(value)) {}
inline Value::Value(Object value) : data_(std::move(value)) {}

inline const Value* Value::find(std::string_view name) const {
    const Object* members = object();
    if (members == nullptr) return nullptr;
    for (auto member = members->rbegin(); member != members->rend(); ++member) {
        if (member->name == name) return &member->value;
    }
    return nullptr;
}

inline const Value* Value::at(std::string_view pointer) const {
    if (pointer.empty()) return this;
    if (pointer.front() != '/') return nullptr;
    std::string name;  // of the first step, unescaped
    std::size_t i = 1;
    for (; i < pointer.size() && pointer[i] != '/'; ++i) {
        const char next = pointer[i] == '~' && i + 1 < pointer.size() ? pointer[i + 1] : '\0';
        const bool is_escape = next == '0' || next == '1';
        name += !is_escape ? pointer[i] : next == '0' ? '~' : '/';
        if (is_escape) ++i;
    }
    const Value* next = find(name);
    if (const Array* items = array()) {
        std::size_t index = 0;
        const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), index);
        const bool is_index = error == std::errc{} && stop == name.data() + name.size();
        if (is_index && index < items->size()) next = &(*items)[index];
    }
    return next != nullptr ? next->at(pointer.substr(i)) : nullptr;
}

template <typename Integer>
std::optional<Integer> Value::integer() const {
    const Number* written = number();
    if (written == nullptr) return std::nullopt;
    Integer result = 0;
    const char* end = written->text.data() + written->text.size();
    const auto [stop, error] = std::from_chars(written->text.data(), end, result);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return result;
}

// A value, or where and why there is none.
struct Parsed {
    std::optional<Value> value;
    std::size_t offset = 0;    // bytes from the start of the text
    const char* problem = "";  // a constant

    explicit operator bool() const { return value.has_value(); }
};

inline constexpr std::size_t kDepthMax = 64;

// Reads a whole text. The memory used is proportional to the text's length.
Parsed parse(std::string_view text, std::size_t depth_max = kDepthMax) noexcept;

// Bytes of the UTF-8 sequence that `text` starts with; 0 if it is invalid or empty.
std::size_t utf8_length(std::string_view text) noexcept;

// Writes JSON from front to back: `writer.begin_object().member("id", id).end_object()`. Commas
// come by themselves. Bytes that are not UTF-8 become U+FFFD. Nesting is the caller's duty.
class Writer {
  public:
    Writer& begin_object() { return open('{'); }
    Writer& end_object() { return close('}'); }
    Writer& begin_array() { return open('['); }
    Writer& end_array() { return close(']'); }
    Writer& key(std::string_view name);

    Writer& value(std::string_view text);
    Writer& value(const char* text) { return value(std::string_view{text}); }
    Writer& value(const std::string& text) { return value(std::string_view{text}); }
    Writer& value(bool truth) { return raw(truth ? "true" : "false"); }
    template <typename Integer, std::enable_if_t<std::is_integral_v<Integer>, int> = 0>
    Writer& value(Integer number) {
        return raw(std::to_string(number));
    }
    Writer& value(const Value& value);
    Writer& null() { return raw("null"); }

    template <typename T>
    Writer& member(std::string_view name, const T& of) {
        return key(name).value(of);
    }

    // The text so far. take() leaves the writer empty.
    const std::string& text() const { return text_; }
    std::string take() { return std::exchange(text_, {}); }

  private:
    Writer& open(char bracket);
    Writer& close(char bracket);
    Writer& raw(std::string_view json);
    void separate();
    void quote(std::string_view text);

    std::string text_;
};

inline std::string write(const Value& value) {
    return Writer{}.value(value).take();
}

// ---- Implementation --------------------------------------------------------------------------

inline std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (text.empty()) return 0;
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && second < 0xA0;
        const bool surrogate = first == 0xED && second > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool overlong = first == 0xF0 && second < 0x90;
        const bool too_large = first == 0xF4 && second > 0x8F;
        return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
    }
    return 0;
}

namespace detail {

class Parser {
  public:
    Parser(std::string_view text, std::size_t depth_max) : text_(text), depth_max_(depth_max) {}

    Parsed run() {
        Parsed result;
        Value value;
        if (read_value(value, 0)) {
            skip_space();
            if (at_ == text_.size()) {
                result.value = std::move(value);
            } else {
                fail("something follows the value");
            }
        }
        result.offset = at_;
        result.problem = problem_;
        return result;
    }

    std::size_t offset() const { return at_; }

  private:
    bool fail(const char* problem) {
        problem_ = problem;
        return false;
    }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool take(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }

    void skip_space() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
    }

    bool read_value(Value& out, std::size_t depth) {
        skip_space();
        switch (peek()) {
            case '{':
                return depth < depth_max_ ? read_object(out, depth) : fail("nested too deeply");
            case '[':
                return depth < depth_max_ ? read_array(out, depth) : fail("nested too deeply");
            case '"':
                return read_string_value(out);
            case 't':
                return read_word("true", Value{true}, out);
            case 'f':
                return read_word("false", Value{false}, out);
            case 'n':
                return read_word("null", Value{}, out);
            default:
                return read_number(out);
        }
    }

    bool read_word(std::string_view word, Value meaning, Value& out) {
        if (text_.substr(at_, word.size()) != word) return fail("a value is expected");
        at_ += word.size();
        out = std::move(meaning);
        return true;
    }

    bool read_object(Value& out, std::size_t depth) {
        Object members;
        ++at_;
        skip_space();
        if (!take('}')) {
            do {
                skip_space();
                Member member;
                if (peek() != '"') return fail("a member's name is expected");
                if (!read_string(member.name)) return false;
                skip_space();
                if (!take(':')) return fail("':' is expected");
                if (!read_value(member.value, depth + 1)) return false;
                members.push_back(std::move(member));
                skip_space();
            } while (take(','));
            if (!take('}')) return fail("',' or '}' is expected");
        }
        // Readers would differ about which one holds: the one that checks and the one that acts.
        if (has_duplicate(members)) return fail("an object has two members of one name");
        out = Value{std::move(members)};
        return true;
    }

    static bool has_duplicate(const Object& members) {
        if (members.size() < 2) return false;
        std::vector<std::string_view> names;
        names.reserve(members.size());
        for (const Member& member : members) names.push_back(member.name);
        std::sort(names.begin(), names.end());
        return std::adjacent_find(names.begin(), names.end()) != names.end();
    }

    bool read_array(Value& out, std::size_t depth) {
        Array items;
        ++at_;
        skip_space();
        if (!take(']')) {
            do {
                Value item;
                if (!read_value(item, depth + 1)) return false;
                items.push_back(std::move(item));
                skip_space();
            } while (take(','));
            if (!take(']')) return fail("',' or ']' is expected");
        }
        out = Value{std::move(items)};
        return true;
    }

    bool take_digits() {
        const std::size_t begin = at_;
        while (peek() >= '0' && peek() <= '9') ++at_;
        return at_ > begin;
    }

    bool read_number(Value& out) {
        const std::size_t begin = at_;
        take('-');
        if (!take('0') && !take_digits()) return fail("a value is expected");
        if (take('.') && !take_digits()) return fail("a digit is expected");
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!take_digits()) return fail("a digit is expected");
        }
        out = Value{Number{std::string{text_.substr(begin, at_ - begin)}}};
        return true;
    }

    bool read_string_value(Value& out) {
        std::string text;
        if (!read_string(text)) return false;
        out = Value{std::move(text)};
        return true;
    }

    bool read_string(std::string& out) {
        ++at_;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                if (!read_escape(out)) return false;
                continue;
            }
            if (static_cast<unsigned char>(c) < 0x20)
                return fail("a control character in a string");
            if (take_plain_run(out)) continue;
            const std::size_t length = utf8_length(text_.substr(at_));
            if (length == 0) return fail("a string is not UTF-8");
            out.append(text_.substr(at_, length));
            at_ += length;
        }
        return fail("a string does not end");
    }

    // ASCII without quotes, escapes and control characters: nearly everything, so it is copied in
    // one piece.
    bool take_plain_run(std::string& out) {
        const std::size_t begin = at_;
        while (at_ < text_.size()) {
            const auto byte = static_cast<unsigned char>(text_[at_]);
            if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\') break;
            ++at_;
        }
        out.append(text_.substr(begin, at_ - begin));
        return at_ > begin;
    }

    bool read_escape(std::string& out) {
        ++at_;
        const char c = peek();
        constexpr std::string_view kNames = "\"\\/bfnrt";
        constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
        if (c == 'u') return read_code_point(out);
        const std::size_t index = c == '\0' ? std::string_view::npos : kNames.find(c);
        if (index == std::string_view::npos) return fail("an unknown escape in a string");
        out += kMeanings[index];
        ++at_;
        return true;
    }

    bool read_hex(std::uint32_t& out) {
        if (!take('u') || text_.size() - at_ < 4) return fail("\\u needs four hexadecimal digits");
        const char* end = text_.data() + at_ + 4;
        const auto [stop, error] = std::from_chars(text_.data() + at_, end, out, 16);
        if (error != std::errc{} || stop != end) return fail("\\u needs four hexadecimal digits");
        at_ += 4;
        return true;
    }

    bool read_code_point(std::string& out) {
        std::uint32_t code = 0;
        if (!read_hex(code)) return false;
        if (code >= 0xDC00 && code <= 0xDFFF) return fail("half of a surrogate pair");
        if (code >= 0xD800 && code <= 0xDBFF) {
            std::uint32_t low = 0;
            if (!take('\\') || peek() != 'u') return fail("half of a surrogate pair");
            if (!read_hex(low)) return false;
            if (low < 0xDC00 || low > 0xDFFF) return fail("half of a surrogate pair");
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        append_utf8(out, code);
        return true;
    }

    static void append_utf8(std::string& out, std::uint32_t code) {
        const auto push = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
        if (code < 0x80) return push(code);
        if (code < 0x800) {
            push(0xC0U | (code >> 6));
        } else if (code < 0x10000) {
            push(0xE0U | (code >> 12));
            push(0x80U | ((code >> 6) & 0x3FU));
        } else {
            push(0xF0U | (code >> 18));
            push(0x80U | ((code >> 12) & 0x3FU));
            push(0x80U | ((code >> 6) & 0x3FU));
        }
        push(0x80U | (code & 0x3FU));
    }

    std::string_view text_;
    std::size_t depth_max_;
    std::size_t at_ = 0;
    const char* problem_ = "";
};

}  // namespace detail

inline Parsed parse(std::string_view text, std::size_t depth_max) noexcept {
    detail::Parser parser{text, depth_max};
    try {
        return parser.run();
    } catch (const std::bad_alloc&) {
        Parsed result;
        result.offset = parser.offset();
        result.problem = "no memory";
        return result;
    }
}

inline void Writer::separate() {
    if (text_.empty()) return;
    const char last = text_.back();
    if (last != '{' && last != '[' && last != ':') text_ += ',';
}

inline Writer& Writer::open(char bracket) {
    separate();
    text_ += bracket;
    return *this;
}

inline Writer& Writer::close(char bracket) {
    text_ += bracket;
    return *this;
}

inline Writer& Writer::raw(std::string_view json) {
    separate();
    text_ += json;
    return *this;
}

inline Writer& Writer::key(std::string_view name) {
    separate();
    quote(name);
    text_ += ':';
    return *this;
}

inline Writer& Writer::value(std::string_view text) {
    separate();
    quote(text);
    return *this;
}

inline Writer& Writer::value(const Value& value) {
    if (const bool* truth = value.boolean()) return this->value(*truth);
    if (const Number* number = value.number()) return raw(number->text);
    if (const std::string* text = value.string()) return this->value(*text);
    if (const Array* items = value.array()) {
        begin_array();
        for (const Value& item : *items) this->value(item);
        return end_array();
    }
    if (const Object* members = value.object()) {
        begin_object();
        for (const Member& member : *members) key(member.name).value(member.value);
        return end_object();
    }
    return null();
}

inline void Writer::quote(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    text_ += '"';
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const char c = text.front();
        const auto code = static_cast<unsigned char>(c);
        if (length == 0) {
            text_ += "\xEF\xBF\xBD";
        } else if (c == '"' || c == '\\') {
            text_ += '\\';
            text_ += c;
        } else if (code < 0x20) {
            text_ += "\\u00";
            text_ += kHex[code >> 4];
            text_ += kHex[code & 15U];
        } else {
            text_ += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    text_ += '"';
}

}  // namespace syncline::json

#endif
