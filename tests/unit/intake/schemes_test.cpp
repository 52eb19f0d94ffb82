// Keys as they are, addresses, nonces and HTTP signatures.
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/encoding.hpp"
#include "core/hash.hpp"
#include "fields.hpp"
#include "fixture.hpp"
#include "intake/errc.hpp"
#include "intake/replay_cache.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace syncline::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* kNowDate = "Thu, 25 Feb 2021 15:02:10 GMT";

struct Sent {
    FieldList fields = {};
    std::string body = "{}";
    std::string target = "/hooks/shop";
    std::int64_t now_s = kNow_s;
    std::string peer = {};
};

Result<void> take(Verifier& verifier, const Sent& sent) {
    const Fields lookup{sent.fields};
    const Message message{lookup,   sent.body, "POST", sent.target, sent.now_s * kSecond_ns,
                          sent.peer};
    SYNCLINE_CHECK(verifier.verify(message));
    return verifier.take_nonce(message);
}

bool is_invalid(const VerifierOptions& options) {
    const auto verifier = Verifier::make(options);
    return verifier.has_error() && verifier.error().is(kVerifierInvalid);
}

bool is(const Result<void>& result, const core::ErrorCode& code) {
    return result.has_error() && result.error().is(code);
}

bool is_from(const std::vector<std::string>& allow, const std::string& peer) {
    Verifier verifier = made(AddressOptions{allow});
    const auto verified = take(verifier, {{}, "", "/", 0, peer});
    if (verified.has_error()) CHECK(verified.error().is(kAddressRefused));
    return verified.has_value();
}

SignatureOptions with_nonces() {
    SignatureOptions options;
    options.header = "x-signature";
    options.signs = "{timestamp}.{header:X-Nonce}.{body}";
    options.timestamp = TimestampOptions{"x-at", "", 300s};
    options.nonce_header = "X-Nonce";
    options.keys = keys_of({"secret"});
    return options;
}

Sent sent_with_nonce(const std::string& nonce, std::int64_t signed_s, std::int64_t now_s) {
    const std::string at = std::to_string(signed_s);
    return {
        {{"x-at", at}, {"x-nonce", nonce}, {"x-signature", signature_of(at + "." + nonce + ".{}")}},
        "{}",
        "/",
        now_s,
        ""};
}

// A sender that signs as Copernica does.
class Signer {
  public:
    explicit Signer(std::size_t bits = 2048)
        : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)) {
        REQUIRE(key_ != nullptr);
    }
    ~Signer() { EVP_PKEY_free(key_); }
    Signer(const Signer&) = delete;
    Signer& operator=(const Signer&) = delete;

    std::string public_key() const {
        BIO* bio = BIO_new(BIO_s_mem());
        REQUIRE(PEM_write_bio_PUBKEY(bio, key_) == 1);
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        std::string pem(data, static_cast<std::size_t>(size));
        BIO_free(bio);
        return pem;
    }

    std::string sign(const std::string& text) const {
        EVP_MD_CTX* context = EVP_MD_CTX_new();
        std::string signature(512, '\0');
        std::size_t size = signature.size();
        REQUIRE(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_) == 1);
        REQUIRE(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                               reinterpret_cast<const unsigned char*>(text.data()),
                               text.size()) == 1);
        EVP_MD_CTX_free(context);
        signature.resize(size);
        return core::to_base64(signature);
    }

    static constexpr const char* kNames =
        "(request-target) Host Date Content-length Content-type X-Copernica-ID Digest X-nonce";

    Sent sent(const std::string& nonce = "n1", const std::string& names = kNames) const {
        Sent out;
        out.body = "type=create&profile=1";
        out.target = "/hooks/shop?a=%20b";
        out.fields = {{"host", "hub.example"},
                      {"date", kNowDate},
                      {"content-length", std::to_string(out.body.size())},
                      {"content-type", "application/x-www-form-urlencoded"},
                      {"x-copernica-id", "account-7"},
                      {"digest", "SHA-256=" + core::to_base64(core::sha256(out.body))},
                      {"x-nonce", nonce}};
        add_signature(out, names);
        return out;
    }

    void add_signature(Sent& out, const std::string& names = kNames) const {
        std::string text;
        std::string rest = names;
        while (!rest.empty()) {
            std::string name = rest.substr(0, rest.find(' '));
            rest.erase(0, std::min(name.size() + 1, rest.size()));
            std::transform(name.begin(), name.end(), name.begin(), ::tolower);
            if (!text.empty()) text += "\n";
            const auto at = std::find_if(out.fields.begin(), out.fields.end(),
                                         [&](const auto& field) { return field.first == name; });
            text += name + ": " +
                    (name == "(request-target)" ? "post " + out.target
                     : at == out.fields.end()   ? std::string{}
                                                : at->second);
        }
        std::erase_if(out.fields, [](const auto& field) { return field.first == "signature"; });
        out.fields.emplace_back("signature",
                                R"(keyId="one._domainkey.copernica.com",algorithm="rsa-sha256",)"
                                R"(headers=")" +
                                    names + R"(",signature=")" + sign(text) + R"(")");
    }

  private:
    EVP_PKEY* key_;
};

