// TLS from the client's side: what it gets, what it is refused, and what it can't break.
#include "http_server/tls.hpp"

#include <filesystem>

#include "http_server/errc.hpp"
#include "tls_fixture.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;
using std::chrono::milliseconds;

namespace {

// A ClientHello whose server_name is as long as the format allows, in TLS records.
std::string giant_hello() {
    const auto number = [](std::size_t value, int bytes) {
        std::string text;
        for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
        return text;
    };
    const auto sized = [&](const std::string& text, int bytes) {
        return number(text.size(), bytes) + text;
    };
    const std::string name = std::string(1, '\0') + sized(std::string(65'500, 'a'), 2);
    const std::string extension = number(0, 2) + sized(sized(name, 2), 2);
    const std::string hello = "\x03\x03" + std::string(32, 'r') + sized("", 1) +
                              sized("\x13\x01\xc0\x2f", 2) + sized(std::string(1, '\0'), 1) +
                              sized(extension, 2);
    const std::string message = "\x01" + sized(hello, 3);
    std::string records;
    for (std::size_t at = 0; at < message.size(); at += 16'000) {
        records += "\x16\x03\x01" + sized(message.substr(at, 16'000), 2);
    }
    return records;
}

const char* load_code(const TlsFiles& files) {
    const Result<TlsContext> loaded = load_tls(files);
    return loaded.has_value() ? "" : loaded.error().code().data();
}

}  // namespace

TEST_CASE("tls: requests are answered over TLS 1.2 and 1.3", "[http_server][tls]") {
    const Files files;
    LiveServer live(files.options());
    for (const auto& [version, name] :
         {std::pair{TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}}) {
        ClientOptions options;
        options.version_min = options.version_max = version;
        TlsClient client(live.port(), options);
        REQUIRE(client.shake_hands());
        CHECK(client.version() == std::string{name});
        CHECK(client.ask(post_of("hello")).body == "hello");
        CHECK(client.ask(chunked_of("3\r\ntwo\r\n0\r\n\r\n")).body == "two");
        CHECK(client.send(post_of("one") + post_of("two")));
        CHECK(client.read_reply().body == "one");
        CHECK(client.read_reply().body == "two");
        const Reply last = client.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        CHECK(last.closes());
        CHECK(client.has_farewell());
    }
    CHECK(live.handler().seen().at(0).peer == "127.0.0.1");
}

TEST_CASE("tls: large bodies and large answers pass", "[http_server][tls]") {
    const Files files;
    TestHandler handler;
    handler.admission.body_bytes_max = 10'000'000;
    LiveServer live(files.options(), &handler);
    TlsClient client(live.port());
    std::string body(8'000'000, 'x');
    for (std::size_t i = 0; i < body.size(); i += 1000)
        body[i] = static_cast<char>('a' + i / 1000 % 26);
    CHECK((client.ask(post_of(body)).body == body));
    CHECK(client.ask(post_of("small")).body == "small");
}

TEST_CASE("tls: a handshake may come byte by byte", "[http_server][tls]") {
    const Files files;
    LiveServer live(files.options());
    ClientOptions options;
    options.piece_bytes = 1;
    TlsClient client(live.port(), options);
    CHECK(client.ask(post_of("slowly")).body == "slowly");
}

TEST_CASE("tls: old protocols and weak ciphers are refused", "[http_server][tls][E13]") {
    const Files files;
    LiveServer live(files.options());
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        ClientOptions options;
        options.version_min = options.version_max = version;
        CHECK_FALSE(TlsClient(live.port(), options).shake_hands());
    }
    for (const char* ciphers :
         {"AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "eNULL", "aNULL"}) {
        INFO(ciphers);
        ClientOptions options;
        options.version_max = TLS1_2_VERSION;
        options.ciphers = ciphers;
        CHECK_FALSE(TlsClient(live.port(), options).shake_hands());
    }
    CHECK(TlsClient(live.port()).ask(get_of("/")).status == 200);
}

TEST_CASE("tls: the client can't renegotiate", "[http_server][tls][E13]") {
    const Files files;
    LiveServer live(files.options());
    ClientOptions options;
    options.version_max = TLS1_2_VERSION;
    TlsClient client(live.port(), options);
    REQUIRE(client.ask(get_of("/")).status == 200);
    CHECK_FALSE(client.renegotiate());
    CHECK(TlsClient(live.port()).ask(get_of("/")).status == 200);
}

TEST_CASE("tls: HTTP/1.1 is agreed on, and nothing else", "[http_server][tls]") {
    const Files files;
    LiveServer live(files.options());
    ClientOptions both;
    both.protocols = "\x02h2\x08http/1.1";
    TlsClient client(live.port(), both);
    REQUIRE(client.shake_hands());
    CHECK(client.protocol() == "http/1.1");
    ClientOptions other;
    other.protocols = "\x02h2";
    CHECK_FALSE(TlsClient(live.port(), other).shake_hands());
}

TEST_CASE("tls: who does not finish the handshake is closed, and holds up nobody",
          "[http_server][tls][deadlines][E13]") {
    const Files files;
    ListenOptions options = files.options();
    options.limits.header_timeout = kSoon;
    options.limits.idle_timeout = kNever;
    LiveServer live(options);
    RawClient silent(live.port());
    RawClient stalled(live.port());
    stalled.send(giant_hello().substr(0, 100));
    CHECK(silent.read_to_end().empty());
    CHECK(stalled.read_to_end().empty());
    CHECK(live.handler().seen().empty());
    CHECK(live.counters().connections == 0);
}

TEST_CASE("tls: a giant server name, plain HTTP and noise end the connection, not the server",
          "[http_server][tls][E13]") {
    const Files files;
    LiveServer live(files.options());
    for (const std::string& bytes :
         {giant_hello(), get_of("/"), std::string(100'000, '\xff'), std::string(50, '\0')}) {
        RawClient client(live.port());
        client.send(bytes);
        client.finish_sending();
        CHECK(client.read_to_end().find("HTTP/1.1") == std::string::npos);
    }
    CHECK(live.handler().seen().empty());
    CHECK(TlsClient(live.port()).ask(get_of("/")).status == 200);
}

TEST_CASE("tls: a client too many is closed without an answer", "[http_server][tls]") {
    const Files files;
    ListenOptions options = files.options();
    options.limits.connections_max = 1;
    LiveServer live(options);
    TlsClient first(live.port());
    REQUIRE(first.ask(get_of("/")).status == 200);
    CHECK_FALSE(TlsClient(live.port()).shake_hands());
    CHECK(first.ask(get_of("/")).status == 200);
    CHECK(live.counters().refused == 1);
}

TEST_CASE("tls: a renewed certificate is used without a restart, a broken one is not",
          "[http_server][tls]") {
    Files files;
    LiveServer live(files.options());
    const auto serial = [&] {
        TlsClient client(live.port());
        REQUIRE(client.shake_hands());
        return client.serial();
    };
    const long first = serial();
    TlsClient old(live.port());
    REQUIRE(old.ask(get_of("/")).status == 200);

    files.put(make_identity("a.example", 10, nullptr));
    const long second = serial();
    CHECK(second != first);
    CHECK(serial() == second);
    CHECK(old.ask(get_of("/")).status == 200);  // what began with the old one goes on

    files.put(files.certificate, "nothing");
    CHECK(serial() == second);
    std::filesystem::remove(files.key);
    CHECK(serial() == second);
    files.put(make_identity("a.example", -1, nullptr));
    CHECK(serial() == second);

    files.put(make_identity("a.example", 10, nullptr));
    CHECK(serial() > second);
}

TEST_CASE("tls: within the interval the files are left alone", "[http_server][tls]") {
    Files files;
    TlsFiles patient = files.tls();
    patient.check_interval = kNever;
    auto keeper = TlsKeeper::open(patient);
    REQUIRE(keeper.has_value());
    const TlsContext before = (*keeper)->current();
    files.put(make_identity("a.example", 10, nullptr));
    CHECK((*keeper)->current() == before);
}

TEST_CASE("tls: a chain is sent as it stands in the file", "[http_server][tls]") {
    Files files;
    const Identity authority = make_identity("authority", 10, nullptr);
    const Identity server = make_identity("a.example", 10, &authority);
    files.put(files.certificate, server.certificate_pem() + authority.certificate_pem());
    files.put(files.key, server.key_pem());
    CHECK(load_code(files.tls()) == std::string{});
    files.put(files.certificate, server.certificate_pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n");
    CHECK(load_code(files.tls()) == std::string{kCertificateInvalid.name});
}

TEST_CASE("tls: files that can't be used are refused, each for its reason",
          "[http_server][tls][G9]") {
    Files files;
    const Identity good = make_identity("a.example", 10, nullptr);
    const Identity other = make_identity("a.example", 10, nullptr);
    const auto check = [&](const core::ErrorCode& code) {
        const Result<TlsContext> loaded = load_tls(files.tls());
        REQUIRE_FALSE(loaded.has_value());
        CHECK(loaded.error().code() == code.name);
        const bool is_key = std::string{code.name}.find("key") != std::string::npos;
        CHECK(is_about_key(loaded.error()) == is_key);
        CHECK(loaded.error().what().find(is_key ? files.key.string()
                                                : files.certificate.string()) != std::string::npos);
        files.put(good);
    };
    for (const std::string& text :
         {std::string{}, std::string{"no PEM"}, good.key_pem(), std::string(2 << 20, 'x')}) {
        files.put(files.certificate, text);
        check(kCertificateInvalid);
    }
    std::filesystem::remove(files.certificate);
    check(kCertificateInvalid);
    std::filesystem::remove(files.certificate);
    std::filesystem::create_directory(files.certificate);
    CHECK(load_code(files.tls()) == std::string{kCertificateInvalid.name});
    std::filesystem::remove(files.certificate);
    files.put(make_identity("a.example", -1, nullptr));
    check(kCertificateDates);
    files.put(make_identity("a.example", 10, nullptr, 5));
    check(kCertificateDates);
    for (const std::string& text :
         {std::string{}, good.certificate_pem(), good.key_pem("secret")}) {
        files.put(files.key, text);
        check(kKeyInvalid);
    }
    std::filesystem::remove(files.key);
    check(kKeyInvalid);
    for (const mode_t mode : {0640u, 0604u, 0602u, 0610u}) {
        files.put(files.key, good.key_pem(), mode);
        check(kKeyMode);
    }
    files.put(files.key, other.key_pem());
    check(kKeyMismatch);
    CHECK(load_code(files.tls()) == std::string{});
    files.put(files.key, good.key_pem(), 0400);
    CHECK(load_code(files.tls()) == std::string{});
}

TEST_CASE("tls: a server does not start with files that it can't use", "[http_server][tls]") {
    Files files;
    std::filesystem::remove(files.key);
    boost::asio::io_context io;
    TestHandler handler;
    const auto server = Server::listen(io, handler, files.options());
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().is(kKeyInvalid));
}
