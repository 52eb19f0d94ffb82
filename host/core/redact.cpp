#include "core/redact.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "core/assert.hpp"
#include "core/encoding.hpp"
#include "core/fault.hpp"
#include "core/hash.hpp"
#include "core/secret.hpp"

namespace syncline::core {
namespace {

constexpr std::size_t kWindow = kWatchedBytesMin;
constexpr std::size_t kLineBytesMin = 20;  // of a value of several lines
constexpr std::size_t kMacBytes = 16;
using Mac = std::array<char, kMacBytes>;

// ---- The forms of a value

// Texts that are cleansed when they go.
struct Forms {
    Forms() = default;
    Forms(const Forms&) = delete;
    Forms& operator=(const Forms&) = delete;
    ~Forms() {
        for (std::string& text : texts) cleanse(text);
    }
    void add(std::string text) {
        const bool is_new = std::find(texts.begin(), texts.end(), text) == texts.end();
        if (is_new && text.size() >= kWindow) return texts.push_back(std::move(text));
        cleanse(text);
    }
    std::vector<std::string> texts;
};

// What of the value's encoding is the same whatever stands before and behind it.
void add_base64(Forms& forms, std::string_view value) {
    for (std::size_t before = 0; before < 3; ++before) {
        std::string data(before, '\0');
        data += value;
        std::string text = to_base64(data);
        const std::size_t begin = (before * 8 + 5) / 6;
        std::string inner = text.substr(begin, data.size() * 8 / 6 - begin);
        std::string url = inner;
        std::replace(url.begin(), url.end(), '+', '-');
        std::replace(url.begin(), url.end(), '/', '_');
        forms.add(std::move(inner));
        forms.add(std::move(url));
        cleanse(data);
        cleanse(text);
    }
}

void add_hex(Forms& forms, std::string_view value) {
    std::string upper = to_hex(value);
    forms.add(upper);
    for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    forms.add(std::move(upper));
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::string percent_encoded(std::string_view value, const char* digits, std::string_view space) {
    std::string text;
    text.reserve(value.size() * 3);
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_unreserved(c))
            text += c;
        else if (c == ' ')
            text += space;
        else
            (text += '%').append({digits[byte >> 4], digits[byte & 15]});
    }
    return text;
}

void add_percent(Forms& forms, std::string_view value) {
    for (const char* digits : {"0123456789ABCDEF", "0123456789abcdef"})
        for (const char* space : {"%20", "+"}) forms.add(percent_encoded(value, digits, space));
}

// `others`: what is escaped beside quotes, backslashes and control characters.
enum class JsonEscapes { kFew, kSlash, kHtml };

std::string json_escaped(std::string_view value, JsonEscapes others) {
    static constexpr char kHex[] = "0123456789abcdef";
    static constexpr std::string_view kEscaped = "\b\f\n\r\t", kLetters = "bfnrt";
    std::string text;
    text.reserve(value.size() * 6);
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        const std::size_t letter = kEscaped.find(c);
        const bool is_html =
            others == JsonEscapes::kHtml && (c == '<' || c == '>' || c == '&' || c == '\'');
        if (letter != std::string_view::npos)
            (text += '\\') += kLetters[letter];
        else if (byte < 0x20 || byte == 0x7f || is_html)
            (text += "\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
        else if (c == '"' || c == '\\' || (c == '/' && others == JsonEscapes::kSlash))
            (text += '\\') += c;
        else
            text += c;
    }
    return text;
}

std::string html_escaped(std::string_view value) {
    std::string text;
    text.reserve(value.size() * 6);
    for (const char c : value) {
        if (c == '&')
            text += "&amp;";
        else if (c == '<')
            text += "&lt;";
        else if (c == '>')
            text += "&gt;";
        else if (c == '"')
            text += "&quot;";
        else if (c == '\'')
            text += "&#39;";
        else
            text += c;
    }
    return text;
}

void add_forms(Forms& forms, std::string_view value) {
    forms.add(std::string{value});
    add_base64(forms, value);
    add_hex(forms, value);
    add_percent(forms, value);
    for (const JsonEscapes others : {JsonEscapes::kFew, JsonEscapes::kSlash, JsonEscapes::kHtml})
        forms.add(json_escaped(value, others));
    forms.add(html_escaped(value));
}

// The lines of a value that has several, but not those which frame a PEM file.
void add_lines(Forms& forms, std::string_view value) {
    if (value.find('\n') == std::string_view::npos) return;
    while (!value.empty()) {
        const std::size_t end = std::min(value.find('\n'), value.size());
        const std::string_view line = value.substr(0, end);
        if (line.size() >= kLineBytesMin && !line.starts_with("-----")) add_forms(forms, line);
        value.remove_prefix(std::min(end + 1, value.size()));
    }
}

// ---- The registry

// What is known of one form: enough to recognise it, not to tell it.
struct Form {
    std::uint32_t head = 0, tail = 0;  // tags of its first and last 8 bytes
    std::uint32_t size = 0;
    std::uint64_t watch = 0;
    Mac mac{};

