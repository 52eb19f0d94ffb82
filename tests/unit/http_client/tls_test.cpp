// Certificates that must be refused, with the reason in words, and one that must not.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl.hpp>
#include <fstream>

#include "fixture.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::test;
namespace ssl = boost::asio::ssl;

namespace {

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
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }
};

void extend(X509* certificate, int nid, const std::string& value) {
    std::unique_ptr<X509_EXTENSION, OpensslDeleter> extension{
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str())};
    REQUIRE(extension);
    REQUIRE(X509_add_ext(certificate, extension.get(), -1) == 1);
}

// A certificate for `name`, valid from a day ago until `days`, signed by `issuer` or by itself.
Identity make_identity(const std::string& name, int days, const Identity* issuer) {
    static long serial = 0;
    Identity identity;
    X509* certificate = identity.certificate.get();
    constexpr long kDay_s = 24 * 60 * 60;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * kDay_s);
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

// Answers every TLS connection with one response.
class TlsPeer {
  public:
    TlsPeer(asio::io_context& io, const Identity& identity, int version_max = TLS1_3_VERSION)
        : context_(ssl::context::tls_server), acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {
        SSL_CTX* context = context_.native_handle();
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, version_max);
        REQUIRE(SSL_CTX_use_certificate(context, identity.certificate.get()) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey(context, identity.key.get()) == 1);
        accept();
    }
    std::string url() const {
        return "https://localhost:" + std::to_string(acceptor_.local_endpoint().port()) + "/";
    }
    int requests() const { return requests_; }

  private:
    using Stream = ssl::stream<tcp::socket>;

    void accept() {
        acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
            if (error) return;
            auto stream = std::make_shared<Stream>(std::move(socket), context_);
            stream->async_handshake(Stream::server,
                                    [this, stream](boost::system::error_code failed) {
                                        if (!failed) serve(stream);
                                    });
            accept();
        });
    }

    void serve(const std::shared_ptr<Stream>& stream) {
        auto buffer = std::make_shared<std::string>();
        asio::async_read_until(
            *stream, asio::dynamic_buffer(*buffer), "\r\n\r\n",
            [this, stream, buffer](boost::system::error_code error, std::size_t) {
                if (error) return;
                ++requests_;
                static const std::string reply = ok("secure");
                asio::async_write(*stream, asio::buffer(reply),
                                  [stream](boost::system::error_code, std::size_t) {});
            });
    }

    ssl::context context_;
    tcp::acceptor acceptor_;
    int requests_ = 0;
};

struct TlsFixture {
    TlsFixture() {
        std::ofstream(directory / "ca.pem") << authority.certificate_pem();
        ClientOptions options;
        options.ca_file = (directory / "ca.pem").string();
        f.emplace(options);
    }

    void check_refused(TlsPeer& peer, const std::string& reason) {
        auto result = f->exchange(get(peer.url()));
        REQUIRE(outcome(result) == "http_client.tls_failed");
        INFO(result.failure->error.to_string());
        CHECK(result.failure->error.what().find(reason) != std::string::npos);
        CHECK_FALSE(result.failure->request_may_have_been_processed);
        CHECK(peer.requests() == 0);
    }

    TempDir directory;
    const Identity authority = make_identity("Test authority", 10, nullptr);
    std::optional<Fixture> f;
};

}  // namespace

TEST_CASE("tls: a certificate of the configured authority for the host is accepted",
          "[http_client][tls][C6]") {
    TlsFixture t;
    const Identity identity = make_identity("localhost", 10, &t.authority);
    TlsPeer peer(t.f->io, identity);

    auto result = t.f->exchange(get(peer.url()));

    REQUIRE(outcome(result) == "200");
    CHECK(result.response->body == "secure");
}

TEST_CASE("tls: expired, self-signed, foreign and misnamed certificates are refused by name",
          "[http_client][tls][C6]") {
    TlsFixture t;
    const Identity stranger = make_identity("Other authority", 10, nullptr);
    const Identity expired = make_identity("localhost", -1, &t.authority);
    const Identity self_signed = make_identity("localhost", 10, nullptr);
    const Identity foreign = make_identity("localhost", 10, &stranger);
    const Identity misnamed = make_identity("example.com", 10, &t.authority);
    TlsPeer expired_peer(t.f->io, expired);
    TlsPeer self_signed_peer(t.f->io, self_signed);
    TlsPeer foreign_peer(t.f->io, foreign);
    TlsPeer misnamed_peer(t.f->io, misnamed);

    t.check_refused(expired_peer, "expired");
    t.check_refused(self_signed_peer, "self-signed");
    t.check_refused(foreign_peer, "unable to get local issuer certificate");
    t.check_refused(misnamed_peer, "target host name 'localhost'");
}

TEST_CASE("tls: a server that speaks TLS 1.1 at most is refused", "[http_client][tls][C6]") {
    TlsFixture t;
    const Identity identity = make_identity("localhost", 10, &t.authority);
    for (int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        TlsPeer peer(t.f->io, identity, version);
        t.check_refused(peer, "protocol version");
    }
}

TEST_CASE("tls: the machine's authorities are not trusted besides the configured ones",
          "[http_client][tls][C6]") {
    TempDir directory;
    ClientOptions options;
    options.ca_file = (directory / "missing.pem").string();
    Fixture f(options);
    const Identity authority = make_identity("Test authority", 10, nullptr);
    const Identity identity = make_identity("localhost", 10, &authority);
    TlsPeer peer(f.io, identity);

    CHECK(outcome(f.exchange(get(peer.url()))) == "http_client.tls_failed");
}

TEST_CASE("tls: a server that speaks no TLS is refused, a reset handshake may work later",
          "[http_client][tls][C6]") {
    Fixture f;
    tcp::acceptor acceptor(f.io, {asio::ip::address_v4::loopback(), 0});
    const std::string url =
        "https://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/";
    std::string reply = "HTTP/1.1 400 Bad Request\r\n\r\n";
    tcp::socket socket(f.io);
    const auto serve = [&] {
        acceptor.async_accept(socket, [&](boost::system::error_code) {
            boost::system::error_code ignored;
            asio::write(socket, asio::buffer(reply), ignored);
            if (reply.empty()) socket.set_option(asio::socket_base::linger{true, 0});
            if (reply.empty()) socket.close();
        });
    };

    serve();
    CHECK(outcome(f.exchange(post(url, "x"))) == "http_client.tls_failed");
    socket.close();
    reply.clear();
    serve();
    auto reset = f.exchange(post(url, "x"));
    CHECK(outcome(reset) == "http_client.connect_failed");
    CHECK_FALSE(reset.failure->request_may_have_been_processed);
}
