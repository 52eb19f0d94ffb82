#include "app/login_page.hpp"

#include "core/encoding.hpp"
#include "core/hash.hpp"

namespace syncline::app {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ground: #f4f5f7; --card: #ffffff; --ink: #1c2430;
  --quiet: #5b6675; --line: #e1e5ea; --good: #12805c; --bad: #c0362c; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --card: #1b212a;
  --ink: #eef1f5; --quiet: #9aa7b6; --line: #2b3440; --good: #3ecf9a; --bad: #ff7a6e; } }
* { box-sizing: border-box; margin: 0; }
body { min-height: 100vh; display: grid; place-items: center; padding: 24px;
  background: var(--ground); color: var(--ink);
  font: 17px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { width: 100%; max-width: 460px; padding: 44px 40px 36px; background: var(--card);
  border: 1px solid var(--line); border-radius: 16px; text-align: center;
  box-shadow: 0 12px 40px rgb(15 23 42 / 8%); }
.mark { width: 64px; height: 64px; margin: 0 auto 22px; border-radius: 50%; display: grid;
  place-items: center; border: 3px solid currentColor; }
.mark svg { width: 30px; height: 30px; fill: none; stroke: currentColor; stroke-width: 3;
  stroke-linecap: round; stroke-linejoin: round; }
.good { color: var(--good); }
.bad { color: var(--bad); }
h1 { font-size: 24px; line-height: 1.25; font-weight: 650; margin-bottom: 10px; }
p { color: var(--quiet); overflow-wrap: anywhere; }
p::first-letter { text-transform: uppercase; }
footer { margin-top: 30px; padding-top: 18px; border-top: 1px solid var(--line);
  font-size: 14px; letter-spacing: .04em; color: var(--quiet); }
)";

constexpr std::string_view kTick = R"(<path d="M5 13l5 5L20 7"/>)";
constexpr std::string_view kCross = R"(<path d="M6 6l12 12M18 6L6 18"/>)";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
    }
    return out;
}

}  // namespace

http_server::Response login_page(int status, bool is_success, std::string_view title,
                                 std::string_view text) {
    http_server::Response response;
    response.status = status;
    response.close = true;
    response.headers = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'sha256-" + core::to_base64(core::sha256(kStyle)) +
             "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"}};
    const std::string heading = escaped(title);
    response.body =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>" +
        heading + " - Syncline</title>\n<style>" + std::string{kStyle} +
        "</style>\n</head>\n<body>\n<main>\n<div class=\"mark " + (is_success ? "good" : "bad") +
        "\"><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\">" +
        std::string{is_success ? kTick : kCross} + "</svg></div>\n<h1>" + heading + "</h1>\n<p>" +
        escaped(text) + "</p>\n<footer>Syncline</footer>\n</main>\n</body>\n</html>\n";
    return response;
}

}  // namespace syncline::app