HttpSignatureOptions copernica(const std::vector<std::string>& keys) {
    HttpSignatureOptions options;
    options.expected = {{"x-copernica-id", "account-7"}};
    options.nonce_header = "x-nonce";
    options.tolerance = 60s;
    options.keys = keys_of(keys);
    return options;
}

std::string& field_of(Sent& sent, std::string_view name) {
    return std::find_if(sent.fields.begin(), sent.fields.end(),
                        [&](const auto& field) { return field.first == name; })
        ->second;
}

}  // namespace

// ---- Keys as they are

TEST_CASE("api key: in a header, whole and once", "[intake][verify][F1][F6]") {
    Verifier verifier = made(ApiKeyOptions{"x-api-key", "", "", keys_of({"old-key", "new-key"})});
    CHECK(take(verifier, {{{"x-api-key", "old-key"}}}).has_value());
    CHECK(take(verifier, {{{"x-api-key", "new-key"}}}).has_value());
    for (const char* value : {"", " ", "old-ke", "old-key ", "OLD-KEY", "old-keynew-key", "x"})
        CHECK(is(take(verifier, {{{"x-api-key", value}}}), kNotAuthentic));
    CHECK(is(take(verifier, {}), kNotAuthentic));
    CHECK(
        is(take(verifier, {{{"x-api-key", "old-key"}, {"x-api-key", "old-key"}}}), kNotAuthentic));
    CHECK(is(take(verifier, {{}, "", "/hooks/shop?x-api-key=old-key"}), kNotAuthentic));
    CHECK(verifier.authenticating_headers() == std::vector<std::string>{"x-api-key"});
    CHECK(verifier.key_uses()[1]->count.value() == 1);
    Verifier bearer = made(ApiKeyOptions{"authorization", "", "Bearer ", keys_of({"k"})});
    CHECK(take(bearer, {{{"authorization", "Bearer k"}}}).has_value());
    CHECK(is(take(bearer, {{{"authorization", "k"}}}), kNotAuthentic));
    CHECK(is(take(bearer, {{{"authorization", "Bearer "}}}), kNotAuthentic));
}

TEST_CASE("api key: in the query, decoded and once", "[intake][verify][F1]") {
    Verifier verifier = made(ApiKeyOptions{"", "key", "", keys_of({"a b&c"})});
    CHECK(take(verifier, {{}, "", "/hooks/shop?type=ADD&key=a%20b%26c"}).has_value());
    CHECK(take(verifier, {{}, "", "/hooks/shop?k%65y=a+b%26c"}).has_value());
    for (const char* target : {"/hooks/shop", "/hooks/shop?", "/hooks/shop?key",
                               "/hooks/shop?key=", "/hooks/shop?key=a+b", "/hooks/shop?Key=a+b%26c",
                               "/hooks/shop?key=a+b%26c&key=x",
                               "/hooks/shop?key=a+b%26c&key=a+b%26c", "/hooks/key=a+b%26c"}) {
        INFO(target);
        CHECK(is(take(verifier, {{}, "", target}), kNotAuthentic));
    }
    CHECK(verifier.authenticating_parameters() == std::vector<std::string>{"key"});
}

TEST_CASE("api key: an empty one is refused when it is configured", "[intake][verify][F1]") {
    CHECK(is_invalid(ApiKeyOptions{"x", "", "", keys_of({""})}));
    CHECK(is_invalid(ApiKeyOptions{"x", "", "", {}}));
    CHECK(is_invalid(ApiKeyOptions{"", "", "", keys_of({"k"})}));
    CHECK(is_invalid(ApiKeyOptions{"x", "y", "", keys_of({"k"})}));
}

