#include "auth/key.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>

#include "auth/errc.hpp"
#include "core/assert.hpp"
#include "core/hash.hpp"
#include "core/memory.hpp"

namespace syncline::auth {
namespace {

constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;
constexpr std::size_t kRsaExponentBytesMax = 8;
constexpr std::size_t kNumberBytes = 32;  // of P-256 and Ed25519
constexpr std::size_t kPemBytesMax = 64 * 1024;
constexpr std::size_t kSecretBytesMax = 64 * 1024;

struct Deleter {
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
    void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
    void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
    void operator()(OSSL_PARAM_BLD* p) const { OSSL_PARAM_BLD_free(p); }
    void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
    void operator()(BIGNUM* p) const { BN_clear_free(p); }
    void operator()(BIO* p) const { BIO_free_all(p); }
    void operator()(ECDSA_SIG* p) const { ECDSA_SIG_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

// OpenSSL keeps a queue of errors per thread; what failed here must not be found by someone else.
class ErrorQueue {
  public:
    ErrorQueue() { ERR_set_mark(); }
    ~ErrorQueue() { ERR_pop_to_mark(); }
    ErrorQueue(const ErrorQueue&) = delete;
    ErrorQueue& operator=(const ErrorQueue&) = delete;
};

// Parameters of a key, with the numbers that they point to.
class Parameters {
  public:
    Parameters() : builder_(OSSL_PARAM_BLD_new()) { core::require_memory(builder_ != nullptr); }

    void number(const char* name, std::string_view bytes) {
        Owned<BIGNUM> value{BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr)};
        core::require_memory(value &&
                             OSSL_PARAM_BLD_push_BN(builder_.get(), name, value.get()) == 1);
        numbers_.push_back(std::move(value));
    }

    void text(const char* name, const char* value) {
        core::require_memory(OSSL_PARAM_BLD_push_utf8_string(builder_.get(), name, value, 0) == 1);
    }

    void octets(const char* name, std::string_view value) {
        core::require_memory(OSSL_PARAM_BLD_push_octet_string(builder_.get(), name, value.data(),
                                                              value.size()) == 1);
    }

    // Null when the parameters are no key.
    Owned<EVP_PKEY> key(const char* type, bool is_private) {
        Owned<OSSL_PARAM> parameters{OSSL_PARAM_BLD_to_param(builder_.get())};
        Owned<EVP_PKEY_CTX> context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
        EVP_PKEY* made = nullptr;
        if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
        if (EVP_PKEY_fromdata(context.get(), &made,
                              is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                              parameters.get()) != 1) {
            return nullptr;
        }
        return Owned<EVP_PKEY>{made};
    }

  private:
    Owned<OSSL_PARAM_BLD> builder_;
    std::vector<Owned<BIGNUM>> numbers_;
};

bool is_consistent(EVP_PKEY* key, bool is_private) {
    Owned<EVP_PKEY_CTX> context{EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr)};
    if (!context || EVP_PKEY_public_check(context.get()) != 1) return false;
    return !is_private || EVP_PKEY_pairwise_check(context.get()) == 1;
}

KeyFamily family_of(SignatureAlgorithm algorithm) {
    switch (algorithm) {
        case SignatureAlgorithm::kHs256:
            return KeyFamily::kHmac;
        case SignatureAlgorithm::kRs256:
        case SignatureAlgorithm::kRsaSha1:
            return KeyFamily::kRsa;
        case SignatureAlgorithm::kEs256:
            return KeyFamily::kP256;
        case SignatureAlgorithm::kEdDsa:
            return KeyFamily::kEd25519;
    }
    SYNCLINE_ASSERT(false);
    return KeyFamily::kHmac;
}

const EVP_MD* digest_of(SignatureAlgorithm algorithm) {
    if (algorithm == SignatureAlgorithm::kEdDsa) return nullptr;
    return algorithm == SignatureAlgorithm::kRsaSha1 ? EVP_sha1() : EVP_sha256();
}

// A JWS has R and S as they are (RFC 7518 section 3.4), OpenSSL has them in DER.
std::string raw_from_der(std::string_view der) {
    const unsigned char* p = bytes_of(der);
    Owned<ECDSA_SIG> signature{d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size()))};
    SYNCLINE_ASSERT(signature);
    std::string raw(2 * kNumberBytes, '\0');
    SYNCLINE_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes_of(raw), kNumberBytes) ==
                    kNumberBytes);
    SYNCLINE_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes_of(raw) + kNumberBytes,
                                 kNumberBytes) == kNumberBytes);
    return raw;
}

