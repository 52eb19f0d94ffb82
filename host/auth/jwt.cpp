#include "auth/jwt.hpp"

#include <algorithm>

#include "auth/errc.hpp"
#include "auth/moment.hpp"
#include "record/json.hpp"

namespace syncline::auth {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr seconds kAssertionLifeMax{3600};
constexpr double kSecondsMax = 1e12;  // the year 33658

Error refused(std::string what) {
    return {kTokenNotAccepted, std::move(what)};
}

// A moment in seconds, whole or not; nothing if the claim is missing.
Result<std::optional<double>> moment_of(const json::object& claims, std::string_view name) {
    const json::value* value = claims.if_contains(name);
    if (value == nullptr) return std::optional<double>{};
    double number = -1;
    if (value->is_double()) number = value->get_double();
    if (value->is_int64()) number = static_cast<double>(value->get_int64());
    if (value->is_uint64()) number = static_cast<double>(value->get_uint64());
    if (!(number >= 0 && number <= kSecondsMax))
        return Error(kTokenMalformed, "the token's claim " + std::string{name} + " is no moment");
    return std::optional<double>{number};
}

Result<void> check_times(const json::object& claims, const ClaimRules& rules, core::WallTime now) {
    SYNCLINE_TRY(const auto expiry, moment_of(claims, "exp"));
    SYNCLINE_TRY(const auto start, moment_of(claims, "nbf"));
    SYNCLINE_TRY(const auto issued, moment_of(claims, "iat"));
    const auto seconds_now = static_cast<double>(unix_seconds(now));
    const auto leeway = static_cast<double>(rules.leeway.count());
    if (!expiry && rules.requires_expiry) return refused("the token has no expiry");
    if (expiry && seconds_now >= *expiry + leeway) return refused("the token has expired");
    if (start && seconds_now < *start - leeway) return refused("the token is not valid yet");
    if (issued && seconds_now < *issued - leeway)
        return refused("the token was issued in the future");
    return {};
}

Result<void> check_audience(const json::object& claims, const ClaimRules& rules) {
    const json::value* claim = claims.if_contains("aud");
    if (claim == nullptr) {
        if (rules.audiences.empty()) return {};
        return refused("the token names no audience");
    }
    const auto is_ours = [&](const json::value& value) {
        return value.is_string() &&
               std::ranges::find(rules.audiences, std::string_view{value.get_string()}) !=
                   rules.audiences.end();
    };
    if (is_ours(*claim)) return {};
    if (claim->is_array() && std::ranges::any_of(claim->get_array(), is_ours)) return {};
    return refused("the token is meant for someone else");
}

}  // namespace

Result<json::object> check_claims(std::string_view payload, const ClaimRules& rules,
                                  core::WallTime now) {
    auto parsed = record::parse_json(payload, {.depth_max = 32});
    if (!parsed || !parsed->is_object())
        return Error(kTokenMalformed, "the token's claims are not a JSON object");
    const json::object& claims = parsed->get_object();
    SYNCLINE_CHECK(check_times(claims, rules, now));
    SYNCLINE_CHECK(check_audience(claims, rules));
    const json::value* issuer = claims.if_contains("iss");
    if (!rules.issuer.empty() && (issuer == nullptr || !issuer->is_string() ||
                                  std::string_view{issuer->get_string()} != rules.issuer)) {
        return refused("the token has another issuer");
    }
    return std::move(parsed->get_object());
}

Result<core::Secret> make_assertion(const AssertionOptions& options, const JwsKey& key,
                                    core::WallTime now, std::string_view id) {
    if (options.issuer.empty() || options.audience.empty())
        return Error(kCredentialInvalid, "an assertion needs an issuer and an audience");
    if (options.life < seconds{1} || options.life > kAssertionLifeMax)
        return Error(kCredentialInvalid, "an assertion lives 1 s to 1 h");
    json::object claims = options.more_claims;
    claims["iss"] = options.issuer;
    if (!options.subject.empty()) claims["sub"] = options.subject;
    claims["aud"] = options.audience;
    claims["iat"] = unix_seconds(now);
    claims["exp"] = unix_seconds(now) + options.life.count();
    if (!id.empty()) claims["jti"] = id;
    SYNCLINE_TRY(
        std::string token,
        sign_jws({{"typ", "JWT"}}, record::write_json(json::value(std::move(claims))), key));
    return core::Secret{std::move(token)};
}

}  // namespace syncline::auth
