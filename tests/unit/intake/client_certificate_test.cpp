// Which certificates of clients a rule takes.
#include "http_server/client_certificate.hpp"

#include "fixture.hpp"
#include "intake/errc.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace syncline::test;

namespace {

constexpr core::WallTime kNow_ns = 1'700'000'000'000'000'000;
constexpr const char* kFingerprint =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct NoFields final : HeaderLookup {
    std::optional<std::string_view> only_value(std::string_view) const override { return {}; }
};

http_server::ClientCertificate shop() {
    return {"",
            "CN=shop,O=Example",
            {"DNS:shop.example", "email:shop@example.com"},
            kFingerprint,
            kNow_ns + 1};
}

// The code of the refusal, or "".
std::string outcome(const CertificateOptions& options,
                    const http_server::ClientCertificate* certificate) {
    auto verifier = Verifier::make(options);
    REQUIRE(verifier.has_value());
    const NoFields fields;
    const auto verified =
        verifier->verify(Message{fields, "{}", "POST", "/", kNow_ns, "", certificate});
    return verified.has_value() ? "" : std::string{verified.error().code()};
}

}  // namespace

TEST_CASE("client certificate: one of the lists names it", "[intake][certificate]") {
    const auto is_taken = [](const CertificateOptions& options) {
        const http_server::ClientCertificate shown = shop();
        const std::string code = outcome(options, &shown);
        if (!code.empty()) CHECK(code == kCertificateRefused.name);
        return code.empty();
    };
    CHECK(is_taken({{"CN=shop,O=Example"}, {}, {}}));
    CHECK(is_taken({{"CN=other"}, {"URI:a", "DNS:shop.example"}, {}}));
    CHECK(is_taken({{}, {"email:shop@example.com"}, {}}));
    CHECK(is_taken({{}, {}, {"00", kFingerprint}}));
    CHECK_FALSE(is_taken({{"CN=shop"}, {}, {}}));
    CHECK_FALSE(is_taken({{"DNS:shop.example"}, {"CN=shop,O=Example"}, {}}));
    CHECK_FALSE(is_taken({{}, {"DNS:example"}, {kFingerprint + std::string{"0"}}}));
}

TEST_CASE("client certificate: who is not trusted is nobody, whatever it says it is",
          "[intake][certificate]") {
    const CertificateOptions options{{"CN=shop,O=Example"}, {"DNS:shop.example"}, {kFingerprint}};
    CHECK(outcome(options, nullptr) == kNotAuthentic.name);
    http_server::ClientCertificate shown = shop();
    CHECK(outcome(options, &shown) == "");
    shown.problem = "certificate has expired";
    CHECK(outcome(options, &shown) == kNotAuthentic.name);
    shown = shop();
    shown.ends_ns = kNow_ns;  // since the connection began
    CHECK(outcome(options, &shown) == kNotAuthentic.name);
}

TEST_CASE("client certificate: a rule names someone", "[intake][certificate]") {
    const auto verifier = Verifier::make(CertificateOptions{});
    REQUIRE(verifier.has_error());
    CHECK(verifier.error().is(kVerifierInvalid));
}

TEST_CASE("client certificate: routes that need none are not concerned", "[intake][certificate]") {
    const auto answer = [](bool needs_one, const http_server::ClientCertificate* shown) {
        World world{1 << 30, "", [&](Route& route) {
                        route.verifiers->clear();
                        if (needs_one)
                            route.verifiers->push_back(std::move(
                                *Verifier::make(CertificateOptions{{"CN=shop"}, {}, {}})));
                    }};
        http_server::Request request = World::request("{}");
        if (shown != nullptr)
            request.certificate = std::make_shared<http_server::ClientCertificate>(*shown);
        return world.send(std::move(request)).status;
    };
    http_server::ClientCertificate shown = shop();
    shown.ends_ns =
        core::system_clock().wall_ns() + core::nanoseconds{std::chrono::hours{1}}.count();
    CHECK(answer(true, nullptr) == 401);
    CHECK(answer(true, &shown) == 403);
    CHECK(answer(false, &shown) == 207);
    shown.subject = "CN=shop";
    CHECK(answer(true, &shown) == 207);
    shown.problem = "no";
    CHECK(answer(true, &shown) == 401);
    CHECK(answer(false, &shown) == 207);
}