TEST_CASE("intake: a key is stored nowhere", "[intake][auth]") {
    World world{
        1 << 30, "", [](Route& route) {
            route.verifiers->clear();
            route.verifiers->push_back(made(ApiKeyOptions{"", "key", "", keys_of({"k3y"})}));
        }};
    auto request = World::request("{}");
    request.query = "type=ADD&key=k3y&x=%20";
    request.target = "/hooks/shop?" + request.query;
    CHECK(world.send(std::move(request)).status == 207);
    auto handshake = World::request("");
    handshake.query = "type=VALIDATE&key=k3y";
    CHECK(world.send(std::move(handshake)).body == "echo:type=VALIDATE");
    const auto events = world.events(1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].received->query == "type=ADD&x=%20");
}

// ---- Addresses

TEST_CASE("address: of IPv4 and IPv6, alone and in ranges", "[intake][verify]") {
    CHECK(is_from({"192.0.2.7"}, "192.0.2.7"));
    CHECK_FALSE(is_from({"192.0.2.7"}, "192.0.2.8"));
    CHECK(is_from({"10.0.0.0/8", "2001:db8::/33"}, "10.255.255.255"));
    CHECK_FALSE(is_from({"10.0.0.0/8", "2001:db8::/33"}, "11.0.0.0"));
    CHECK(is_from({"2001:db8::/33"}, "2001:db8:7fff::1"));
    CHECK_FALSE(is_from({"2001:db8::/33"}, "2001:db8:8000::1"));
    CHECK(is_from({"192.0.2.128/25"}, "192.0.2.128"));
    CHECK_FALSE(is_from({"192.0.2.128/25"}, "192.0.2.127"));
    CHECK(is_from({"192.0.2.0/24"}, "::ffff:192.0.2.9"));
    CHECK(is_from({"fe80::/10"}, "fe80::1%eth0"));
    CHECK(is_from({"0.0.0.0/0"}, "203.0.113.1"));
    CHECK_FALSE(is_from({"0.0.0.0/0"}, "2001:db8::1"));
    for (const char* peer : {"", "unix", "192.0.2", "192.0.2.7:80", "::1::"})
        CHECK_FALSE(is_from({"0.0.0.0/0", "::/0"}, peer));
}

TEST_CASE("address: what is none is refused when it is configured", "[intake][verify]") {
    for (const char* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                             "10.0.0.1/8", "::1/127", "::/129", "010.0.0.0/8", "10.0.0/8", "host",
                             "fe80::1%eth0", " 10.0.0.0/8", "10.0.0.0/8 "}) {
        INFO(text);
        CHECK(is_invalid(AddressOptions{{text}}));
    }
    CHECK(is_invalid(AddressOptions{}));
    CHECK(is_invalid(AddressOptions{std::vector<std::string>(kRangesMax + 1, "10.0.0.0/8")}));
}

TEST_CASE("intake: an address that is not allowed gets 403, whatever it has signed",
          "[intake][auth]") {
    World world{1 << 30, "", [](Route& route) {
                    route.verifiers->push_back(made(AddressOptions{{"192.0.2.0/24"}}));
                }};
    auto near = World::signed_request("{}");
    near.peer = "192.0.2.1";
    CHECK(world.send(std::move(near)).status == 207);
    auto far = World::signed_request("{}");
    far.peer = "198.51.100.1";
    const auto refused = world.send(std::move(far));
    CHECK(refused.status == 403);
    CHECK(code_of(refused) == "intake.address_refused");
    auto unsigned_one = World::request("{}");
    unsigned_one.peer = "192.0.2.1";
    CHECK(world.send(std::move(unsigned_one)).status == 401);
}

// ---- Nonces

TEST_CASE("nonce: serves once while its signature is good [F2]", "[intake][verify][F2]") {
    Verifier verifier = made(with_nonces());
    CHECK(take(verifier, sent_with_nonce("a", kNow_s, kNow_s)).has_value());
    CHECK(is(take(verifier, sent_with_nonce("a", kNow_s, kNow_s)), kReplayed));
    CHECK(is(take(verifier, sent_with_nonce("a", kNow_s, kNow_s + 300)), kReplayed));
    CHECK(is(take(verifier, sent_with_nonce("a", kNow_s, kNow_s + 301)), kStale));
    CHECK(take(verifier, sent_with_nonce("b", kNow_s, kNow_s)).has_value());
    // Signed in the future of the hub's clock: kept until that is too old as well.
    CHECK(take(verifier, sent_with_nonce("c", kNow_s + 300, kNow_s)).has_value());
    CHECK(is(take(verifier, sent_with_nonce("c", kNow_s + 300, kNow_s + 600)), kReplayed));
    CHECK(is(take(verifier, sent_with_nonce("c", kNow_s + 300, kNow_s + 601)), kStale));
    // Later it may serve another signature.
    CHECK(take(verifier, sent_with_nonce("a", kNow_s + 700, kNow_s + 700)).has_value());
    Sent unsigned_nonce = sent_with_nonce("d", kNow_s, kNow_s);
    field_of(unsigned_nonce, "x-nonce") = "e";
    CHECK(is(take(verifier, unsigned_nonce), kNotAuthentic));
}

