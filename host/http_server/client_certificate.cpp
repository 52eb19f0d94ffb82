#include "http_server/client_certificate.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "core/hash.hpp"
#include "core/memory.hpp"
#include "http_server/text.hpp"

namespace syncline::http_server {
namespace {

struct FreeX509 {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
template <class T>
using OwnedX509 = std::unique_ptr<T, FreeX509>;

std::string subject_of(const X509* certificate) {
    const OwnedX509<BIO> text{BIO_new(BIO_s_mem())};
    core::require_memory(text != nullptr);
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string text_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::vector<std::string> names_of(const X509* certificate) {
    std::vector<std::string> found;
    const OwnedX509<GENERAL_NAMES> names{static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < count && found.size() < ClientCertificate::kNamesMax; ++i) {
        int kind = 0;
        const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind);
        if (kind != GEN_DNS && kind != GEN_URI && kind != GEN_EMAIL) continue;
        std::string text = text_of(static_cast<const ASN1_STRING*>(value));
        if (kind == GEN_DNS) std::transform(text.begin(), text.end(), text.begin(), to_lower);
        const char* mark = kind == GEN_DNS ? "DNS:" : kind == GEN_URI ? "URI:" : "email:";
        found.push_back(mark + text);
    }
    return found;
}

std::string fingerprint_of(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    core::require_memory(X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1);
    return core::to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

// Until 2200, as times are everywhere; 0, long past, for what is no time.
core::WallTime end_of(const X509* certificate) {
    constexpr core::WallTime kSecond_ns = 1'000'000'000;
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return 0;
    constexpr int kYearMax = 2200, kYearBase = 1900;
    end.tm_year = std::min(end.tm_year, kYearMax - kYearBase);
    const auto seconds = core::utc_seconds(end.tm_year + kYearBase, end.tm_mon + 1, end.tm_mday,
                                           end.tm_hour, end.tm_min, end.tm_sec);
    return seconds.value_or(0) * kSecond_ns;
}

}  // namespace

std::shared_ptr<const ClientCertificate> read_client_certificate(ssl_st* session) {
    const X509* certificate = SSL_get0_peer_certificate(session);
    if (certificate == nullptr) return nullptr;
    auto read = std::make_shared<ClientCertificate>();
    const long result = SSL_get_verify_result(session);
    if (result != X509_V_OK) read->problem = X509_verify_cert_error_string(result);
    read->subject = subject_of(certificate);
    read->names = names_of(certificate);
    read->fingerprint = fingerprint_of(certificate);
    read->ends_ns = end_of(certificate);
    ERR_clear_error();
    return read;
}

}  // namespace syncline::http_server
