#include "http_server/gate.hpp"

#include <algorithm>
#include <array>

#include "core/utf8.hpp"
#include "http_server/text.hpp"

namespace syncline::http_server {
namespace {

constexpr std::uint8_t kToken = 1;  // RFC 9110 tchar
constexpr std::uint8_t kValue = 2;  // field-value: visible, space, TAB, bytes from 0x80 on
constexpr std::uint8_t kQuery = 4;  // what a query may hold
constexpr std::uint8_t kPath = 8;   // what a path may hold before decoding
constexpr std::uint8_t kHost = 16;  // host names, addresses, a port

constexpr bool is_one_of(std::string_view set, char c) {
    return set.find(c) != set.npos;
}

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> classes{};
    for (unsigned i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        const bool is_alnum = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool is_visible = i > 0x20 && i < 0x7f;
        if (is_alnum || is_one_of("!#$%&'*+-.^_`|~", c)) classes[i] |= kToken;
        if (is_visible || i == ' ' || i == '\t' || i >= 0x80) classes[i] |= kValue;
        if (is_visible && c != '#') classes[i] |= kQuery;
        if (is_visible && !is_one_of("#?\"<>\\^`{|}", c)) classes[i] |= kPath;
        if (is_alnum || is_one_of("-._~:[]", c)) classes[i] |= kHost;
    }
    return classes;
}

constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool all_of_class(std::string_view text, std::uint8_t wanted) {
    return std::all_of(text.begin(), text.end(), [wanted](char c) {
        return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0;
    });
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

Verdict check_segments(std::string_view path) {
    for (std::size_t begin = 1; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view segment = path.substr(begin, end - begin);
        if (segment == "." || segment == "..") {
            return {400, "The path has a dot segment."};
        }
        if (segment.empty() && end != path.size()) {
            return {400, "The path has an empty segment."};
        }
        begin = end + 1;
    }
    return {};
}

Verdict check_method(std::string_view method) {
    static constexpr std::string_view kServed[] = {"GET",   "HEAD",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};
    if (!is_token(method)) return {400, "The method is not a token."};
    if (std::find(std::begin(kServed), std::end(kServed), method) != std::end(kServed)) return {};
    if (method == "CONNECT" || method == "TRACE") return {405, "The method is not allowed."};
    return {501, "The method is not known."};
}

Verdict check_version(std::string_view version) {
    if (version == "HTTP/1.1" || version == "HTTP/1.0") return {};
    const bool is_well_formed = version.size() == 8 && version.substr(0, 5) == "HTTP/" &&
                                is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (is_well_formed) return {505, "Only HTTP/1.1 and HTTP/1.0 are served."};
    return {400, "The request line is malformed."};
}

Verdict check_target(std::string_view target, Head& head) {
    head.target = target;
    if (target == "*") {
        if (head.method != "OPTIONS") return {400, "The target `*` is for OPTIONS only."};
        head.path.push_back('*');
        return {};
    }
    if (target.empty() || target.front() != '/') {
        return {400, "The target must be a path that starts with a slash."};
    }
    const std::size_t mark = target.find('?');
    if (mark != target.npos) head.query = target.substr(mark + 1);
    if (!all_of_class(head.query, kQuery)) {
        return {400, "The query has a character that is not allowed."};
    }
    return decode_path(target.substr(0, mark), head.path);
}

Verdict check_request_line(std::string_view line, const Limits& limits, Head& head) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == line.npos || first == last) {
        return {400, "The request line is malformed."};
    }
    head.method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    head.is_http_1_0 = version == "HTTP/1.0";
    if (const Verdict verdict = check_method(head.method); !verdict.accepted()) return verdict;
    if (const Verdict verdict = check_version(version); !verdict.accepted()) return verdict;
    if (target.size() > limits.target_bytes_max) return {414, "The target is too long."};
    return check_target(target, head);
}

struct Field {
    std::string_view name;
    std::string_view value;
};