TEST_CASE("nonce: a new one is refused rather than an old one forgotten", "[intake][verify]") {
    ReplayCache cache{2};
    CHECK(cache.take("a", 10, 0).has_value());
    CHECK(cache.take("b", 20, 0).has_value());
    CHECK(is(cache.take("c", 30, 10), kTooManyNonces));
    CHECK(is(cache.take("a", 10, 10), kReplayed));
    CHECK(cache.take("c", 30, 11).has_value());
    CHECK(is(cache.take("b", 20, 20), kReplayed));
    CHECK(cache.size() == 2);
    CHECK(cache.take("b", 40, 21).has_value());
    CHECK(cache.take("a", 50, 31).has_value());
    CHECK(cache.size() == 2);
}

TEST_CASE("intake: a replay gets 401, a full memory 503, and another rule uses up no nonce",
          "[intake][auth][F2]") {
    World world{1 << 30, "", [](Route& route) {
                    SignatureOptions options = with_nonces();
                    options.header = "x-second";
                    options.nonces_max = 2;
                    route.verifiers->insert(route.verifiers->begin(), made(options));
                }};
    const std::int64_t now_s = core::system_clock().wall_ns() / kSecond_ns;
    const auto send = [&](const std::string& nonce, const std::string& key = "secret") {
        const std::string at = std::to_string(now_s);
        return world.send(
            World::request("{}", {{"x-at", at},
                                  {"x-nonce", nonce},
                                  {"x-second", signature_of(at + "." + nonce + ".{}")},
                                  {"x-signature", "sha256=" + signature_of("{}", key)}}));
    };
    CHECK(send("a", "another").status == 401);
    CHECK(send("a").status == 207);
    const auto replayed = send("a");
    CHECK(replayed.status == 401);
    CHECK(code_of(replayed) == "intake.replayed");
    CHECK(send("b").status == 207);
    const auto full = send("c");
    CHECK(full.status == 503);
    CHECK(code_of(full) == "intake.too_many_nonces");
    CHECK_FALSE(header_of(full, "Retry-After").empty());
    CHECK(world.ledger(2).received == 2);
}

TEST_CASE("nonce: it has to be signed with a timestamp", "[intake][verify]") {
    CHECK_FALSE(is_invalid(with_nonces()));
    SignatureOptions not_signed = with_nonces();
    not_signed.signs = "{timestamp}.{body}";
    CHECK(is_invalid(not_signed));
    SignatureOptions timeless = with_nonces();
    timeless.timestamp.reset();
    timeless.signs = "{header:x-nonce}.{body}";
    CHECK(is_invalid(timeless));
}

// ---- HTTP signatures

TEST_CASE("http signature: as Copernica sends it", "[intake][verify][F1][F2][F6]") {
    const Signer signer;
    const Signer other;
    Verifier verifier = made(copernica({other.public_key(), signer.public_key()}));
    CHECK(take(verifier, signer.sent("n1")).has_value());
    CHECK(is(take(verifier, signer.sent("n1")), kReplayed));
    CHECK(take(verifier, other.sent("n2")).has_value());
    CHECK(verifier.key_uses()[0]->count.value() == 1);
    const Signer stranger;
    CHECK(is(take(verifier, stranger.sent("n3")), kNotAuthentic));
    for (const auto& [offset_s, is_accepted] :
         std::vector<std::pair<int, bool>>{{60, true}, {61, false}, {-60, true}, {-61, false}}) {
        Sent moved = signer.sent("n" + std::to_string(100 + offset_s));
        moved.now_s += offset_s;
        const auto verified = take(verifier, moved);
        CHECK(verified.has_value() == is_accepted);
        if (!is_accepted) CHECK(verified.error().is(kStale));
    }
}

