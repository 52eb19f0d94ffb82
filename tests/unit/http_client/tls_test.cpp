// Certificates that must be refused, with the reason in words, and one that must not.

#include <boost/asio/ssl.hpp>
#include <fstream>

#include "fixture.hpp"
#include "support/identity.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::test;
namespace ssl = boost::asio::ssl;

namespace {

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
