#include "vectors.hpp"

using namespace std::string_literals;

namespace syncline::test {
namespace {

std::string post(const std::string& lines) {
    return "POST /in HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}
std::string old_post(const std::string& lines) {
    return "POST /in HTTP/1.0\r\nHost: a\r\n" + lines + "\r\n";
}
std::string get(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string starting(const std::string& line) {
    return line + "\r\nHost: a\r\n\r\n";
}
std::string hosts(const std::string& lines) {
    return "GET / HTTP/1.1\r\n" + lines + "\r\n";
}
std::string fields(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += "X-" + std::to_string(i) + ": v\r\n";
    return lines;
}

std::vector<Vector> framing() {
    return {
        {"chunked", post("Transfer-Encoding: chunked\r\n"), 0},
        {"chunked in capitals", post("TRANSFER-ENCODING: CHUNKED\r\n"), 0},
        {"chunked between spaces", post("Transfer-Encoding: \t chunked \t\r\n"), 0},
        {"TE gzip", post("Transfer-Encoding: gzip\r\n"), 400},
        {"TE identity", post("Transfer-Encoding: identity\r\n"), 400},
        {"TE xchunked", post("Transfer-Encoding: xchunked\r\n"), 400},
        {"TE chunked with a tail", post("Transfer-Encoding: chunkedx\r\n"), 400},
        {"TE chunked, identity", post("Transfer-Encoding: chunked, identity\r\n"), 400},
        {"TE identity, chunked", post("Transfer-Encoding: identity, chunked\r\n"), 400},
        {"TE gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 400},
        {"TE chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n"), 400},
        {"TE chunked with a comma", post("Transfer-Encoding: chunked,\r\n"), 400},
        {"TE quoted", post("Transfer-Encoding: \"chunked\"\r\n"), 400},
        {"TE with a parameter", post("Transfer-Encoding: chunked;q=1\r\n"), 400},
        {"TE empty", post("Transfer-Encoding:\r\n"), 400},
        {"TE with a vertical tab", post("Transfer-Encoding: \vchunked\r\n"), 400},
        {"TE with a form feed", post("Transfer-Encoding: chunked\f\r\n"), 400},
        {"TE with a NUL", post("Transfer-Encoding: chunked\0\r\n"s), 400},
        {"TE with a no-break space",
         post("Transfer-Encoding: \xa0"
              "chunked\r\n"),
         400},
        {"TE twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"TE twice, second odd", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
         400},
        {"TE twice, first odd", post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"),
         400},
        {"TE then CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
        {"CL then TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"CL then TE gzip", post("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n"), 400},
        {"CL 0 then TE", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"TE folded", post("Transfer-Encoding:\r\n chunked\r\n"), 400},
        {"TE folded with a tab", post("Transfer-Encoding: x\r\n\tchunked\r\n"), 400},
        {"TE with a space before the colon", post("Transfer-Encoding : chunked\r\n"), 400},
        {"TE with a tab before the colon", post("Transfer-Encoding\t: chunked\r\n"), 400},
        {"TE after a bare LF", post("X: y\nTransfer-Encoding: chunked\r\n"), 400},
        {"TE after a bare CR", post("X: y\rTransfer-Encoding: chunked\r\n"), 400},
        {"TE with an underscore is another field", post("Transfer_Encoding: chunked\r\n"), 0},
        {"HTTP/1.0 chunked", old_post("Transfer-Encoding: chunked\r\n"), 400},
        {"HTTP/1.0 TE identity", old_post("Transfer-Encoding: identity\r\n"), 400},
        {"HTTP/1.0 with CL", old_post("Content-Length: 5\r\n"), 0},
        {"CL 5", post("Content-Length: 5\r\n"), 0},
        {"CL 0", post("Content-Length: 0\r\n"), 0},
        {"CL between spaces", post("Content-Length: \t5 \r\n"), 0},
        {"CL twice, same", post("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
        {"CL twice, different", post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        {"CL list, same", post("Content-Length: 5, 5\r\n"), 400},
        {"CL list, different", post("Content-Length: 5, 6\r\n"), 400},
        {"CL with a comma", post("Content-Length: 5,\r\n"), 400},
        {"CL with a plus", post("Content-Length: +5\r\n"), 400},
        {"CL negative", post("Content-Length: -5\r\n"), 400},
        {"CL hexadecimal", post("Content-Length: 0x5\r\n"), 400},
        {"CL with an exponent", post("Content-Length: 5e0\r\n"), 400},
        {"CL with a point", post("Content-Length: 5.0\r\n"), 400},
        {"CL with a space inside", post("Content-Length: 1 0\r\n"), 400},
        {"CL with a leading zero", post("Content-Length: 05\r\n"), 400},
        {"CL empty", post("Content-Length:\r\n"), 400},
        {"CL a word", post("Content-Length: five\r\n"), 400},
        {"CL above 64 bits", post("Content-Length: 18446744073709551621\r\n"), 400},
        {"CL with a NUL", post("Content-Length: 5\0\r\n"s), 400},
        {"CL with an underline", post("Content-Length: 1_0\r\n"), 400},
        {"CL folded", post("Content-Length:\r\n 5\r\n"), 400},
        {"CL with a space before the colon", post("Content-Length : 5\r\n"), 400},
        {"Expect", post("Expect: 100-continue\r\nContent-Length: 5\r\n"), 0},
        {"Expect in capitals", post("Expect: 100-CONTINUE\r\nContent-Length: 5\r\n"), 0},
        {"Expect something else", post("Expect: 200-ok\r\nContent-Length: 5\r\n"), 417},
        {"Expect twice", post("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 417},
    };
}

std::vector<Vector> field_lines() {
    return {
        {"no field but Host", post(""), 0},
        {"an empty value", post("X:\r\n"), 0},
        {"a value in UTF-8", post("X: caf\xc3\xa9\r\n"), 0},
        {"a value with a tab", post("X: a\tb\r\n"), 0},
        {"a folded field", post("X: a\r\n b\r\n"), 400},
        {"a fold right after the request line", "GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n", 400},
        {"a field folded with a tab", post("X: a\r\n\tb\r\n"), 400},
        {"a line of spaces only", post("  \r\n"), 400},
        {"a bare LF after a field", post("X: a\n"), 400},
        {"bare LFs only", "GET / HTTP/1.1\nHost: a\n\n", 400},
        {"a bare LF ends the section", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"a bare CR inside a value", post("X: a\rb\r\n"), 400},
        {"a bare CR inside a name", post("X\rY: a\r\n"), 400},
        {"CR CR LF", post("X: a\r\r\n"), 400},
        {"a NUL in a value", post("X: a\0b\r\n"s), 400},
        {"a NUL in a name", post("X\0Y: a\r\n"s), 400},
        {"a DEL in a value", post("X: a\x7f\r\n"), 400},
        {"an escape in a value", post("X: \x1b[31m\r\n"), 400},
        {"no colon", post("Nonsense\r\n"), 400},
        {"an empty name", post(": a\r\n"), 400},
        {"a space in a name", post("X Y: a\r\n"), 400},
        {"a space before the colon", post("X : a\r\n"), 400},
        {"a slash in a name", post("X/Y: a\r\n"), 400},
        {"brackets in a name", post("X[0]: a\r\n"), 400},
        {"a byte above 127 in a name", post("X\xc3\xa9: a\r\n"), 400},
        {"100 fields", hosts("Host: a\r\n" + fields(99)), 0},
        {"101 fields", hosts("Host: a\r\n" + fields(100)), 431},
        {"200 fields", hosts("Host: a\r\n" + fields(199)), 431},
        {"no Host", hosts("X: y\r\n"), 400},
        {"no field at all", hosts(""), 400},
        {"an empty Host", hosts("Host:\r\n"), 400},
        {"a Host of spaces", hosts("Host:   \r\n"), 400},
        {"two Hosts, same", hosts("Host: a\r\nHost: a\r\n"), 400},
        {"two Hosts, different", hosts("Host: a\r\nHost: b\r\n"), 400},
        {"two Hosts in other letters", hosts("Host: a\r\nhOST: b\r\n"), 400},
        {"a Host with a port", hosts("Host: a.example:8080\r\n"), 0},
        {"a Host with an IPv6 address", hosts("Host: [::1]:80\r\n"), 0},
        {"a Host list", hosts("Host: a, b\r\n"), 400},
        {"a Host with a path", hosts("Host: a/b\r\n"), 400},
        {"a Host with a user", hosts("Host: u@a\r\n"), 400},
        {"a Host with a space", hosts("Host: a b\r\n"), 400},
        {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0},
        {"HTTP/1.0 with two Hosts", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    };
}

std::vector<Vector> request_lines() {
    return {
        {"GET", starting("GET / HTTP/1.1"), 0},
        {"HEAD", starting("HEAD / HTTP/1.1"), 0},
        {"PUT", starting("PUT / HTTP/1.1"), 0},
        {"PATCH", starting("PATCH / HTTP/1.1"), 0},
        {"DELETE", starting("DELETE / HTTP/1.1"), 0},
        {"OPTIONS", starting("OPTIONS / HTTP/1.1"), 0},
        {"OPTIONS for the server", starting("OPTIONS * HTTP/1.1"), 0},
        {"GET *", starting("GET * HTTP/1.1"), 400},
        {"TRACE", starting("TRACE / HTTP/1.1"), 405},
        {"CONNECT", starting("CONNECT a:443 HTTP/1.1"), 405},
        {"an unknown method", starting("BREW / HTTP/1.1"), 501},
        {"a method in small letters", starting("get / HTTP/1.1"), 501},
        {"a method that is no token", starting("G@T / HTTP/1.1"), 400},
        {"a method with a NUL", starting("GET\0 / HTTP/1.1"s), 400},
        {"no method", starting(" / HTTP/1.1"), 400},
        {"HTTP/2", starting("GET / HTTP/2.0"), 505},
        {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", 501},
        {"HTTP/1.2", starting("GET / HTTP/1.2"), 505},
        {"HTTP/0.9", starting("GET / HTTP/0.9"), 505},
        {"HTTP/1.10", starting("GET / HTTP/1.10"), 400},
        {"HTTP/01.1", starting("GET / HTTP/01.1"), 400},
        {"HTTP/1", starting("GET / HTTP/1"), 400},
        {"http in small letters", starting("GET / http/1.1"), 400},
        {"no version", starting("GET /"), 400},
        {"a tail after the version", starting("GET / HTTP/1.1 x"), 400},
        {"a space after the version", starting("GET / HTTP/1.1 "), 400},
        {"two spaces before the target", starting("GET  / HTTP/1.1"), 400},
        {"two spaces after the target", starting("GET /  HTTP/1.1"), 400},
        {"tabs for spaces", starting("GET\t/\tHTTP/1.1"), 400},
        {"a bare CR in the line", starting("GET /\r HTTP/1.1"), 400},
        {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"an absolute target", get("http://a/"), 400},
        {"an authority target", get("a:80"), 400},
        {"a relative target", get("in"), 400},
        {"an empty target", get(""), 400},
    };
}

std::vector<Vector> targets() {
    return {
        {"a query", get("/in?a=1&b=%2f..//%00"), 0},
        {"a trailing slash", get("/in/"), 0},
        {"an encoded letter", get("/%69n"), 0},
        {"encoded UTF-8", get("/caf%C3%A9"), 0},
        {"an encoded percent sign", get("/100%25"), 0},
        {"dots in a name", get("/a..b/...x/.well-known"), 0},
        {"dot dot", get("/a/../b"), 400},
        {"dot dot at the end", get("/a/.."), 400},
        {"dot", get("/a/./b"), 400},
        {"dot at the end", get("/."), 400},
        {"encoded dot dot", get("/a/%2e%2E/b"), 400},
        {"half-encoded dot dot", get("/a/.%2e/b"), 400},
        {"twice encoded dot dot stays a name", get("/a/%252e%252e/b"), 0},
        {"two slashes", get("//a"), 400},
        {"two slashes inside", get("/a//b"), 400},
        {"two slashes at the end", get("/a//"), 400},
        {"an encoded slash", get("/a%2fb"), 400},
        {"an encoded backslash", get("/a%5cb"), 400},
        {"a backslash", get("/a\\b"), 400},
        {"an encoded NUL", get("/a%00"), 400},
        {"an encoded LF", get("/a%0aX:y"), 400},
        {"an encoded DEL", get("/a%7f"), 400},
        {"half a percent sign", get("/a%"), 400},
        {"a percent sign with one digit", get("/a%4"), 400},
        {"a percent sign without digits", get("/a%zz"), 400},
        {"overlong slash", get("/a%c0%af"), 400},
        {"overlong slash in three bytes", get("/a%e0%80%af"), 400},
        {"overlong NUL", get("/a%c0%80"), 400},
        {"overlong in four bytes", get("/a%f0%80%80%af"), 400},
        {"a surrogate", get("/a%ed%a0%80"), 400},
        {"above Unicode", get("/a%f4%90%80%80"), 400},
        {"a lone continuation", get("/a%80"), 400},
        {"a cut sequence", get("/a%e2%82"), 400},
        {"a byte of no sequence", get("/a%ff"), 400},
        {"a raw byte above 127", get("/caf\xc3\xa9"), 400},
        {"a fragment", get("/a#b"), 400},
        {"a fragment in the query", get("/a?b#c"), 400},
        {"a control character in the query", get("/a?b\x01"), 400},
        {"a NUL in the path", get("/a\0b"s), 400},
        {"a space in the path", get("/a b"), 400},
        {"a quote in the path", get("/a\"b"), 400},
        {"4096 bytes", get("/" + std::string(4095, 'a')), 0},
        {"4097 bytes", get("/" + std::string(4096, 'a')), 414},
        {"8 KiB", get("/" + std::string(8191, 'a')), 414},
    };
}

std::string chunked(const std::string& body) {
    return post("Transfer-Encoding: chunked\r\n") + body;
}
// A whole body with these trailers.
std::string trailed(const std::string& lines) {
    return chunked("5\r\nhello\r\n0\r\n" + lines + "\r\n");
}
std::string repeated(const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
}

std::vector<Vector> bodies() {
    const std::string end = "0\r\n\r\n";
    return {
        {"a body of its length", post("Content-Length: 5\r\n") + "hello", 0},
        {"a body with a NUL, CR and LF", post("Content-Length: 5\r\n") + "\0\r\n\r\n"s, 0},
        {"a length above the limit", post("Content-Length: 1048577\r\n"), 413},
        {"a length far above the limit", post("Content-Length: 99999999999999\r\n"), 413},
        {"one chunk", chunked("5\r\nhello\r\n" + end), 0},
        {"no chunk", chunked(end), 0},
        {"chunk sizes in either case", chunked("A\r\n0123456789\r\na\r\n0123456789\r\n" + end), 0},
        {"a chunk size with zeros in front", chunked("0005\r\nhello\r\n" + end), 0},
        {"a last chunk of many zeros", chunked("5\r\nhello\r\n000\r\n\r\n"), 0},
        {"1,000 chunks of a byte", chunked(repeated("1\r\nx\r\n", 1'000) + end), 0},
        {"a chunk extension", chunked("5;a=b\r\nhello\r\n" + end), 400},
        {"an empty chunk extension", chunked("5;\r\nhello\r\n" + end), 400},
        {"a chunk extension at the end", chunked("5\r\nhello\r\n0;a\r\n\r\n"), 400},
        {"a chunk extension with a quoted LF", chunked("5;a=\"\n\"\r\nhello\r\n" + end), 400},
        {"a chunk extension of 64 KiB",
         chunked("5;a=" + std::string(65'536, 'x') + "\r\nhello\r\n" + end), 400},
        {"a chunk size of 300 digits", chunked(std::string(299, '0') + "5\r\nhello\r\n" + end),
         400},
        {"a chunk size above 64 bits", chunked("10000000000000005\r\nhello\r\n" + end), 400},
        {"a chunk above the limit", chunked("100001\r\nhello\r\n" + end), 413},
        {"chunks above the limit together",
         chunked("80000\r\n" + std::string(0x80000, 'x') + "\r\n80001\r\nhello\r\n" + end), 413},
        {"a chunk size with a plus", chunked("+5\r\nhello\r\n" + end), 400},
        {"a negative chunk size", chunked("-5\r\nhello\r\n" + end), 400},
        {"a chunk size with 0x", chunked("0x5\r\nhello\r\n" + end), 400},
        {"a chunk size with an underline", chunked("0_5\r\nhello\r\n" + end), 400},
        {"a chunk size that is none", chunked("g\r\nhello\r\n" + end), 400},
        {"an empty chunk size", chunked("\r\nhello\r\n" + end), 400},
        {"a space before the chunk size", chunked(" 5\r\nhello\r\n" + end), 400},
        {"a space after the chunk size", chunked("5 \r\nhello\r\n" + end), 400},
        {"a tab after the chunk size", chunked("5\t\r\nhello\r\n" + end), 400},
        {"a NUL after the chunk size", chunked("5\0\r\nhello\r\n"s + end), 400},
        {"a chunk line that ends in LF", chunked("5\nhello\r\n" + end), 400},
        {"a chunk line that ends in CR", chunked("5\rhello\r\n" + end), 400},
        {"a chunk that is longer than it says", chunked("4\r\nhello\r\n" + end), 400},
        {"a chunk that ends in LF", chunked("5\r\nhello\n" + end), 400},
        {"a chunk that ends in nothing", chunked("5\r\nhello" + end), 400},
        {"the end in LF", chunked("5\r\nhello\r\n0\n\n"), 400},
        {"trailers", trailed("X-Checksum: 5\r\nX-Other: y\r\n"), 0},
        // Taken, and thrown away: a header counts only when it was there before the body.
        {"a trailer Authorization", trailed("Authorization: Basic eDp5\r\n"), 0},
        {"a trailer X-Forwarded-For", trailed("X-Forwarded-For: 127.0.0.1\r\n"), 0},
        {"a trailer X-HMAC", trailed("X-HMAC: 00\r\n"), 0},
        {"a trailer Content-Length", trailed("Content-Length: 5\r\n"), 400},
        {"a trailer Transfer-Encoding", trailed("Transfer-Encoding: chunked\r\n"), 400},
        {"a trailer Host", trailed("Host: b\r\n"), 400},
        {"a trailer Connection", trailed("Connection: close\r\n"), 400},
        {"a folded trailer", trailed("X: y\r\n z\r\n"), 400},
        {"a trailer without a colon", trailed("X\r\n"), 400},
        {"a trailer without a name", trailed(": y\r\n"), 400},
        {"a trailer with a space before the colon", trailed("X : y\r\n"), 400},
        {"a trailer with a NUL", trailed("X: \0\r\n"s), 400},
        {"a trailer with a bare CR", trailed("X: a\rb\r\n"), 400},
        {"a trailer that ends in LF", trailed("X: y\n"), 400},
        {"101 trailers", trailed(fields(101)), 431},
        {"trailers of 64 KiB", trailed("X: " + std::string(65'536, 'y') + "\r\n"), 431},
    };
}

}  // namespace

const std::vector<Vector>& message_vectors() {
    static const std::vector<Vector> all = bodies();
    return all;
}

const std::vector<Vector>& gate_vectors() {
    static const std::vector<Vector> all = [] {
        std::vector<Vector> joined = framing();
        for (const auto& group : {field_lines(), request_lines(), targets()}) {
            joined.insert(joined.end(), group.begin(), group.end());
        }
        return joined;
    }();
    return all;
}

}  // namespace syncline::test