TEST_CASE("http signature: nothing that is signed can be changed", "[intake][verify][F1][F5]") {
    const Signer signer;
    Verifier verifier = made(copernica({signer.public_key()}));
    const Sent right = signer.sent();
    for (const auto& [name, value] : right.fields) {
        Sent changed = right;
        field_of(changed, name) += name == "signature" ? "," : "1";
        CHECK(is(take(verifier, changed), kNotAuthentic));
        Sent missing = right;
        std::erase_if(missing.fields, [&](const auto& field) { return field.first == name; });
        CHECK(is(take(verifier, missing), kNotAuthentic));
        Sent twice = right;
        twice.fields.emplace_back(name, value);
        CHECK(is(take(verifier, twice), kNotAuthentic));
    }
    Sent body = right;
    body.body += " ";
    CHECK(is(take(verifier, body), kNotAuthentic));
    Sent target = right;
    target.target += "c";
    CHECK(is(take(verifier, target), kNotAuthentic));
    // Its own digest does not help: that is signed.
    field_of(body, "digest") = "SHA-256=" + core::to_base64(core::sha256(body.body));
    CHECK(is(take(verifier, body), kNotAuthentic));
    CHECK(take(verifier, right).has_value());
}

TEST_CASE("http signature: what has to be signed is", "[intake][verify][F1]") {
    const Signer signer;
    Verifier verifier = made(copernica({signer.public_key()}));
    const std::string all = "(request-target) host date x-copernica-id digest x-nonce";
    CHECK(take(verifier, signer.sent("least", all)).has_value());
    for (const std::string& name : std::vector<std::string>{
             "(request-target) ", "host ", "date ", "x-copernica-id ", "digest ", " x-nonce"}) {
        std::string fewer = all;
        fewer.erase(fewer.find(name), name.size());
        INFO(fewer);
        CHECK(is(take(verifier, signer.sent(name, fewer)), kNotAuthentic));
    }
    for (const std::string& names : {all + " host", all + " x-missing", all + "  ", " " + all}) {
        INFO(names);
        CHECK(is(take(verifier, signer.sent("n", names)), kNotAuthentic));
    }
    Sent account = signer.sent("m");
    field_of(account, "x-copernica-id") = "account-8";
    signer.add_signature(account);
    CHECK(is(take(verifier, account), kNotAuthentic));
    Sent digest = signer.sent("o");
    field_of(digest, "digest") = "MD5=x, sha-256=" + core::to_base64(core::sha256(digest.body));
    signer.add_signature(digest);
    CHECK(take(verifier, digest).has_value());
    field_of(digest, "digest") = "SHA-256=" + core::to_base64(core::sha256("other"));
    field_of(digest, "x-nonce") = "p";
    signer.add_signature(digest);
    CHECK(is(take(verifier, digest), kNotAuthentic));
}

TEST_CASE("http signature: a header of another form is none", "[intake][verify][F1]") {
    const Signer signer;
    Verifier verifier = made(copernica({signer.public_key()}));
    const Sent right = signer.sent();
    const auto with = [&](const std::string& from, const std::string& to) {
        Sent sent = right;
        std::string& header = field_of(sent, "signature");
        REQUIRE(header.find(from) != std::string::npos);
        header.replace(header.find(from), from.size(), to);
        return sent;
    };
    for (const auto& [from, to] :
         std::vector<std::pair<std::string, std::string>>{{"rsa-sha256", "hmac-sha256"},
                                                          {"rsa-sha256", "none"},
                                                          {"algorithm=\"rsa-sha256\",", ""},
                                                          {"keyId=", "signature=\"x\",keyId="},
                                                          {"keyId=\"", "keyId="},
                                                          {",headers", ";headers"},
                                                          {"signature=\"", "signature=\" "},
                                                          {"headers=\"", "x=\""},
                                                          {"headers=\"", "headers=\"\",y=\""}}) {
        INFO(from << " -> " << to);
        CHECK(is(take(verifier, with(from, to)), kNotAuthentic));
    }
    CHECK(take(verifier, with("keyId=", "KEYID=")).has_value());
    Sent empty = right;
    field_of(empty, "signature") = "";
    CHECK(is(take(verifier, empty), kNotAuthentic));
}

TEST_CASE("http signature: keys that are none, or too short, are refused", "[intake][verify]") {
    const Signer signer;
    CHECK_FALSE(is_invalid(copernica({signer.public_key()})));
    CHECK(is_invalid(copernica({Signer{1024}.public_key()})));
    CHECK(is_invalid(copernica({"x"})));
    CHECK(is_invalid(copernica({""})));
    CHECK(is_invalid(copernica({})));
    CHECK(is_invalid(copernica({signer.public_key().substr(0, 100)})));
    HttpSignatureOptions nobody = copernica({signer.public_key()});
    nobody.expected[0].second = "";
    CHECK(is_invalid(nobody));
    HttpSignatureOptions never = copernica({signer.public_key()});
    never.tolerance = 0s;
    CHECK(is_invalid(never));
}
