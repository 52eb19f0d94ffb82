#include <algorithm>
#include <charconv>
#include <optional>

#include "auth/errc.hpp"
#include "auth/secret_json.hpp"
#include "auth/static_credential.hpp"
#include "auth/token.hpp"

namespace syncline::auth {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::size_t kTokenBytesMax = 32 * 1024;
constexpr std::size_t kTokenErrorBytesMax = 64;
constexpr double kLifeMax = 10 * 365 * 86'400.0;  // what is longer is as good as for ever

std::optional<seconds> life_from(double number) {
    if (!(number >= 1)) return std::nullopt;  // NaN too
    return seconds{static_cast<std::int64_t>(std::min(number, kLifeMax))};
}

// `3600`, `3600.0`, `900s`, `15m`, `1h`, `1d`.
std::optional<seconds> life_from(std::string_view text) {
    text = trimmed(text);
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{}) return std::nullopt;
    const std::string unit =
        lower_case(trimmed(text.substr(static_cast<std::size_t>(end - text.data()))));
    if (unit == "m") return life_from(number * 60);
    if (unit == "h") return life_from(number * 3600);
    if (unit == "d") return life_from(number * 86'400);
    if (unit.empty() || unit == "s") return life_from(number);
    return std::nullopt;
}

std::optional<seconds> life_from(const json::value* value) {
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return life_from(std::string_view{value->get_string()});
    if (value->is_int64()) return life_from(static_cast<double>(value->get_int64()));
    if (value->is_uint64()) return life_from(static_cast<double>(value->get_uint64()));
    if (value->is_double()) return life_from(value->get_double());
    return std::nullopt;
}

std::string_view text_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return {};
    return value->get_string();
}

// What may stand in a header: visible ASCII.
bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= kTokenBytesMax &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// The code of an error (RFC 6749 section 5.2), if it looks like one: the rest of the answer may
// echo what was sent.
std::string error_name(const std::optional<SecretJson>& answer) {
    if (!answer) return {};
    const std::string_view name = text_in(answer->object(), "error");
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
    };
    if (name.size() > kTokenErrorBytesMax || !std::ranges::all_of(name, is_plain)) return {};
    return std::string{name};
}

Error failed(std::string what) {
    return {kTokenEndpointFailed, std::move(what)};
}

Error refusal(int status, const std::string& name) {
    std::string what = "the token endpoint answered " + std::to_string(status);
    if (!name.empty()) what += " with " + name;
    const bool may_pass = status >= 500 || status == 429 || status == 408 ||
                          name == "temporarily_unavailable" || name == "server_error" ||
                          name == "slow_down";
    if (may_pass) return failed(std::move(what));
    if (name == "invalid_grant") return {kGrantRefused, std::move(what)};
    return {kTokenRequestRefused, std::move(what)};
}

// Platforms repeat what they were sent.
Token watched(Token token) {
    token.access_token.watch();
    token.refresh_token.watch();
    return token;
}

Result<Token> token_from_text(const TokenEndpoint& endpoint, std::string_view body) {
    while (!body.empty() && static_cast<unsigned char>(body.back()) <= 0x20) body.remove_suffix(1);
    while (!body.empty() && static_cast<unsigned char>(body.front()) <= 0x20) body.remove_prefix(1);
    if (!is_token(body)) return failed("the token endpoint's answer is not a token");
    return watched(Token{core::Secret{std::string{body}}, {}, endpoint.default_life, false});
}

Result<Token> token_from_json(const TokenEndpoint& endpoint, const json::object& answer) {
    const std::string_view access = text_in(answer, endpoint.token_member);
    if (!is_token(access))
        return failed("the token endpoint's answer has no token in " + endpoint.token_member);
    const std::string_view refresh = text_in(answer, endpoint.refresh_member);
    if (!refresh.empty() && !is_token(refresh))
        return failed("the token endpoint's answer has no token in " + endpoint.refresh_member);
    const auto life = life_from(answer.if_contains(endpoint.life_member));
    return watched(Token{core::Secret{std::string{access}}, core::Secret{std::string{refresh}},
                         life.value_or(endpoint.default_life), life.has_value()});
}

}  // namespace

Result<Token> read_token_response(const TokenEndpoint& endpoint, int status,
                                  std::string_view body) {
    if (body.size() > kTokenAnswerBytesMax)
        return failed("the token endpoint's answer is too long");
    const auto answer = SecretJson::parse(body);
    const bool is_success = status >= 200 && status < 300;
    const std::string error = error_name(answer);
    if (!is_success || !error.empty()) return refusal(status, error);
    if (endpoint.answer == TokenAnswer::kText) return token_from_text(endpoint, body);
    if (!answer) return failed("the token endpoint's answer is not a JSON object");
    return token_from_json(endpoint, answer->object());
}

}  // namespace syncline::auth
