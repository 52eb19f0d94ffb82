// Certificates and keys made on the spot. For tests that link OpenSSL::SSL.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "support/catch.hpp"

namespace syncline::test {

struct OpensslDeleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, OpensslDeleter>;
using Certificate = std::unique_ptr<X509, OpensslDeleter>;

struct Identity {
    Key key{EVP_EC_gen("P-256")};
    Certificate certificate{X509_new()};

    std::string certificate_pem() const {
        std::unique_ptr<BIO, OpensslDeleter> bio{BIO_new(BIO_s_mem())};
        REQUIRE(PEM_write_bio_X509(bio.get(), certificate.get()) == 1);
        return text_of(bio.get());
    }
    // Encrypted when there is a passphrase.
    std::string key_pem(const char* passphrase = nullptr) const {
        std::unique_ptr<BIO, OpensslDeleter> bio{BIO_new(BIO_s_mem())};
        REQUIRE(PEM_write_bio_PrivateKey(bio.get(), key.get(),
                                         passphrase == nullptr ? nullptr : EVP_aes_128_cbc(),
                                         nullptr, 0, nullptr, const_cast<char*>(passphrase)) == 1);
        return text_of(bio.get());
    }

  private:
    static std::string text_of(BIO* bio) {
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        return {data, static_cast<std::size_t>(size)};
    }
};

inline void extend(X509* certificate, int nid, const std::string& value) {
    std::unique_ptr<X509_EXTENSION, OpensslDeleter> extension{
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str())};
    REQUIRE(extension);
    REQUIRE(X509_add_ext(certificate, extension.get(), -1) == 1);
}

// A certificate for `name`, valid from `begin_days` until `days` from now, signed by `issuer` or by
// itself.
inline Identity make_identity(const std::string& name, int days, const Identity* issuer,
                              int begin_days = -10) {
    static long serial = 0;
    Identity identity;
    X509* certificate = identity.certificate.get();
    constexpr long kDay_s = 24 * 60 * 60;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), begin_days * kDay_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * kDay_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_pubkey(certificate, identity.key.get());
    X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    if (issuer == nullptr) {
        extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
    } else {
        extend(certificate, NID_subject_alt_name, "DNS:" + name);
    }
    EVP_PKEY* key = issuer == nullptr ? identity.key.get() : issuer->key.get();
    REQUIRE(X509_sign(certificate, key, EVP_sha256()) > 0);
    return identity;
}

}  // namespace syncline::test
