#include "http_server/tls.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/log.hpp"
#include "http_server/errc.hpp"
#include "http_server/listen_socket.hpp"

namespace syncline::http_server {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// The content of a file; cleansed, since it may be a key.
struct Content {
    Content() = default;
    Content(Content&&) noexcept = default;
    Content& operator=(Content&&) noexcept = default;
    Content(const Content&) = delete;
    Content& operator=(const Content&) = delete;
    ~Content() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

    Owned<BIO> reader() const {
        return Owned<BIO>{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))};
    }

    std::vector<char> bytes;
    mode_t mode = 0;
};

// What OpenSSL says last, without the names of its functions.
std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "it is not in PEM form" : reason;
}

Result<Content> read_file(const std::filesystem::path& file, const core::ErrorCode& code,
                          const std::string& name) {
    // Without O_NONBLOCK, opening a named pipe would wait for ever.
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return Error{code, name + " can't be read: " + std::strerror(errno)};
    }
    if (!S_ISREG(status.st_mode)) return Error{code, name + " is not a regular file"};
    Content content;
    content.mode = status.st_mode & 07777;
    content.bytes.resize(kFileBytesMax + 1);
    std::size_t size = 0;
    while (size < content.bytes.size()) {
        const ssize_t count =
            ::read(fd.get(), content.bytes.data() + size, content.bytes.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error{code, name + " can't be read: " + std::strerror(errno)};
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    if (size > kFileBytesMax) return Error{code, name + " is larger than 1 MiB"};
    content.bytes.resize(size);
    return content;
}

// A key with a passphrase has nobody to ask for it.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

std::string date_of(const ASN1_TIME* time) {
    const Owned<BIO> text{BIO_new(BIO_s_mem())};
    ASN1_TIME_print(text.get(), time);
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

Result<void> check_dates(X509* certificate, const std::string& name) {
    const ASN1_TIME* begin = X509_get0_notBefore(certificate);
    const ASN1_TIME* end = X509_get0_notAfter(certificate);
    if (X509_cmp_current_time(end) < 0) {
        return Error{kCertificateDates, name + " expired at " + date_of(end)};
    }
    if (X509_cmp_current_time(begin) > 0) {
        return Error{kCertificateDates, name + " is not valid before " + date_of(begin)};
    }
    return {};
}

// After the last certificate there must be none that is broken.
Result<void> check_end(const core::ErrorCode& code, const std::string& name) {
    const unsigned long last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
        return Error{code, name + " has a broken certificate: " + openssl_reason()};
    }
    ERR_clear_error();
    return {};
}

// The first certificate of the file is the server's, the others are its chain.
Result<void> use_certificate(SSL_CTX* context, const std::filesystem::path& file) {
    const std::string name = "the certificate " + file.string();
    SYNCLINE_TRY(const Content content, read_file(file, kCertificateInvalid, name));
    const Owned<BIO> reader = content.reader();
    const Owned<X509> leaf{PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, nullptr)};
    if (!leaf) return Error{kCertificateInvalid, name + " can't be used: " + openssl_reason()};
    SYNCLINE_CHECK(check_dates(leaf.get(), name));
    if (SSL_CTX_use_certificate(context, leaf.get()) != 1) {
        return Error{kCertificateInvalid, name + " can't be used: " + openssl_reason()};
    }
    for (;;) {
        Owned<X509> issuer{PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, nullptr)};
        if (!issuer) break;
        if (SSL_CTX_add0_chain_cert(context, issuer.get()) != 1) {
            return Error{kCertificateInvalid,
                         name + " has a chain that can't be used: " + openssl_reason()};
        }
        [[maybe_unused]] X509* owned_by_context = issuer.release();
    }
    return check_end(kCertificateInvalid, name);
}

Result<void> use_key(SSL_CTX* context, const TlsFiles& files) {
    const std::string name = "the key " + files.key.string();
    SYNCLINE_TRY(const Content content, read_file(files.key, kKeyInvalid, name));
    if ((content.mode & (S_IRWXG | S_IRWXO)) != 0) {
        return Error{kKeyMode, name + " is open to more than its owner"};
    }
    const Owned<BIO> reader = content.reader();
    const Owned<EVP_PKEY> key{
        PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, nullptr)};
    if (!key) return Error{kKeyInvalid, name + " can't be used: " + openssl_reason()};
    if (X509_check_private_key(SSL_CTX_get0_certificate(context), key.get()) != 1) {
        ERR_clear_error();
        return Error{kKeyMismatch,
                     name + " does not belong to the certificate " + files.certificate.string()};
    }
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
        return Error{kKeyInvalid, name + " can't be used: " + openssl_reason()};
    }
    return {};
}