Verdict split_field(std::string_view line, Field& field) {
    if (line.front() == ' ' || line.front() == '\t') {
        return {400, "A header field is folded over two lines."};
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return {400, "A header line has no colon."};
    field.name = line.substr(0, colon);
    field.value = trim(line.substr(colon + 1));
    if (!is_token(field.name)) return {400, "A header name is not a token."};
    if (!is_field_value(field.value)) return {400, "A header value has a control character."};
    return {};
}

// Calls `visit(field)` for each line up to the empty one; stops at the first refusal.
template <class Visit>
Verdict for_each_field(std::string_view lines, const Limits& limits, Visit visit) {
    std::size_t count = 0;
    while (!lines.starts_with("\r\n")) {
        const std::size_t end = lines.find("\r\n");
        if (end == lines.npos) return {400, "The header section is not complete."};
        if (++count > limits.header_fields_max) return {431, "There are too many header fields."};
        Field field;
        Verdict verdict = split_field(lines.substr(0, end), field);
        if (verdict.accepted()) verdict = visit(field);
        if (!verdict.accepted()) return verdict;
        lines.remove_prefix(end + 2);
    }
    if (lines.size() != 2) return {400, "The header section goes on after its end."};
    return {};
}

// Canonical decimal: no sign, no list, no leading zero, far below overflow.
std::optional<std::uint64_t> parse_content_length(std::string_view text) {
    if (text.empty() || text.size() > 18) return std::nullopt;
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    std::uint64_t length = 0;
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return length;
}

// The fields that frame or route; each may come once.
class FramingFields {
  public:
    explicit FramingFields(Head& head) : head_(head) {}

    Verdict add(const Field& field) {
        switch (field.name.size()) {
            case 4:
                if (equals_ignoring_case(field.name, "host")) return add_host(field.value);
                break;
            case 6:
                if (equals_ignoring_case(field.name, "expect")) return add_expect(field.value);
                break;
            case 14:
                if (equals_ignoring_case(field.name, "content-length")) {
                    return add_content_length(field.value);
                }
                break;
            case 17:
                if (equals_ignoring_case(field.name, "transfer-encoding")) {
                    return add_transfer_encoding(field.value);
                }
                break;
            default:
                break;
        }
        return {};
    }

    Verdict finish() const {
        if (!has_host_ && !head_.is_http_1_0) return {400, "There is no Host field."};
        if (head_.is_chunked && head_.content_length) {
            return {400, "Transfer-Encoding and Content-Length exclude each other."};
        }
        return {};
    }

  private:
    Verdict add_host(std::string_view value) {
        if (has_host_) return {400, "There is more than one Host field."};
        has_host_ = true;
        if (value.empty() || !all_of_class(value, kHost)) {
            return {400, "The Host field is not a host and port."};
        }
        return {};
    }

    Verdict add_expect(std::string_view value) {
        if (head_.expects_continue || !equals_ignoring_case(value, "100-continue")) {
            return {417, "Only `Expect: 100-continue` can be met."};
        }
        head_.expects_continue = true;
        return {};
    }

    Verdict add_content_length(std::string_view value) {
        if (head_.content_length) return {400, "There is more than one Content-Length field."};
        head_.content_length = parse_content_length(value);
        if (!head_.content_length) return {400, "Content-Length is not a plain number."};
        return {};
    }

    Verdict add_transfer_encoding(std::string_view value) {
        if (head_.is_http_1_0) return {400, "HTTP/1.0 has no Transfer-Encoding."};
        if (head_.is_chunked) return {400, "There is more than one Transfer-Encoding field."};
        if (!equals_ignoring_case(value, "chunked")) {
            return {400, "The only Transfer-Encoding that is served is `chunked`."};
        }
        head_.is_chunked = true;
        return {};
    }

    Head& head_;
    bool has_host_ = false;
};

}  // namespace

SectionScan scan_section(std::string_view bytes, std::size_t resume_at) {
    for (std::size_t line = resume_at;;) {
        const std::size_t feed = bytes.find('\n', line);
        if (feed == bytes.npos) return {Scan::kIncomplete, line};
        if (feed == line || bytes[feed - 1] != '\r') return {Scan::kBroken, feed};
        if (feed == line + 1) return {Scan::kComplete, feed + 1};
        line = feed + 1;
    }
}

Head check_head(std::string_view section, const Limits& limits) {
    Head head;
    const std::size_t end = section.find("\r\n");
    if (end == section.npos) {
        head.verdict = {400, "The request line is not complete."};
        return head;
    }
    head.verdict = check_request_line(section.substr(0, end), limits, head);
    if (!head.verdict.accepted()) return head;
    FramingFields framing(head);
    head.verdict = for_each_field(section.substr(end + 2), limits,
                                  [&framing](const Field& field) { return framing.add(field); });
    if (head.verdict.accepted()) head.verdict = framing.finish();
    return head;
}

Verdict decode_path(std::string_view raw, std::string& path) {
    if (!all_of_class(raw, kPath)) return {400, "The path has a character that is not allowed."};
    path.clear();
    path.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '%') {
            path += raw[i];
            continue;
        }
        const std::optional<char> byte = decode_percent(raw.substr(i));
        if (!byte) return {400, "The path has a malformed percent sign."};
        if (is_control(*byte)) return {400, "The path has an encoded control character."};
        if (*byte == '/' || *byte == '\\') return {400, "The path has an encoded slash."};
        path += *byte;
        i += 2;
    }
    if (!core::is_utf8(path)) return {400, "The path is not UTF-8."};
    return check_segments(path);
}

ChunkLine scan_chunk_line(std::string_view bytes, std::size_t line_bytes_max) {
    constexpr std::uint64_t kChunkBytesMax = std::uint64_t{1} << 48;
    ChunkLine line;
    std::size_t i = 0;
    for (; i < bytes.size() && i + 2 < line_bytes_max; ++i) {
        const int digit = hex_digit(bytes[i]);
        if (digit < 0) break;
        line.chunk_bytes = line.chunk_bytes * 16 + static_cast<unsigned>(digit);
        if (line.chunk_bytes > kChunkBytesMax) return {Scan::kBroken, 0, 0};
    }
    const std::string_view rest = bytes.substr(i, 2);
    if (rest == "\r\n" && i > 0) {
        line.state = Scan::kComplete;
        line.line_bytes = i + 2;
        return line;
    }
    const bool can_go_on = rest.empty() || (rest == "\r" && i > 0);
    return {can_go_on ? Scan::kIncomplete : Scan::kBroken, 0, 0};
}

Verdict check_trailers(std::string_view section, const Limits& limits) {
    return for_each_field(section, limits, [](const Field& field) -> Verdict {
        for (const char* name : {"host", "content-length", "transfer-encoding", "connection"}) {
            if (equals_ignoring_case(field.name, name)) {
                return {400, "A trailer field must not frame or route the request."};
            }
        }
        return {};
    });
}

bool is_token(std::string_view text) {
    return !text.empty() && all_of_class(text, kToken);
}

bool is_field_value(std::string_view text) {
    return all_of_class(text, kValue);
}

}  // namespace syncline::http_server
