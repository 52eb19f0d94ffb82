// Boost.Beast's parser, fed only with bytes that the gate has passed; builds a Request in place.
//
// Purpose: the gate decides on framing, Beast decodes; a message on which they differ is refused.
//   This header pulls in Beast: only connection.cpp and message_parser.cpp include it.
// Lifetime: one object per message; the request must outlive it. [io]
// Limits: `body_bytes_max`, and what the gate limits.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http_server/gate.hpp"
#include "http_server/server.hpp"

namespace syncline::http_server {

class MessageParser final : boost::beast::http::basic_parser<true> {
  public:
    MessageParser(Request& request, const Limits& limits);

    // Fills the request's headers from a section that check_head() accepted.
    Verdict put_head(std::string_view section, const Head& head);

    // Takes as much of the body as it can. What is left over is an incomplete chunk line or trailer
    // section, or belongs to the next request.
    struct Fed {
        std::size_t bytes = 0;
        Verdict verdict;
    };
    Fed feed(std::string_view bytes);
    void limit_body(std::size_t body_bytes_max) { body_bytes_max_ = body_bytes_max; }

    bool is_done() const { return basic_parser::is_done(); }
    bool keeps_alive() const { return basic_parser::keep_alive(); }

  private:
    using string_view = boost::beast::string_view;
    using error_code = boost::beast::error_code;
    using field = boost::beast::http::field;
    using verb = boost::beast::http::verb;

    // The bytes of the next framing element: a chunk line, or the last one with its trailers. 0
    // with an accepting verdict: not complete yet.
    Fed next_element(std::string_view bytes);
    Fed last_chunk(std::string_view bytes, std::size_t line_bytes);
    bool put_exactly(std::string_view bytes);

    void on_request_impl(verb, string_view, string_view, int, error_code& error) override;
    void on_response_impl(int, string_view, int, error_code& error) override;
    void on_field_impl(field, string_view name, string_view value, error_code& error) override;
    void on_header_impl(error_code& error) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& bytes, error_code& error) override;
    std::size_t on_body_impl(string_view bytes, error_code& error) override;
    void on_chunk_header_impl(std::uint64_t bytes, string_view, error_code& error) override;
    std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& error) override;
    void on_finish_impl(error_code& error) override;

    Request& request_;
    const Limits& limits_;
    std::size_t body_bytes_max_ = 0;
    std::uint64_t chunk_left_ = 0;
    std::size_t trailers_scanned_ = 0;
    bool has_head_ = false;   // fields that come later are trailers
    bool has_chunk_ = false;  // the next chunk line follows a CRLF
};

}  // namespace syncline::http_server