// Empty when it has not the size of a signature.
std::string der_from_raw(std::string_view raw) {
    if (raw.size() != 2 * kNumberBytes) return {};
    Owned<ECDSA_SIG> signature{ECDSA_SIG_new()};
    Owned<BIGNUM> r{BN_bin2bn(bytes_of(raw), kNumberBytes, nullptr)};
    Owned<BIGNUM> s{BN_bin2bn(bytes_of(raw) + kNumberBytes, kNumberBytes, nullptr)};
    core::require_memory(signature && r && s);
    SYNCLINE_ASSERT(ECDSA_SIG_set0(signature.get(), r.release(), s.release()) == 1);
    const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
    std::string der(static_cast<std::size_t>(size), '\0');
    unsigned char* p = bytes_of(der);
    i2d_ECDSA_SIG(signature.get(), &p);
    return der;
}

Error invalid_key(std::string what) {
    return {kKeyInvalid, std::move(what)};
}

// An encrypted key would otherwise ask for its passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

}  // namespace

struct Key::State {
    KeyFamily family = KeyFamily::kHmac;
    bool can_sign = false;
    core::Secret secret;   // of kHmac
    Owned<EVP_PKEY> pkey;  // of the others

    static Result<Key> make(KeyFamily family, bool can_sign, Owned<EVP_PKEY> pkey) {
        if (!pkey || !is_consistent(pkey.get(), can_sign && family != KeyFamily::kRsa))
            return invalid_key("the numbers of the key don't fit together");
        const int bits = EVP_PKEY_get_bits(pkey.get());
        if (family == KeyFamily::kRsa && (bits < kRsaBitsMin || bits > kRsaBitsMax)) {
            return invalid_key("the RSA key has " + std::to_string(bits) + " bits");
        }
        auto state = std::make_shared<State>();
        state->family = family;
        state->can_sign = can_sign;
        state->pkey = std::move(pkey);
        return Key(std::move(state));
    }
};

Result<Key> Key::from_secret(core::Secret secret) {
    if (secret.empty()) return invalid_key("the secret is empty");
    const std::string_view text = secret.reveal();
    if (text.size() > kSecretBytesMax) return invalid_key("the secret is too long");
    for (std::string_view sign : {"-----BEGIN", "ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-"}) {
        if (text.find(sign) != std::string_view::npos)
            return invalid_key("the secret is the text of a key or a certificate");
    }
    auto state = std::make_shared<State>();
    state->can_sign = true;
    state->secret = std::move(secret);
    return Key(std::move(state));
}

Result<Key> Key::from_pem(std::string_view pem) {
    ErrorQueue errors;
    if (pem.size() > kPemBytesMax) return invalid_key("the file of the key is too long");
    if (pem.empty())
        return invalid_key("the text of the key is empty");  // OpenSSL takes no such text
    const bool is_private = pem.find("PRIVATE KEY-----") != std::string_view::npos;
    Owned<BIO> source{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    core::require_memory(source != nullptr);
    Owned<EVP_PKEY> pkey{
        is_private ? PEM_read_bio_PrivateKey(source.get(), nullptr, no_passphrase, nullptr)
                   : PEM_read_bio_PUBKEY(source.get(), nullptr, no_passphrase, nullptr)};
    if (!pkey) return invalid_key("the text has no key in PEM that is not encrypted");
    switch (EVP_PKEY_get_base_id(pkey.get())) {
        case EVP_PKEY_RSA:
            return State::make(KeyFamily::kRsa, is_private, std::move(pkey));
        case EVP_PKEY_ED25519:
            return State::make(KeyFamily::kEd25519, is_private, std::move(pkey));
        case EVP_PKEY_EC: {
            std::array<char, 64> group{};
            if (EVP_PKEY_get_group_name(pkey.get(), group.data(), group.size(), nullptr) == 1 &&
                std::string_view{group.data()} == SN_X9_62_prime256v1) {
                return State::make(KeyFamily::kP256, is_private, std::move(pkey));
            }
            return invalid_key("the curve of the key is not P-256");
        }
        default:
            return invalid_key("the key is of a kind that is not used here");
    }
}

Result<Key> Key::from_rsa(const RsaNumbers& numbers) {
    ErrorQueue errors;
    if (numbers.n.size() > kRsaBitsMax / 8 || numbers.e.empty() ||
        numbers.e.size() > kRsaExponentBytesMax) {
        return invalid_key("the RSA key's modulus or exponent has not a size that is used");
    }
    const bool is_private = !numbers.d.empty();
    Parameters parameters;
    parameters.number(OSSL_PKEY_PARAM_RSA_N, numbers.n);
    parameters.number(OSSL_PKEY_PARAM_RSA_E, numbers.e);
    const std::pair<const char*, const core::Secret*> secrets[] = {
        {OSSL_PKEY_PARAM_RSA_D, &numbers.d},
        {OSSL_PKEY_PARAM_RSA_FACTOR1, &numbers.p},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, &numbers.q},
        {OSSL_PKEY_PARAM_RSA_EXPONENT1, &numbers.dp},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, &numbers.dq},
        {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &numbers.qi}};
    for (const auto& [name, secret] : secrets) {
        if (!is_private) break;
        if (secret->empty() || secret->reveal().size() > kRsaBitsMax / 8)
            return invalid_key("the private RSA key is not whole: it needs d, p, q, dp, dq and qi");
        parameters.number(name, secret->reveal());
    }
    auto key = State::make(KeyFamily::kRsa, is_private, parameters.key("RSA", is_private));
    if (!key || !is_private) return key;
    // Factors that don't belong to the modulus show in the first signature.
    auto signature = key->sign(SignatureAlgorithm::kRs256, {});
    if (!signature || !key->verify(SignatureAlgorithm::kRs256, {}, *signature))
        return invalid_key("the numbers of the key don't fit together");
    return key;
}

