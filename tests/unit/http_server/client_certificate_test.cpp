// Clients that are asked for a certificate: all are served, and who they are is told.
#include "http_server/client_certificate.hpp"

#include "core/hash.hpp"
#include "http_server/errc.hpp"
#include "http_server/tls.hpp"
#include "tls_fixture.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;

namespace {

// A server that believes one authority.
struct Asking {
    Asking() {
        files.client_ca = files.dir / "clients.pem";
        files.put(files.client_ca, authority.certificate_pem());
    }
    ClientOptions showing(const Identity& identity) const {
        ClientOptions options;
        options.identity = &identity;
        return options;
    }

    Identity authority = make_identity("clients", 10, nullptr);
    Identity shop = make_identity("Shop.Example", 10, &authority);
    Files files;
};

// What a request of such a client has; it is answered in any case.
std::shared_ptr<const ClientCertificate> seen_of(LiveServer& live, const ClientOptions& options) {
    TlsClient client(live.port(), options);
    REQUIRE(client.ask(post_of("x")).status == 200);
    return live.handler().seen().back().certificate;
}

std::string code_of(const TlsFiles& files) {
    const auto loaded = load_tls(files);
    return loaded.has_value() ? std::string{} : std::string{loaded.error().code()};
}

}  // namespace

TEST_CASE("client certificate: who is signed by the authority is known", "[http_server][tls]") {
    const Asking asking;
    LiveServer live(asking.files.options());
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ClientOptions options = asking.showing(asking.shop);
        options.version_min = options.version_max = version;
        const auto seen = seen_of(live, options);
        REQUIRE(seen);
        CHECK(seen->problem.empty());
        CHECK(seen->subject == "CN=Shop.Example");
        CHECK(seen->names == std::vector<std::string>{"DNS:shop.example"});
        unsigned char* der = nullptr;
        const int size = i2d_X509(asking.shop.certificate.get(), &der);
        REQUIRE(size > 0);
        const std::string_view bytes{reinterpret_cast<char*>(der), static_cast<std::size_t>(size)};
        CHECK(seen->fingerprint == core::to_hex(core::sha256(bytes)));
        OPENSSL_free(der);
        const core::WallTime day_ns = core::nanoseconds{std::chrono::hours{24}}.count();
        const core::WallTime left = seen->ends_ns - core::system_clock().wall_ns();
        CHECK(left > 9 * day_ns);
        CHECK(left < 11 * day_ns);
    }
}

TEST_CASE("client certificate: without one, or with one that is not trusted, a client is nobody",
          "[http_server][tls]") {
    const Asking asking;
    LiveServer live(asking.files.options());
    CHECK(seen_of(live, {}) == nullptr);

    const Identity stranger = make_identity("clients", 10, nullptr);
    const Identity server = make_identity("Shop.Example", 10, &asking.authority);
    extend(server.certificate.get(), NID_ext_key_usage, "serverAuth");
    REQUIRE(X509_sign(server.certificate.get(), asking.authority.key.get(), EVP_sha256()) > 0);
    const std::pair<const char*, Identity> wrong[] = {
        {"of another authority of that name", make_identity("Shop.Example", 10, &stranger)},
        {"signed by itself", make_identity("Shop.Example", 10, nullptr)},
        {"expired", make_identity("Shop.Example", -1, &asking.authority)},
        {"of the future", make_identity("Shop.Example", 10, &asking.authority, 5)},
        {"signed by a client", make_identity("Shop.Example", 10, &asking.shop)},
    };
    for (const auto& [what, identity] : wrong) {
        INFO(what);
        const auto seen = seen_of(live, asking.showing(identity));
        REQUIRE(seen);
        CHECK_FALSE(seen->problem.empty());
    }
    const auto of_server = seen_of(live, asking.showing(server));
    REQUIRE(of_server);
    CHECK_FALSE(of_server->problem.empty());
    CHECK(seen_of(live, asking.showing(asking.shop))->problem.empty());
}

TEST_CASE("client certificate: without authorities nobody is asked", "[http_server][tls]") {
    const Asking asking;
    Files silent;
    LiveServer live(silent.options());
    CHECK(seen_of(live, asking.showing(asking.shop)) == nullptr);
}

TEST_CASE("client certificate: a session is not resumed, so that each one is looked at",
          "[http_server][tls]") {
    const Asking asking;
    LiveServer live(asking.files.options());
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ClientOptions options = asking.showing(asking.shop);
        options.version_min = options.version_max = version;
        TlsClient first(live.port(), options);
        REQUIRE(first.ask(post_of("x")).status == 200);
        options.resumed = first.session();
        TlsClient second(live.port(), options);
        REQUIRE(second.ask(post_of("x")).status == 200);
        CHECK_FALSE(second.is_resumed());
        CHECK(live.handler().seen().back().certificate != nullptr);
    }
}

TEST_CASE("client certificate: changed authorities count from the next connection on",
          "[http_server][tls]") {
    const Asking asking;
    LiveServer live(asking.files.options());
    CHECK(seen_of(live, asking.showing(asking.shop))->problem.empty());
    const Identity other = make_identity("others", 10, nullptr);
    asking.files.put(asking.files.client_ca, other.certificate_pem());
    CHECK_FALSE(seen_of(live, asking.showing(asking.shop))->problem.empty());
    CHECK(seen_of(live, asking.showing(make_identity("b", 10, &other)))->problem.empty());
    // A broken file changes nothing.
    asking.files.put(asking.files.client_ca, "nothing");
    CHECK(seen_of(live, asking.showing(make_identity("b", 10, &other)))->problem.empty());
    asking.files.put(asking.files.client_ca,
                     other.certificate_pem() + asking.authority.certificate_pem());
    CHECK(seen_of(live, asking.showing(asking.shop))->problem.empty());
}

TEST_CASE("client certificate: a file of authorities that can't be used is refused",
          "[http_server][tls][G9]") {
    Asking asking;
    CHECK(code_of(asking.files.tls()).empty());
    for (const std::string& text :
         {std::string{}, std::string{"no PEM"}, asking.authority.key_pem(),
          asking.authority.certificate_pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n",
          std::string(2 << 20, 'x')}) {
        asking.files.put(asking.files.client_ca, text);
        CHECK(code_of(asking.files.tls()) == kClientCaInvalid.name);
    }
    std::filesystem::remove(asking.files.client_ca);
    const auto loaded = load_tls(asking.files.tls());
    REQUIRE(loaded.has_error());
    CHECK(is_about_client_ca(loaded.error()));
    CHECK_FALSE(is_about_key(loaded.error()));
}