    // By head, the longest first.
    bool operator<(const Form& other) const {
        return std::pair{head, other.size} < std::pair{other.head, size};
    }
};

class Registry {
  public:
    Registry() {
        // Not from OpenSSL, whose generator takes half a millisecond of each start to set up.
        SYNCLINE_ASSERT(::getentropy(mac_key_.data(), mac_key_.size()) == 0);
        std::memcpy(tag_key_.data(), mac_key_.data(), sizeof tag_key_);
    }

    std::uint64_t add(std::string_view value) {
        Forms texts;
        add_forms(texts, value);
        add_lines(texts, value);
        std::vector<Form> fresh;
        for (const std::string& text : texts.texts) fresh.push_back(form_of(text));
        const std::unique_lock lock{mutex_};
        const std::uint64_t watch = ++last_watch_;
        for (Form& form : fresh) {
            form.watch = watch;
            forms_.insert(std::upper_bound(forms_.begin(), forms_.end(), form), form);
            heads_.set(form.head & kHeadMask);
        }
        return watch;
    }

    void remove(std::uint64_t watch) {
        const std::unique_lock lock{mutex_};
        std::erase_if(forms_, [&](const Form& form) { return form.watch == watch; });
        heads_.reset();
        for (const Form& form : forms_) heads_.set(form.head & kHeadMask);
    }

    // Calls found(begin, end) for each occurrence, in the order of their beginnings.
    template <class Found>
    void search(std::string_view text, TextEnd end, const Found& found) const {
        if (text.size() < kWindow) return;
        const std::shared_lock lock{mutex_};
        if (forms_.empty()) return;
        for (std::size_t i = 0; i + kWindow <= text.size(); ++i) {
            const std::uint32_t head = tag(text.data() + i);
            if (!heads_.test(head & kHeadMask)) continue;
            const std::size_t size = match(text.substr(i), head, end);
            if (size != 0) found(i, i + size);
        }
    }

  private:
    static constexpr std::uint32_t kHeadMask = 0xffff;

    // 32 bits of 8 bytes: these can't be told from it.
    std::uint32_t tag(const char* bytes) const {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, sizeof word);
        word = (word ^ tag_key_[0]) * (tag_key_[1] | 1);
        word = (word ^ (word >> 32)) * (tag_key_[2] | 1);
        return static_cast<std::uint32_t>(word >> 32);
    }

    Mac mac_of(std::string_view text) const {
        const std::string digest =
            hmac(HmacDigest::kSha256, {mac_key_.data(), mac_key_.size()}, text);
        Mac mac;
        std::memcpy(mac.data(), digest.data(), mac.size());
        return mac;
    }

    Form form_of(std::string_view text) const {
        return {tag(text.data()), tag(text.data() + text.size() - kWindow),
                static_cast<std::uint32_t>(text.size()), 0, mac_of(text)};
    }

