#include "auth/jwk.hpp"

#include <boost/json/array.hpp>

#include "auth/errc.hpp"
#include "auth/secret_json.hpp"
#include "core/encoding.hpp"

namespace syncline::auth {
namespace {

namespace json = boost::json;

Error invalid_jwk(std::string what) {
    return {kKeyInvalid, std::move(what)};
}

// The text of a member; empty if there is none, or it is not a text.
std::string_view text_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return {};
    return value->get_string();
}

// The bytes of a number; empty if the member is missing. An error names the member alone.
Result<core::Secret> bytes_of(const json::object& object, std::string_view name) {
    auto bytes = core::from_base64url(text_of(object, name));
    if (!bytes) return invalid_jwk("the key's member " + std::string{name} + " is not base64url");
    return core::Secret{std::move(*bytes)};
}

Result<Key> rsa_key(const json::object& object) {
    RsaNumbers numbers;
    SYNCLINE_TRY(const core::Secret n, bytes_of(object, "n"));
    SYNCLINE_TRY(const core::Secret e, bytes_of(object, "e"));
    numbers.n = n.reveal();
    numbers.e = e.reveal();
    const std::pair<std::string_view, core::Secret*> secrets[] = {
        {"d", &numbers.d},   {"p", &numbers.p},   {"q", &numbers.q},
        {"dp", &numbers.dp}, {"dq", &numbers.dq}, {"qi", &numbers.qi}};
    for (const auto& [name, secret] : secrets) {
        SYNCLINE_TRY(*secret, bytes_of(object, name));
    }
    return Key::from_rsa(numbers);
}

Result<Key> key_of(const json::object& object) {
    const std::string_view kind = text_of(object, "kty");
    if (kind == "RSA") return rsa_key(object);
    if (kind == "oct") {
        SYNCLINE_TRY(core::Secret secret, bytes_of(object, "k"));
        return Key::from_secret(std::move(secret));
    }
    SYNCLINE_TRY(const core::Secret x, bytes_of(object, "x"));
    SYNCLINE_TRY(const core::Secret d, bytes_of(object, "d"));
    const std::string_view curve = text_of(object, "crv");
    if (kind == "OKP" && curve == "Ed25519") return Key::from_ed25519(x.reveal(), d);
    if (kind != "EC" || curve != "P-256")
        return invalid_jwk("the key is of a kind that is not used here");
    SYNCLINE_TRY(const core::Secret y, bytes_of(object, "y"));
    return Key::from_p256(x.reveal(), y.reveal(), d);
}

bool is_for_signatures(const json::object& object) {
    if (object.contains("use") && text_of(object, "use") != "sig") return false;
    const json::value* operations = object.if_contains("key_ops");
    if (operations == nullptr) return true;
    if (!operations->is_array()) return false;
    for (const json::value& operation : operations->get_array()) {
        if (operation == "sign" || operation == "verify") return true;
    }
    return false;
}

Result<JwsKey> jws_key(const json::object& object) {
    if (!is_for_signatures(object)) return invalid_jwk("the key is not meant for signatures");
    SYNCLINE_TRY(Key key, key_of(object));
    const JwsAlgorithm algorithm = jws_algorithm_of(key.family());
    if (object.contains("alg") && text_of(object, "alg") != jws_name(algorithm))
        return invalid_jwk("the key is meant for another algorithm");
    return JwsKey{std::string{text_of(object, "kid")}, std::move(key), {algorithm}};
}

Result<SecretJson> parse(std::string_view text) {
    if (text.size() > kJwksBytesMax) return invalid_jwk("the text of the keys is too long");
    auto tree = SecretJson::parse(text);
    if (!tree) return invalid_jwk("the text is not a JSON object");
    return std::move(*tree);
}

}  // namespace

Result<JwsKey> parse_jwk(std::string_view text) {
    SYNCLINE_TRY(const SecretJson tree, parse(text));
    return jws_key(tree.object());
}

Result<std::vector<JwsKey>> parse_jwks(std::string_view text) {
    SYNCLINE_TRY(const SecretJson tree, parse(text));
    const json::value* list = tree.object().if_contains("keys");
    if (list == nullptr || !list->is_array()) return invalid_jwk("the set has no list `keys`");
    if (list->get_array().size() > kJwksKeysMax) return invalid_jwk("the set has too many keys");
    std::vector<JwsKey> keys;
    for (const json::value& item : list->get_array()) {
        if (!item.is_object()) continue;
        auto key = jws_key(item.get_object());
        if (key && !key->key.can_sign()) keys.push_back(std::move(*key));
    }
    if (keys.empty()) return invalid_jwk("the set has no public key that is used here");
    return keys;
}

}  // namespace syncline::auth
