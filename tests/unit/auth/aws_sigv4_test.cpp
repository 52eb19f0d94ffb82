#include "auth/aws_sigv4.hpp"

#include "additions.hpp"
#include "auth/errc.hpp"
#include "aws_vectors.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::Secret;
using std::chrono::seconds;

namespace {

constexpr core::WallTime kSuiteTime = 1'440'938'160'000'000'000;  // 2015-08-30T12:36:00Z
constexpr core::WallTime kS3Time = 1'369'353'600'000'000'000;     // 2013-05-24T00:00:00Z

AwsSigV4 suite() {
    AwsSigV4 credential;
    credential.access_key_id = "AKIDEXAMPLE";
    credential.secret_access_key = Secret{"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
    credential.region = "us-east-1";
    credential.service = "service";
    return credential;
}

AwsSigV4 s3() {
    AwsSigV4 credential = suite();
    credential.access_key_id = "AKIAIOSFODNN7EXAMPLE";
    credential.secret_access_key = Secret{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
    credential.service = "s3";
    return credential;
}

std::vector<Header> headers_of(std::string_view lines) {
    std::vector<Header> headers;
    while (!lines.empty()) {
        const std::size_t end = lines.find('\n');
        const std::string_view line = lines.substr(0, end);
        const std::size_t colon = line.find(':');
        headers.push_back(
            {std::string{line.substr(0, colon)}, std::string{line.substr(colon + 1)}});
        lines.remove_prefix(end + 1);
    }
    return headers;
}

std::string signature(const Result<Additions>& additions) {
    return test::between(test::header(additions, "Authorization"), "Signature=", ",");
}

std::string s3_signature(std::string_view method, std::string_view target,
                         std::span<const Header> headers, std::string_view body) {
    const std::string url = "https://examplebucket.s3.amazonaws.com" + std::string{target};
    return signature(sign_aws_header(s3(), {method, url, headers, body}, kS3Time));
}

}  // namespace

TEST_CASE("aws: agrees with the suite of AWS in both forms", "[auth][aws]") {
    for (const test::AwsCase& row : test::kAwsCases) {
        INFO(row.name);
        AwsSigV4 credential = suite();
        credential.session_token = Secret{std::string{row.token}};
        credential.normalizes_path = row.normalizes_path;
        credential.sends_payload_hash = row.sends_payload_hash;
        const std::vector<Header> headers = headers_of(row.headers);
        const std::string url = "https://example.amazonaws.com" + std::string{row.target};
        const Request request{row.method, url, headers, row.body};
        CHECK(signature(sign_aws_header(credential, request, kSuiteTime)) == row.header_signature);
        CHECK(test::parameter(sign_aws_query(credential, request, kSuiteTime, seconds{3600}),
                              "X-Amz-Signature") == row.query_signature);
    }
}

TEST_CASE("aws: agrees with the examples of the S3 documentation", "[auth][aws]") {
    const Header range{"Range", "bytes=0-9"};
    CHECK(s3_signature("GET", "/test.txt", {&range, 1}, "") ==
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    const std::vector<Header> put{{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    CHECK(s3_signature("PUT", "/test$file.text", put, "Welcome to Amazon S3.") ==
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    CHECK(s3_signature("PUT", "/test%24file.text", put, "Welcome to Amazon S3.") ==
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    CHECK(s3_signature("GET", "/?lifecycle", {}, "") ==
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    CHECK(s3_signature("GET", "/?max-keys=2&prefix=J", {}, "") ==
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    CHECK(s3_signature("GET", "/?prefix=J&max-keys=2", {}, "") ==
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("aws: presigns as the S3 documentation does", "[auth][aws]") {
    const std::string url = "https://examplebucket.s3.amazonaws.com/test.txt";
    const auto added = sign_aws_query(s3(), {"GET", url, {}, ""}, kS3Time, seconds{86400});
    CHECK(with_query(url, added->query.reveal()) ==
          "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
          "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
          "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
          "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    CHECK(added->headers.empty());
}

TEST_CASE("aws: writes the headers that the signature is about", "[auth][aws]") {
    const Header range{"Range", "bytes=0-9"};
    const auto added = sign_aws_header(
        s3(), {"GET", "https://examplebucket.s3.amazonaws.com/test.txt", {&range, 1}, ""}, kS3Time);
    CHECK(test::header(added, "Authorization") ==
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
          "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
          "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(test::header(added, "x-amz-date") == "20130524T000000Z");
    CHECK(test::header(added, "x-amz-content-sha256") ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("aws: an unsigned payload says so, and its bytes don't matter", "[auth][aws]") {
    AwsSigV4 credential = s3();
    credential.payload = AwsPayload::kUnsigned;
    const auto sign = [&](std::string_view body) {
        return sign_aws_header(credential, {"PUT", "https://b.s3.amazonaws.com/k", {}, body},
                               kS3Time);
    };
    CHECK(test::header(sign("a"), "x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
    CHECK(signature(sign("a")) == signature(sign("b")));
    credential.payload = AwsPayload::kHashed;
    CHECK(signature(sign("a")) != signature(sign("b")));
}

TEST_CASE("aws: the path of S3 is neither normalised nor encoded twice", "[auth][aws]") {
    CHECK(s3_signature("GET", "/a//b/../c", {}, "") != s3_signature("GET", "/a/c", {}, ""));
    // It decodes all of it, an encoded slash as well.
    CHECK(s3_signature("GET", "/a%2Fb%20c", {}, "") == s3_signature("GET", "/a/b c", {}, ""));
    CHECK(s3_signature("GET", "/a%20b", {}, "") == s3_signature("GET", "/a b", {}, ""));
    CHECK(s3_signature("GET", "/a%2520b", {}, "") != s3_signature("GET", "/a%20b", {}, ""));
    const auto other = [](std::string_view url) {
        return signature(sign_aws_header(suite(), {"GET", url, {}, ""}, kSuiteTime));
    };
    CHECK(other("https://h.example/a%20b") != other("https://h.example/a b"));
    CHECK(other("https://h.example/a/./b/..//c/.") == other("https://h.example/a/c/"));
    CHECK(other("https://h.example/../..") == other("https://h.example/"));
}

TEST_CASE("aws: what clients and proxies change is not signed, what is added replaces",
          "[auth][aws]") {
    const std::vector<Header> noise{{"User-Agent", "x"},
                                    {"Connection", "close"},
                                    {"Host", "other"},
                                    {"X-Amz-Date", "20000101T000000Z"},
                                    {"Authorization", "old"}};
    CHECK(s3_signature("GET", "/k", noise, "") == s3_signature("GET", "/k", {}, ""));
    const Header kept{"X-Custom", "1"};
    CHECK(s3_signature("GET", "/k", {&kept, 1}, "") != s3_signature("GET", "/k", {}, ""));
}

TEST_CASE("aws: a credential that is not whole is refused", "[auth][aws]") {
    const Request request{"GET", "https://b.s3.amazonaws.com/k", {}, ""};
    for (int i = 0; i < 5; ++i) {
        AwsSigV4 credential = s3();
        if (i == 0) credential.access_key_id.clear();
        if (i == 1) credential.secret_access_key = Secret{};
        if (i == 2) credential.region.clear();
        if (i == 3) credential.service.clear();
        if (i == 4) credential.session_token = Secret{"a\nb"};
        CHECK(sign_aws_header(credential, request, 0).error().is(kCredentialInvalid));
        CHECK(sign_aws_query(credential, request, 0, seconds{1}).error().is(kCredentialInvalid));
    }
    for (seconds life : {seconds{0}, seconds{-1}, seconds{604'801}})
        CHECK(sign_aws_query(s3(), request, 0, life).error().is(kCredentialInvalid));
    CHECK(sign_aws_header(s3(), {"GET", "b/k", {}, ""}, 0).error().is(kRequestUnsignable));
}