// Looks at a client's certificate and lets everyone in: what was found is asked for later, and only
// where a certificate is needed (read_client_certificate()). Stops at the first error, so that it
// is the result.
int examine_client(X509_STORE_CTX* store, void*) {
    if (X509_verify_cert(store) != 1 && X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    return 1;
}

// Every certificate of the file is an authority.
Result<void> use_client_ca(SSL_CTX* context, const std::filesystem::path& file) {
    const std::string name = "the file of clients' authorities " + file.string();
    SYNCLINE_TRY(const Content content, read_file(file, kClientCaInvalid, name));
    const Owned<BIO> reader = content.reader();
    X509_STORE* store = X509_STORE_new();
    if (store == nullptr || SSL_CTX_set0_verify_cert_store(context, store) != 1)
        return Error{kOutOfResources, "there is no memory for TLS"};
    // Trusted as they are: one in the middle of a chain stands for its own clients alone.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    std::size_t count = 0;
    for (;; ++count) {
        const Owned<X509> authority{
            PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, nullptr)};
        if (!authority) break;
        if (X509_STORE_add_cert(store, authority.get()) != 1 ||
            SSL_CTX_add_client_CA(context, authority.get()) != 1)
            return Error{kClientCaInvalid, name + " can't be used: " + openssl_reason()};
    }
    SYNCLINE_CHECK(check_end(kClientCaInvalid, name));
    if (count == 0) return Error{kClientCaInvalid, name + " has no certificate"};
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context, examine_client, nullptr);
    // A resumed session would bring its certificate along without a look at it.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return {};
}

// A client that wants another protocol than HTTP/1.1, and says so, is told that there is none.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                    const unsigned char* offered, unsigned offered_bytes, void*) {
    static constexpr std::array<unsigned char, 9> kServed = {8,   'h', 't', 't', 'p',
                                                             '/', '1', '.', '1'};
    unsigned char* found = nullptr;
    const int state = SSL_select_next_proto(&found, chosen_bytes, kServed.data(), kServed.size(),
                                            offered, offered_bytes);
    if (state != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

void set_policy(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // Of TLS 1.2 only what has forward secrecy and authenticates what it encrypts.
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Sessions are resumed by tickets, which cost the server no memory.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // Connection writes what fits, from where it stands; an idle connection holds no buffers.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

}  // namespace

Result<TlsContext> load_tls(const TlsFiles& files) {
    ERR_clear_error();
    TlsContext context{SSL_CTX_new(TLS_server_method()), Free{}};
    if (!context) return Error{kOutOfResources, "there is no memory for TLS"};
    set_policy(context.get());
    SYNCLINE_CHECK(use_certificate(context.get(), files.certificate));
    SYNCLINE_CHECK(use_key(context.get(), files));
    if (!files.client_ca.empty()) SYNCLINE_CHECK(use_client_ca(context.get(), files.client_ca));
    return context;
}

bool is_about_key(const Error& error) {
    return error.is(kKeyInvalid) || error.is(kKeyMode) || error.is(kKeyMismatch);
}

bool is_about_client_ca(const Error& error) {
    return error.is(kClientCaInvalid);
}

std::int64_t seconds_left(const TlsContext& context) {
    int days = 0, seconds = 0;
    const ASN1_TIME* end = X509_get0_notAfter(SSL_CTX_get0_certificate(context.get()));
    if (ASN1_TIME_diff(&days, &seconds, nullptr, end) != 1) return 0;
    return std::int64_t{days} * 24 * 60 * 60 + seconds;
}

Result<std::unique_ptr<TlsKeeper>> TlsKeeper::open(TlsFiles files) {
    std::unique_ptr<TlsKeeper> keeper{new TlsKeeper(std::move(files))};
    // Looked at first: what changes while it is read is read again.
    keeper->seen_ = keeper->look();
    keeper->looked_at_ = std::chrono::steady_clock::now();
    SYNCLINE_TRY(keeper->context_, load_tls(keeper->files_));
    return keeper;
}

TlsContext TlsKeeper::current() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_at_ < files_.check_interval) return context_;
    looked_at_ = now;
    const Stamps stamps = look();
    if (stamps == seen_) return context_;
    seen_ = stamps;
    Result<TlsContext> loaded = load_tls(files_);
    if (loaded.has_value()) {
        context_ = std::move(*loaded);
        core::log_info("http_server", "the certificate was read again",
                       {{"certificate", files_.certificate.string()}});
    } else {
        core::log_warning("http_server",
                          "a changed certificate or key can't be used; the last one "
                          "that could stays",
                          {{"code", loaded.error().code()}, {"error", loaded.error().what()}});
    }
    return context_;
}

TlsKeeper::Stamp TlsKeeper::stamp_of(const std::filesystem::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return {};
    // The time of change also moves with the mode, which a key may be refused for.
    constexpr std::int64_t kSecond_ns = 1'000'000'000;
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
            status.st_ctim.tv_sec * kSecond_ns + status.st_ctim.tv_nsec};
}

}  // namespace syncline::http_server
