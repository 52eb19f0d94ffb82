// A server's files, and a client that speaks TLS.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "fixture.hpp"
#include "support/identity.hpp"
#include "support/temp_dir.hpp"

namespace syncline::test {

// The two files of a server; the key's is private.
struct Files {
    Files() { put(make_identity("a.example", 10, nullptr)); }

    void put(const Identity& identity) const {
        put(certificate, identity.certificate_pem());
        put(key, identity.key_pem());
    }
    // As a renewal does it: the new file takes the place of the old one.
    void put(const std::filesystem::path& file, const std::string& text, mode_t mode = 0600) const {
        const std::filesystem::path fresh = file.string() + ".new";
        std::ofstream(fresh) << text;
        REQUIRE(::chmod(fresh.c_str(), mode) == 0);
        std::filesystem::rename(fresh, file);
    }
    http_server::TlsFiles tls() const {
        return {certificate, key, client_ca, std::chrono::milliseconds{0}};
    }
    http_server::ListenOptions options() const {
        http_server::ListenOptions options;
        options.tls = tls();
        return options;
    }

    TempDir dir;
    std::filesystem::path certificate = dir / "certificate.pem";
    std::filesystem::path key = dir / "key.pem";
    std::filesystem::path client_ca = {};  // none
};

struct ClientOptions {
    int version_min = TLS1_2_VERSION;
    int version_max = TLS1_3_VERSION;
    const char* ciphers = nullptr;       // of TLS 1.2
    std::string protocols;               // ALPN, in its wire form
    std::size_t piece_bytes = 1 << 20;   // what it sends at once
    const Identity* identity = nullptr;  // what it shows when it is asked
    SSL_SESSION* resumed = nullptr;      // of another client
};

// A TLS client over a socket that waits 20 s at most. It trusts everyone.
class TlsClient {
  public:
    explicit TlsClient(std::uint16_t port, const ClientOptions& options = {})
        : socket_(port), options_(options), context_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_min_proto_version(context_.get(), options.version_min);
        SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
        if (options.ciphers != nullptr)
            REQUIRE(SSL_CTX_set_cipher_list(context_.get(), options.ciphers) == 1);
        if (options.identity != nullptr) {
            SSL_CTX_use_certificate(context_.get(), options.identity->certificate.get());
            SSL_CTX_use_PrivateKey(context_.get(), options.identity->key.get());
        }
        SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
        session_.reset(SSL_new(context_.get()));
        if (options.resumed != nullptr) SSL_set_session(session_.get(), options.resumed);
        SSL_set_bio(session_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        const auto* protocols = reinterpret_cast<const unsigned char*>(options.protocols.data());
        if (!options.protocols.empty())
            SSL_set_alpn_protos(session_.get(), protocols,
                                static_cast<unsigned>(options.protocols.size()));
        char name[] = "a.example";
        SSL_ctrl(session_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name);
        SSL_set_connect_state(session_.get());
    }

    bool shake_hands() {
        return run([this] { return SSL_do_handshake(session_.get()); }) == 1;
    }
    bool send(const std::string& bytes) {
        return run([&] {
                   return SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
               }) > 0;
    }
    Reply read_reply() {
        return take_reply(
            received_, [this] { return receive(); }, true);
    }
    Reply ask(const std::string& bytes) {
        if (!send(bytes)) return Reply{};
        return read_reply();
    }
    // Whether the server said goodbye, rather than just going.
    bool has_farewell() {
        while (receive()) {
        }
        return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }

    const char* version() const { return SSL_get_version(session_.get()); }
    std::string protocol() const {
        const unsigned char* data = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(session_.get(), &data, &size);
        return {reinterpret_cast<const char*>(data), size};
    }
    long serial() const {
        const Certificate certificate{SSL_get1_peer_certificate(session_.get())};
        return ASN1_INTEGER_get(X509_get0_serialNumber(certificate.get()));
    }
    bool is_resumed() const { return SSL_session_reused(session_.get()) == 1; }
    SSL_SESSION* session() const { return SSL_get_session(session_.get()); }
    bool renegotiate() {
        return SSL_renegotiate(session_.get()) == 1 && shake_hands() &&
               SSL_num_renegotiations(session_.get()) > 0;
    }

  private:
    struct Free {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
        void operator()(SSL* session) const { SSL_free(session); }
    };

    // Runs a step of OpenSSL's as often as it takes, moving bytes in between.
    template <class Step>
    int run(Step step) {
        for (;;) {
            ERR_clear_error();
            const int result = step();
            const int error = SSL_get_error(session_.get(), result);
            flush();
            if (result > 0 || error != SSL_ERROR_WANT_READ) return result;
            const std::string bytes = socket_.read_some();
            if (bytes.empty()) return 0;
            BIO_write(SSL_get_rbio(session_.get()), bytes.data(), static_cast<int>(bytes.size()));
        }
    }
    void flush() {
        char* data = nullptr;
        const long size = BIO_get_mem_data(SSL_get_wbio(session_.get()), &data);
        for (std::string_view rest{data, static_cast<std::size_t>(size)}; !rest.empty();) {
            const std::string_view piece = rest.substr(0, options_.piece_bytes);
            socket_.send(piece);
            rest.remove_prefix(piece.size());
        }
        BIO_reset(SSL_get_wbio(session_.get()));
    }
    bool receive() {
        char bytes[16 * 1024];
        const int count =
            run([&] { return SSL_read(session_.get(), bytes, static_cast<int>(sizeof bytes)); });
        if (count > 0) received_.append(bytes, static_cast<std::size_t>(count));
        return count > 0;
    }

    RawClient socket_;
    ClientOptions options_;
    std::unique_ptr<SSL_CTX, Free> context_;
    std::unique_ptr<SSL, Free> session_;
    std::string received_;
};

}  // namespace syncline::test
