#include "http_server/message_parser.hpp"

#include <algorithm>

#include "http_server/text.hpp"

namespace syncline::http_server {
namespace {

// A declared length is a promise of the client's: believe so much of it before the bytes are there.
constexpr std::uint64_t kBodyReserveBytesMax = 64 * 1024;

constexpr Verdict kDisagreement{400, "The request is malformed."};
constexpr Verdict kBadChunk{400, "The chunked body is malformed."};

}  // namespace

MessageParser::MessageParser(Request& request, const Limits& limits)
    : request_(request), limits_(limits) {
    // Both limits are checked here and in the gate, on raw bytes.
    header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    body_limit(boost::none);
}

Verdict MessageParser::put_head(std::string_view section, const Head& head) {
    request_.headers.reserve(16);
    if (!put_exactly(section) || !is_header_done()) return kDisagreement;
    const auto length = content_length();
    const bool is_length_same = length.has_value() == head.content_length.has_value() &&
                                (!length || *length == *head.content_length);
    if (!is_length_same || chunked() != head.is_chunked) return kDisagreement;
    return {};
}

MessageParser::Fed MessageParser::feed(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !is_done()) {
        const std::string_view rest = bytes.substr(used);
        if (!chunked() || chunk_left_ > 0) {
            error_code error;
            used += put(boost::asio::const_buffer{rest.data(), rest.size()}, error);
            if (error) return {used, kDisagreement};
            continue;
        }
        const Fed element = next_element(rest);
        if (!element.verdict.accepted() || element.bytes == 0) return {used, element.verdict};
        if (!put_exactly(rest.substr(0, element.bytes))) return {used, kBadChunk};
        used += element.bytes;
    }
    return {used, {}};
}

MessageParser::Fed MessageParser::next_element(std::string_view bytes) {
    std::size_t size = 0;
    if (has_chunk_) {
        constexpr std::string_view kEnd = "\r\n";
        if (bytes.substr(0, 2) != kEnd.substr(0, bytes.size())) return {0, kBadChunk};
        if (bytes.size() < 2) return {};
        size = 2;
    }
    const ChunkLine line = scan_chunk_line(bytes.substr(size), limits_.chunk_header_bytes_max);
    if (line.state == Scan::kBroken) return {0, kBadChunk};
    if (line.state == Scan::kIncomplete) return {};
    size += line.line_bytes;
    if (line.chunk_bytes == 0) return last_chunk(bytes, size);
    if (line.chunk_bytes > body_bytes_max_ - request_.body.size()) {
        return {0, {413, "The body is too large."}};
    }
    return {size, {}};
}

MessageParser::Fed MessageParser::last_chunk(std::string_view bytes, std::size_t line_bytes) {
    const std::string_view section = bytes.substr(line_bytes);
    const SectionScan scan = scan_section(section, trailers_scanned_);
    if (scan.state == Scan::kBroken) return {0, kBadChunk};
    const std::size_t size = scan.state == Scan::kComplete ? scan.offset : section.size();
    if (size > limits_.header_bytes_max) {
        return {0, {431, "The trailer section is too large."}};
    }
    if (scan.state == Scan::kIncomplete) {
        trailers_scanned_ = scan.offset;
        return {};
    }
    return {line_bytes + scan.offset, check_trailers(section.substr(0, scan.offset), limits_)};
}

bool MessageParser::put_exactly(std::string_view bytes) {
    error_code error;
    return put(boost::asio::const_buffer{bytes.data(), bytes.size()}, error) == bytes.size() &&
           !error;
}

void MessageParser::on_request_impl(verb, string_view, string_view, int, error_code& error) {
    error = {};
}

void MessageParser::on_response_impl(int, string_view, int, error_code& error) {
    error = {};
}

void MessageParser::on_field_impl(field, string_view name, string_view value, error_code& error) {
    error = {};
    if (has_head_) return;  // a trailer: it must not pass for a header
    auto& [stored_name, stored_value] = request_.headers.emplace_back();
    stored_name.resize(name.size());
    std::transform(name.begin(), name.end(), stored_name.begin(), to_lower);
    stored_value.assign(value.data(), value.size());
}

void MessageParser::on_header_impl(error_code& error) {
    error = {};
    has_head_ = true;
}

void MessageParser::on_body_init_impl(const boost::optional<std::uint64_t>& bytes,
                                      error_code& error) {
    error = {};
    if (bytes) request_.body.reserve(std::min(*bytes, kBodyReserveBytesMax));
}

std::size_t MessageParser::on_body_impl(string_view bytes, error_code& error) {
    error = {};
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
}

void MessageParser::on_chunk_header_impl(std::uint64_t bytes, string_view, error_code& error) {
    error = {};
    chunk_left_ = bytes;
    has_chunk_ = true;
}

std::size_t MessageParser::on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& error) {
    chunk_left_ -= bytes.size();
    return on_body_impl(bytes, error);
}

void MessageParser::on_finish_impl(error_code& error) {
    error = {};
}

}  // namespace syncline::http_server
