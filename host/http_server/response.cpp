#include "http_server/response.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "core/assert.hpp"
#include "core/log.hpp"
#include "http_server/gate.hpp"
#include "http_server/text.hpp"

namespace syncline::http_server {
namespace {

struct StatusName {
    int status;
    const char* phrase;
    const char* code;  // of our own errors
};

constexpr StatusName kStatusNames[] = {
    {200, "OK", "ok"},
    {201, "Created", "created"},
    {202, "Accepted", "accepted"},
    {204, "No Content", "no_content"},
    {301, "Moved Permanently", "moved"},
    {302, "Found", "found"},
    {303, "See Other", "see_other"},
    {304, "Not Modified", "not_modified"},
    {307, "Temporary Redirect", "temporary_redirect"},
    {308, "Permanent Redirect", "permanent_redirect"},
    {400, "Bad Request", "bad_request"},
    {401, "Unauthorized", "unauthorized"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {408, "Request Timeout", "request_timeout"},
    {409, "Conflict", "conflict"},
    {410, "Gone", "gone"},
    {411, "Length Required", "length_required"},
    {412, "Precondition Failed", "precondition_failed"},
    {413, "Content Too Large", "body_too_large"},
    {414, "URI Too Long", "target_too_long"},
    {415, "Unsupported Media Type", "unsupported_media_type"},
    {417, "Expectation Failed", "expectation_failed"},
    {421, "Misdirected Request", "misdirected_request"},
    {422, "Unprocessable Content", "unprocessable"},
    {428, "Precondition Required", "precondition_required"},
    {429, "Too Many Requests", "too_many_requests"},
    {431, "Request Header Fields Too Large", "headers_too_large"},
    {500, "Internal Server Error", "internal"},
    {501, "Not Implemented", "method_unknown"},
    {502, "Bad Gateway", "bad_gateway"},
    {503, "Service Unavailable", "unavailable"},
    {504, "Gateway Timeout", "gateway_timeout"},
    {505, "HTTP Version Not Supported", "version_not_supported"},
    {507, "Insufficient Storage", "insufficient_storage"},
};

StatusName name_of(int status) {
    const auto* found =
        std::find_if(std::begin(kStatusNames), std::end(kStatusNames),
                     [status](const StatusName& row) { return row.status == status; });
    return found == std::end(kStatusNames) ? StatusName{status, "", "error"} : *found;
}

// Those that the server writes itself.
bool is_reserved(std::string_view name) {
    return equals_ignoring_case(name, "content-length") ||
           equals_ignoring_case(name, "connection") || equals_ignoring_case(name, "date") ||
           equals_ignoring_case(name, "transfer-encoding");
}

void append_number(std::string& out, std::size_t number) {
    std::array<char, 20> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    SYNCLINE_ASSERT(error == std::errc{});
    out.append(digits.data(), end);
}

}  // namespace

Response make_error(int status, std::string_view reason) {
    Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    // The shape of every error that the hub answers with: platforms show `error` to a person.
    response.body = R"({"error":")";
    response.body += reason;
    response.body += R"(","code":"http.)";
    response.body += name_of(status).code;
    response.body += R"("})";
    response.text = reason;
    return response;
}

Response checked(Response response) {
    const bool is_sendable =
        response.status >= 200 && response.status <= 599 &&
        std::all_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
            return is_token(header.first) && is_field_value(header.second);
        });
    if (is_sendable) return response;
    core::log_error("http_server", "a response that would break its framing was replaced by a 500",
                    {{"status", response.status}});
    return make_error(500, "The server made an answer that can't be sent.");
}

void append_head(std::string& out, const Response& response, const Framing& framing) {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::size_t>(response.status));
    out += ' ';
    out += name_of(response.status).phrase;
    out += "\r\nDate: ";
    out += framing.date;
    if (may_have_body(response.status)) {
        out += "\r\nContent-Length: ";
        append_number(out, response.body.size());
    }
    if (framing.close) out += "\r\nConnection: close";
    for (const auto& [name, value] : response.headers) {
        if (is_reserved(name)) continue;
        out += "\r\n";
        out += name;
        out += ": ";
        out += value;
    }
    out += "\r\n\r\n";
}

bool may_have_body(int status) {
    return status != 204 && status != 304;
}

std::string_view DateCache::now() {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    if (now == at_) return text_;
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    at_ = now;
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900,
                  utc.tm_hour, utc.tm_min, utc.tm_sec);
    text_ = text.data();
    return text_;
}

}  // namespace syncline::http_server
