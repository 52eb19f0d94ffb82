#include "intake/verify.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "core/assert.hpp"
#include "core/memory.hpp"
#include "intake/errc.hpp"

namespace syncline::intake {
namespace {

constexpr std::string_view kBasicPrefix = "basic ";
constexpr std::size_t kDigestBytesMax = 32;

struct MacDeleter {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC, MacDeleter>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, MacDeleter>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// A digest, or a decoded claim of one, without an allocation.
struct Digest {
    std::array<unsigned char, kDigestBytesMax> bytes{};
    std::size_t size = 0;
    std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), size}; }
};

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool decode_hex(std::string_view text, Digest& digest) {
    if (text.size() != digest.size * 2) return false;
    for (std::size_t i = 0; i < digest.size; ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        digest.bytes[i] = static_cast<unsigned char>(high * 16 + low);
    }
    return true;
}

std::string encode_base64(std::string_view data) {
    std::string text((data.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with NUL
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(data),
                                     static_cast<int>(data.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

// HMAC with its key schedule made once: re-initialising without a key is 2.6 times as fast as
// beginning anew.
class Hmac {
  public:
    Hmac(DigestAlgorithm algorithm, std::string_view key)
        : digest_bytes_(algorithm == DigestAlgorithm::kHmacSha1 ? 20 : 32) {
        Mac mac{EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr)};
        if (!mac) throw std::bad_alloc();
        context_.reset(EVP_MAC_CTX_new(mac.get()));
        if (!context_) throw std::bad_alloc();
        std::string name = algorithm == DigestAlgorithm::kHmacSha1 ? "SHA1" : "SHA256";
        const OSSL_PARAM parameters[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
            OSSL_PARAM_construct_end()};
        core::require_memory(EVP_MAC_init(context_.get(), bytes_of(key), key.size(), parameters) ==
                             1);
    }

    Digest operator()(std::string_view data) {
        Digest digest;
        core::require_memory(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1);
        core::require_memory(EVP_MAC_update(context_.get(), bytes_of(data), data.size()) == 1);
        core::require_memory(EVP_MAC_final(context_.get(), digest.bytes.data(), &digest.size,
                                           digest.bytes.size()) == 1);
        SYNCLINE_ASSERT(digest.size == digest_bytes_);
        return digest;
    }

  private:
    std::size_t digest_bytes_;
    MacContext context_;
};

// The same digest both ways: comparing decoded hex makes its case irrelevant, comparing encoded
// base64 leaves no room for a second spelling.
bool is_digest(std::string_view claimed, const Digest& expected, DigestEncoding encoding) {
    if (encoding == DigestEncoding::kBase64) {
        return core::equal_constant_time(claimed, encode_base64(expected.view()));
    }
    Digest decoded;
    decoded.size = expected.size;
    return decode_hex(claimed, decoded) &&
           core::equal_constant_time(decoded.view(), expected.view());
}

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool has_basic_prefix(std::string_view value) {
    return value.size() >= kBasicPrefix.size() &&
           std::equal(kBasicPrefix.begin(), kBasicPrefix.end(), value.begin(),
                      [](char expected, char c) { return expected == to_lower(c); });
}

}  // namespace

struct Verifier::State {
    struct Signature {
        DigestEncoding encoding;
        std::string header;
        std::string prefix;
        Hmac hmac;
    };
    std::optional<Signature> signature;
    std::optional<core::Secret> basic_credentials;  // as they stand in the header

    Result<void> verify_signature(const HeaderLookup& headers, std::string_view body) {
        const auto value = headers.only_value(signature->header);
        if (!value)
            return Error(kNotAuthentic, "there is not exactly one header " + signature->header);
        if (!value->starts_with(signature->prefix) ||
            !is_digest(value->substr(signature->prefix.size()), signature->hmac(body),
                       signature->encoding)) {
            return Error(kNotAuthentic,
                         "the signature in the header " + signature->header + " is wrong");
        }
        return {};
    }

    Result<void> verify_basic(const HeaderLookup& headers) const {
        const auto value = headers.only_value("Authorization");
        if (!value || !has_basic_prefix(*value) ||
            !basic_credentials->equals(value->substr(kBasicPrefix.size()))) {
            return Error(kNotAuthentic, "the user name or the password is wrong or missing");
        }
        return {};
    }
};

Verifier::Verifier(std::unique_ptr<State> state) : state_(std::move(state)) {}
Verifier::Verifier(Verifier&& other) noexcept = default;
Verifier& Verifier::operator=(Verifier&& other) noexcept = default;
Verifier::~Verifier() = default;

Result<Verifier> Verifier::make(VerifierOptions options) {
    if (!options.signature && !options.basic)
        return Error(kVerifierInvalid, "there is nothing to verify");
    auto state = std::make_unique<State>();
    if (options.signature) {
        SignatureOptions& signature = *options.signature;
        if (signature.key.empty()) return Error(kVerifierInvalid, "the signature's key is empty");
        if (signature.header.empty())
            return Error(kVerifierInvalid, "the signature's header has no name");
        state->signature.emplace(State::Signature{
            signature.encoding, std::move(signature.header), std::move(signature.prefix),
            Hmac(signature.algorithm, signature.key.reveal())});
    }
    if (options.basic) {
        const BasicOptions& basic = *options.basic;
        if (basic.username.empty() || basic.password.empty()) {
            return Error(kVerifierInvalid, "the user name or the password is empty");
        }
        if (basic.username.find(':') != std::string::npos) {
            return Error(kVerifierInvalid,
                         "the user name has a colon, which Basic authentication can't carry");
        }
        const core::Secret plain{basic.username + ":" + std::string{basic.password.reveal()}};
        state->basic_credentials.emplace(encode_base64(plain.reveal()));
    }
    return Verifier(std::move(state));
}

Result<void> Verifier::verify(const HeaderLookup& headers, std::string_view body) {
    if (state_->basic_credentials) SYNCLINE_CHECK(state_->verify_basic(headers));
    if (state_->signature) SYNCLINE_CHECK(state_->verify_signature(headers, body));
    return {};
}

std::vector<std::string> Verifier::authenticating_headers() const {
    std::vector<std::string> names;
    if (state_->signature) names.push_back(state_->signature->header);
    if (state_->basic_credentials) names.emplace_back("Authorization");
    return names;
}

}  // namespace syncline::intake
