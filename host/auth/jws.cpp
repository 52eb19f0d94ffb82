#include "auth/jws.hpp"

#include <algorithm>
#include <array>

#include "auth/errc.hpp"
#include "core/encoding.hpp"
#include "record/json.hpp"

namespace syncline::auth {
namespace {

namespace json = boost::json;

struct Row {
    JwsAlgorithm algorithm;
    std::string_view name;
    KeyFamily family;
    SignatureAlgorithm signature;
};

constexpr std::array kRows{
    Row{JwsAlgorithm::kHs256, "HS256", KeyFamily::kHmac, SignatureAlgorithm::kHs256},
    Row{JwsAlgorithm::kRs256, "RS256", KeyFamily::kRsa, SignatureAlgorithm::kRs256},
    Row{JwsAlgorithm::kEs256, "ES256", KeyFamily::kP256, SignatureAlgorithm::kEs256},
    Row{JwsAlgorithm::kEdDsa, "EdDSA", KeyFamily::kEd25519, SignatureAlgorithm::kEdDsa},
};

const Row& row_of(JwsAlgorithm algorithm) {
    return *std::ranges::find(kRows, algorithm, &Row::algorithm);
}

bool is_allowed(const JwsKey& key, const Row& row) {
    return key.key.family() == row.family &&
           std::ranges::find(key.algorithms, row.algorithm) != key.algorithms.end();
}

struct Parts {
    std::string_view signed_text;  // header and payload, with the dot between
    std::string_view header, payload, signature;
};

std::optional<Parts> split(std::string_view compact) {
    const std::size_t first = compact.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const std::size_t second = compact.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const std::string_view signature = compact.substr(second + 1);
    if (signature.find('.') != std::string_view::npos) return std::nullopt;
    return Parts{compact.substr(0, second), compact.substr(0, first),
                 compact.substr(first + 1, second - first - 1), signature};
}

// The text of a member; nothing if there is none, or it is not a text.
std::optional<std::string_view> member_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view{value->get_string()};
}

Error malformed(std::string what) {
    return {kTokenMalformed, std::move(what)};
}

Error not_authentic(std::string what) {
    return {kTokenNotAuthentic, std::move(what)};
}

Result<json::object> header_of(std::string_view encoded) {
    const auto text = core::from_base64url(encoded);
    if (!text) return malformed("the token's head is not base64url");
    auto parsed = record::parse_json(*text, {.depth_max = 8});
    if (!parsed || !parsed->is_object()) return malformed("the token's head is not a JSON object");
    return std::move(parsed->get_object());
}

struct Message {
    Parts parts;  // of the text that was read
    json::object header;
    JwsHead head;
};

Result<Message> read(std::string_view compact) {
    if (compact.size() > kJwsBytesMax) return malformed("the token is too long");
    const auto parts = split(compact);
    if (!parts) return malformed("the token has not three parts");
    SYNCLINE_TRY(json::object header, header_of(parts->header));
    if (header.contains("crit"))
        return malformed("the token demands an extension that is not understood here");
    const auto name = member_of(header, "alg");
    if (!name) return malformed("the token names no algorithm");
    const auto algorithm = jws_algorithm(*name);
    if (!algorithm) return not_authentic("the token's algorithm is not one that is allowed");
    const auto id = member_of(header, "kid");
    if (header.contains("kid") && !id) return malformed("the token's key is not named by a text");
    JwsHead head{*algorithm, std::nullopt};
    if (id) head.key_id = *id;
    return Message{*parts, std::move(header), std::move(head)};
}

bool is_verified(const Message& message, std::string_view signature, std::span<const JwsKey> keys) {
    const Row& row = row_of(message.head.algorithm);
    const std::optional<std::string>& id = message.head.key_id;
    std::size_t tried = 0;
    for (const JwsKey& key : keys) {
        if (id && !key.id.empty() && key.id != *id) continue;
        if (!is_allowed(key, row)) continue;
        if (++tried > kJwsKeysTriedMax) break;
        if (key.key.verify(row.signature, message.parts.signed_text, signature)) return true;
    }
    return false;
}

}  // namespace

std::optional<JwsAlgorithm> jws_algorithm(std::string_view name) {
    const auto row = std::ranges::find(kRows, name, &Row::name);
    if (row == kRows.end()) return std::nullopt;
    return row->algorithm;
}

std::string_view jws_name(JwsAlgorithm algorithm) {
    return row_of(algorithm).name;
}

JwsAlgorithm jws_algorithm_of(KeyFamily family) {
    return std::ranges::find(kRows, family, &Row::family)->algorithm;
}

Result<JwsHead> read_jws_head(std::string_view compact) {
    SYNCLINE_TRY(const Message message, read(compact));
    return message.head;
}

Result<Jws> verify_jws(std::string_view compact, std::span<const JwsKey> keys) {
    SYNCLINE_TRY(Message message, read(compact));
    auto payload = core::from_base64url(message.parts.payload);
    const auto signature = core::from_base64url(message.parts.signature);
    if (!payload || !signature) return malformed("a part of the token is not base64url");
    if (!is_verified(message, *signature, keys))
        return not_authentic("no key that is allowed verifies the token's signature");
    return Jws{std::move(message.header), std::move(*payload)};
}

Result<std::string> sign_jws(json::object header, std::string_view payload, const JwsKey& key) {
    const Row& row = row_of(jws_algorithm_of(key.key.family()));
    if (!is_allowed(key, row))
        return Error(kKeyInvalid, "the key is not allowed " + std::string{row.name});
    header["alg"] = row.name;
    if (!key.id.empty()) header["kid"] = key.id;
    std::string text = core::to_base64url(record::write_json(json::value(std::move(header))));
    text += '.';
    text += core::to_base64url(payload);
    SYNCLINE_TRY(const std::string signature, key.key.sign(row.signature, text));
    return text + '.' + core::to_base64url(signature);
}

}  // namespace syncline::auth