Result<Key> Key::from_p256(std::string_view x, std::string_view y, const core::Secret& d) {
    ErrorQueue errors;
    if (x.size() != kNumberBytes || y.size() != kNumberBytes ||
        (!d.empty() && d.reveal().size() != kNumberBytes)) {
        return invalid_key("a number of the key is not 32 bytes long");
    }
    std::string point{'\x04'};  // uncompressed
    point += x;
    point += y;
    Parameters parameters;
    parameters.text(OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1);
    parameters.octets(OSSL_PKEY_PARAM_PUB_KEY, point);
    if (!d.empty()) parameters.number(OSSL_PKEY_PARAM_PRIV_KEY, d.reveal());
    return State::make(KeyFamily::kP256, !d.empty(), parameters.key("EC", !d.empty()));
}

Result<Key> Key::from_ed25519(std::string_view x, const core::Secret& d) {
    ErrorQueue errors;
    if (x.size() != kNumberBytes || (!d.empty() && d.reveal().size() != kNumberBytes))
        return invalid_key("a number of the key is not 32 bytes long");
    const std::string_view secret = d.reveal();
    Owned<EVP_PKEY> pkey{
        d.empty() ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size())
                  : EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(secret),
                                                 secret.size())};
    if (pkey && !d.empty()) {
        std::string derived(kNumberBytes, '\0');
        std::size_t size = derived.size();
        if (EVP_PKEY_get_raw_public_key(pkey.get(), bytes_of(derived), &size) != 1 || derived != x)
            pkey.reset();
    }
    return State::make(KeyFamily::kEd25519, !d.empty(), std::move(pkey));
}

KeyFamily Key::family() const {
    return state_->family;
}

bool Key::can_sign() const {
    return state_->can_sign;
}

Result<std::string> Key::sign(SignatureAlgorithm algorithm, std::string_view data) const {
    if (family_of(algorithm) != state_->family)
        return invalid_key("the key is not one for the algorithm of the signature");
    if (!state_->can_sign) return invalid_key("a public key can't sign");
    if (state_->family == KeyFamily::kHmac)
        return core::hmac(core::HmacDigest::kSha256, state_->secret.reveal(), data);
    ErrorQueue errors;
    Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    std::size_t size = 0;
    std::string signature;
    bool ok = context && EVP_DigestSignInit(context.get(), nullptr, digest_of(algorithm), nullptr,
                                            state_->pkey.get()) == 1;
    ok = ok && EVP_DigestSign(context.get(), nullptr, &size, bytes_of(data), data.size()) == 1;
    signature.resize(size);
    ok = ok && EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(data),
                              data.size()) == 1;
    if (!ok) return invalid_key("the key could not sign");
    signature.resize(size);
    return state_->family == KeyFamily::kP256 ? raw_from_der(signature) : signature;
}

bool Key::verify(SignatureAlgorithm algorithm, std::string_view data,
                 std::string_view signature) const {
    if (family_of(algorithm) != state_->family) return false;
    if (state_->family == KeyFamily::kHmac) {
        return core::equal_constant_time(
            core::hmac(core::HmacDigest::kSha256, state_->secret.reveal(), data), signature);
    }
    ErrorQueue errors;
    std::string der;
    if (state_->family == KeyFamily::kP256) {
        der = der_from_raw(signature);
        if (der.empty()) return false;
        signature = der;
    }
    Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    core::require_memory(context != nullptr);
    return EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm), nullptr,
                                state_->pkey.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(data),
                            data.size()) == 1;
}

}  // namespace syncline::auth