    // The length of the longest form at the front of the text; 0 for none.
    std::size_t match(std::string_view text, std::uint32_t head, TextEnd end) const {
        Form longest;
        longest.head = head;
        longest.size = UINT32_MAX;
        bool may_be_cut = false;
        auto form = std::lower_bound(forms_.begin(), forms_.end(), longest);
        for (; form != forms_.end() && form->head == head; ++form) {
            if (form->size > text.size()) {
                may_be_cut = end == TextEnd::kCut;
                continue;
            }
            if (tag(text.data() + form->size - kWindow) != form->tail) continue;
            const Mac mac = mac_of(text.substr(0, form->size));
            if (equal_constant_time({mac.data(), mac.size()}, {form->mac.data(), form->mac.size()}))
                return form->size;
        }
        return may_be_cut ? text.size() : 0;
    }

    mutable std::shared_mutex mutex_;
    std::vector<Form> forms_;  // in order
    std::bitset<kHeadMask + 1> heads_;
    std::uint64_t last_watch_ = 0;
    std::array<char, 32> mac_key_{};
    std::array<std::uint64_t, 3> tag_key_{};
};

// Never destroyed: what lives as long as the process may still be watched, or speak.
Registry& registry() {
    static auto* instance = new Registry;
    return *instance;
}

struct Registration {
    explicit Registration(std::string_view value) : watch(registry().add(value)) {}
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    ~Registration() { registry().remove(watch); }
    const std::uint64_t watch;
};

}  // namespace

Watch::Watch(std::string_view value) {
    if (value.size() >= kWatchedBytesMin)
        registration_ = std::make_shared<const Registration>(value);
}

std::string redact(std::string text, TextEnd end) {
    if (is_planted(PlantedBug::kNoRedaction)) return text;
    std::string shown;
    std::size_t hidden_to = 0;
    bool has_any = false;
    registry().search(text, end, [&](std::size_t from, std::size_t to) {
        // Values may overlap: one mark stands for all of them.
        if (!has_any || from >= hidden_to)
            shown.append(text, hidden_to, from - hidden_to).append(kRedacted);
        has_any = true;
        hidden_to = std::max(hidden_to, to);
    });
    if (!has_any) return text;
    shown.append(text, hidden_to);
    cleanse(text);
    return shown;
}

bool has_secret(std::string_view text) {
    if (is_planted(PlantedBug::kNoRedaction)) return false;
    bool has_any = false;
    registry().search(text, TextEnd::kWhole, [&](std::size_t, std::size_t) { has_any = true; });
    return has_any;
}

bool is_secret_name(std::string_view name) {
    static constexpr std::string_view kWhole[] = {"code", "sig", "pwd", "otp", "sas"};
    static constexpr std::string_view kParts[] = {
        "authorization", "cookie",  "token",     "secret", "signature",  "passw",
        "apikey",        "authkey", "assertion", "hmac",   "credential", "accesskey"};
    std::string plain;
    for (const char c : name) {
        if (c == '-' || c == '_') continue;
        plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return std::find(std::begin(kWhole), std::end(kWhole), plain) != std::end(kWhole) ||
           std::any_of(std::begin(kParts), std::end(kParts), [&](std::string_view part) {
               return plain.find(part) != std::string::npos;
           });
}

namespace {

// Of a query alone: `key` of a header or a body is as often the name of something.
bool is_secret_parameter(std::string_view name) {
    const bool is_key = name.size() == 3 && (name[0] | 0x20) == 'k' && (name[1] | 0x20) == 'e' &&
                        (name[2] | 0x20) == 'y';
    return is_key || is_secret_name(name);
}

}  // namespace

std::string redact_query(std::string_view query) {
    std::string shown;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        const std::size_t equals = pair.find('=');
        if (equals != std::string_view::npos && is_secret_parameter(pair.substr(0, equals)))
            shown.append(pair.substr(0, equals + 1)).append(kRedacted);
        else
            shown += pair;
        if (end < query.size()) shown += '&';
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return redact(std::move(shown));
}

}  // namespace syncline::core
