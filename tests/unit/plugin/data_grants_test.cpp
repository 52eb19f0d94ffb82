#include "plugin/data_grants.hpp"

#include <boost/json/array.hpp>

#include "core/hash.hpp"
#include "fixtures.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

Normalisation profile_of(std::string_view name) {
    if (name == "email") return Normalisation::kEmail;
    return name == "phone" ? Normalisation::kPhone : Normalisation::kNone;
}

std::string sha256_of(std::string_view text) {
    return core::to_hex(core::digest(core::Digest::kSha256, text));
}

const IdentityGrant kHashedEmail{"email", "", IdentityEncoding::kSha256, Normalisation::kEmail};
const IdentityGrant kRawPhone{"phone", "", IdentityEncoding::kRaw, Normalisation::kPhone};

}  // namespace

TEST_CASE("grants: the published vectors hold", "[plugin][grants]") {
    const auto vectors = record::parse_json(read_file(NORMALISATION_VECTORS));
    REQUIRE(vectors.has_value());
    REQUIRE(vectors->as_array().size() > 10);
    for (const auto& each : vectors->as_array()) {
        const auto& vector = each.as_object();
        const auto text = [&](const char* name) {
            return std::string{vector.at(name).as_string()};
        };
        INFO(text("profile") << ": " << text("given"));
        const auto plain = normalised(profile_of(text("profile")), text("given"));
        CHECK(plain.has_value() == vector.at("normalised").is_string());
        if (!plain) continue;
        CHECK(*plain == text("normalised"));
        CHECK(core::to_hex(core::digest(core::Digest::kMd5, *plain)) == text("md5"));
        CHECK(core::to_hex(core::digest(core::Digest::kSha1, *plain)) == text("sha1"));
        CHECK(sha256_of(*plain) == text("sha256"));
    }
}

TEST_CASE("grants: what is not granted is gone, the rest of the record stays", "[plugin][grants]") {
    const std::string body =
        R"({"user":"u1","identities":[{"kind":"email","value":"a@x.example"},)"
        R"({"kind":"cookie","value":"c"},7,{"kind":"phone"}],"attributes":{"n":1}})";
    CHECK(granted_body(body, {}) == R"({"user":"u1","identities":[],"attributes":{"n":1}})");
    CHECK(granted_body(R"({"identities":"a@x.example"})", {kHashedEmail}) ==
          R"({"identities":null})");
    CHECK(granted_body(R"({"user":"u1"})", {}) == R"({"user":"u1"})");
    CHECK(granted_body("", {}).empty());
}

TEST_CASE("grants: lists within a record are filtered, however their name is spelled",
          "[plugin][grants]") {
    CHECK(granted_body(R"({"consents":[{"identities":[{"kind":"email","value":"a@x"}]}]})", {}) ==
          R"({"consents":[{"identities":[]}]})");
    CHECK(granted_body(R"({"identit\u0069es":[{"kind":"email","value":"a@x"}]})", {}) ==
          R"({"identities":[]})");
}

TEST_CASE("grants: of an identity goes out what its model knows, and nothing within it",
          "[plugin][grants]") {
    CHECK(granted_body(
              R"({"identities":[{"kind":"phone","value":"+4930123456","name":"Ann","primary":true,)"
              R"("namespace":{"identities":[{"kind":"email","value":"a@x"}]},)"
              R"("identities":[{"kind":"email","value":"a@x"}]}]})",
              {kRawPhone}) ==
          R"({"identities":[{"kind":"phone","value":"4930123456","primary":true}]})");
}

TEST_CASE("grants: a raw value is normalised and hashed, and says so", "[plugin][grants]") {
    CHECK(granted_body(R"({"identities":[{"kind":"email","value":" Ann@Example.com"}]})",
                       {kHashedEmail}) == R"({"identities":[{"kind":"email","value":")" +
                                              sha256_of("ann@example.com") +
                                              R"(","encoding":"sha256","normalised":"email"}]})");
    CHECK(granted_body(R"({"identities":[{"kind":"phone","value":"+49 30 123456"}]})",
                       {kRawPhone}) == R"({"identities":[{"kind":"phone","value":"4930123456"}]})");
    CHECK(granted_body(R"({"identities":[{"kind":"phone","value":"030 123456"}]})", {kRawPhone}) ==
          R"({"identities":[]})");
}

TEST_CASE("grants: a digest passes where the same digest is granted", "[plugin][grants]") {
    const auto with = [](const std::string& members) {
        return granted_body(
            R"({"identities":[{"kind":"email","value":"d1","encoding":)" + members + "}]}",
            {kHashedEmail});
    };
    const std::string none = R"({"identities":[]})";
    CHECK(with(R"("sha256","normalised":"email")") ==
          R"({"identities":[{"kind":"email","value":"d1","encoding":"sha256",)"
          R"("normalised":"email"}]})");
    CHECK(with(R"("sha256")") == none);
    CHECK(with(R"("md5","normalised":"email")") == none);
    CHECK(with(R"("blake3")") == none);
    const IdentityGrant raw{"email", "", IdentityEncoding::kRaw, Normalisation::kNone};
    CHECK(granted_body(R"({"identities":[{"kind":"email","value":"d1","encoding":"md5"}]})",
                       {raw}) == none);
}

TEST_CASE("grants: of two for one kind each yields its own", "[plugin][grants]") {
    const IdentityGrant raw{"email", "shop", IdentityEncoding::kRaw, Normalisation::kNone};
    const auto both = record::parse_json(
        granted_body(R"({"identities":[{"kind":"email","namespace":"shop","value":"a@x.example"},)"
                     R"({"kind":"email","namespace":"crm","value":"b@x.example"}]})",
                     {raw, kHashedEmail}));
    CHECK(both->at("identities").as_array().size() == 3);
    CHECK(both->at("identities").at(0).at("value").as_string() == "a@x.example");
    CHECK(both->at("identities").at(2).at("value").as_string().c_str() == sha256_of("b@x.example"));
}

TEST_CASE("grants: a connector never gets an identity that its manifest does not ask for",
          "[plugin][grants]") {
    Site site;
    site.install("mirror");
    const auto catalog = site.open();
    InstanceOptions options;
    options.account = "shop";
    const auto instance = catalog->start("mirror", std::move(options)).value();
    const std::string body =
        R"({"user":"u1","identities":[{"kind":"email","value":"Ann@Example.com"},)"
        R"({"kind":"phone","value":"+4930123456"},)"
        R"({"kind":"customer_id","namespace":"crm","value":"c-7"}]})";
    const auto written = [&](const std::string& stream) {
        WriteBatch batch;
        batch.stream = stream;
        batch.records.resize(1);
        batch.records[0].key = "u1";
        batch.records[0].body = body;
        batch.records[0].idempotency_key = "k";
        Waiter<WriteResult> waiter;
        instance->write(std::move(batch), waiter.callback());
        return waiter.get().outcomes.at(0).reply;
    };

    CHECK(written("profiles") == R"({"user":"u1","identities":[{"kind":"email","value":")" +
                                     sha256_of("ann@example.com") +
                                     R"(","encoding":"sha256","normalised":"email"}]})");
    CHECK(written("things") == body);
}
