#include "auth/aws_sigv4.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "auth/errc.hpp"
#include "auth/moment.hpp"
#include "auth/static_credential.hpp"
#include "auth/url.hpp"
#include "core/hash.hpp"

namespace syncline::auth {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// What HTTP clients and proxies set and change; Host is taken from the URL.
constexpr std::array<std::string_view, 13> kNotSigned{"accept-encoding",
                                                      "authorization",
                                                      "connection",
                                                      "expect",
                                                      "host",
                                                      "keep-alive",
                                                      "te",
                                                      "trailer",
                                                      "upgrade",
                                                      "transfer-encoding",
                                                      "user-agent",
                                                      "via",
                                                      "x-amzn-trace-id"};

using CanonicalHeaders = std::map<std::string, std::string>;

bool is_s3(const AwsSigV4& credential) {
    return credential.service == "s3";
}

// Without blanks at the ends, and with one where there are several.
std::string canonical_value(std::string_view value) {
    std::string result;
    for (char c : trimmed(value)) {
        const char blank_free = c == '\t' ? ' ' : c;
        if (blank_free == ' ' && result.ends_with(' ')) continue;
        result += blank_free;
    }
    return result;
}

CanonicalHeaders canonical_headers(const Request& request, const UrlParts& url,
                                   const std::vector<SecretHeader>& added) {
    CanonicalHeaders headers{{"host", url.host}};
    for (const Header& header : request.headers) {
        const std::string name = lower_case(header.name);
        if (std::ranges::find(kNotSigned, name) != kNotSigned.end()) continue;
        // What is added takes the place of what was there.
        const auto is_same = [&](const SecretHeader& other) {
            return equal_names(other.name, name);
        };
        if (std::ranges::any_of(added, is_same)) continue;
        const auto [at, is_new] = headers.emplace(name, canonical_value(header.value));
        if (!is_new) at->second += ',' + canonical_value(header.value);
    }
    for (const SecretHeader& header : added)
        headers[lower_case(header.name)] = canonical_value(header.value.reveal());
    return headers;
}

std::string names_of(const CanonicalHeaders& headers) {
    std::string names;
    for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;
    return names;
}

std::vector<std::string_view> segments_of(std::string_view path) {
    std::vector<std::string_view> segments;
    for (path.remove_prefix(path.starts_with('/') ? 1 : 0);;) {
        const std::size_t end = std::min(path.find('/'), path.size());
        segments.push_back(path.substr(0, end));
        if (end == path.size()) return segments;
        path.remove_prefix(end + 1);
    }
}

// RFC 3986, section 5.2.4, and without empty segments.
std::vector<std::string_view> normalized(const std::vector<std::string_view>& segments) {
    std::vector<std::string_view> result;
    for (std::string_view segment : segments) {
        if (segment == ".." && !result.empty()) result.pop_back();
        if (!segment.empty() && segment != "." && segment != "..") result.push_back(segment);
    }
    const std::string_view last = segments.back();
    if (last.empty() || last == "." || last == "..") result.emplace_back();
    return result;
}

// S3 decodes the whole path: an encoded slash in a key is one like any other there.
std::string canonical_path(const AwsSigV4& credential, std::string_view path) {
    const std::string key = is_s3(credential) ? percent_decode(path) : std::string{path};
    std::vector<std::string_view> segments = segments_of(key);
    if (!is_s3(credential) && credential.normalizes_path) segments = normalized(segments);
    std::string result;
    for (std::string_view segment : segments) {
        result += '/';
        result += percent_encode(segment);
    }
    return result;
}

std::string canonical_query(std::vector<Parameter> parameters) {
    for (auto& [name, value] : parameters) {
        name = percent_encode(name);
        value = percent_encode(value);
    }
    std::ranges::sort(parameters);
    std::string text;
    for (const auto& [name, value] : parameters)
        text += (text.empty() ? "" : "&") + name + '=' + value;
    return text;
}

std::string scope_of(const AwsSigV4& credential, std::string_view date) {
    return std::string{date.substr(0, 8)} + '/' + credential.region + '/' + credential.service +
           "/aws4_request";
}

std::string signature_of(const AwsSigV4& credential, const std::string& date,
                         const std::string& canonical_request) {
    using core::HmacDigest;
    const std::string text = std::string{kAlgorithm} + '\n' + date + '\n' +
                             scope_of(credential, date) + '\n' +
                             core::to_hex(core::sha256(canonical_request));
    core::Secret key{"AWS4" + std::string{credential.secret_access_key.reveal()}};
    for (std::string_view part :
         {std::string_view{date}.substr(0, 8), std::string_view{credential.region},
          std::string_view{credential.service}, std::string_view{"aws4_request"}}) {
        key = core::Secret{core::hmac(HmacDigest::kSha256, key.reveal(), part)};
    }
    return core::to_hex(core::hmac(HmacDigest::kSha256, key.reveal(), text));
}

std::string canonical_request(const AwsSigV4& credential, const Request& request,
                              const UrlParts& url, std::vector<Parameter> query,
                              const CanonicalHeaders& headers, std::string_view payload_hash) {
    std::string text{request.method};
    text += '\n' + canonical_path(credential, url.path);
    text += '\n' + canonical_query(std::move(query)) + '\n';
    for (const auto& [name, value] : headers) text += name + ':' + value + '\n';
    text += '\n' + names_of(headers) + '\n';
    text += payload_hash;
    return text;
}

std::string payload_hash(const AwsSigV4& credential, const Request& request) {
    if (credential.payload == AwsPayload::kUnsigned) return std::string{kUnsignedPayload};
    return core::to_hex(core::sha256(request.body));
}

Result<void> check(const AwsSigV4& credential) {
    for (std::string_view text :
         {std::string_view{credential.access_key_id}, credential.secret_access_key.reveal(),
          std::string_view{credential.region}, std::string_view{credential.service}}) {
        if (text.empty())
            return Error(kCredentialInvalid,
                         "the access key, its secret, the region or the service is empty");
    }
    if (!is_header_value(credential.access_key_id) || !is_header_value(credential.region) ||
        !is_header_value(credential.service) ||
        !is_header_value(credential.session_token.reveal())) {
        return Error(kCredentialInvalid, "the credential has characters that a header can't carry");
    }
    return {};
}

}  // namespace

Result<Additions> sign_aws_header(const AwsSigV4& credential, const Request& request,
                                  core::WallTime now) {
    SYNCLINE_CHECK(check(credential));
    SYNCLINE_TRY(const UrlParts url, parse_url(request.url));
    const std::string date = basic_iso_date(now);
    const std::string hash = payload_hash(credential, request);
    Additions additions;
    additions.headers.push_back({"X-Amz-Date", core::Secret{date}});
    if (!credential.session_token.empty())
        additions.headers.push_back({"X-Amz-Security-Token", credential.session_token});
    if (is_s3(credential) || credential.sends_payload_hash)
        additions.headers.push_back({"X-Amz-Content-Sha256", core::Secret{hash}});
    const CanonicalHeaders headers = canonical_headers(request, url, additions.headers);
    const std::string signature = signature_of(
        credential, date,
        canonical_request(credential, request, url, parse_query(url.query), headers, hash));
    std::string value{kAlgorithm};
    value += " Credential=" + credential.access_key_id + '/' + scope_of(credential, date);
    value += ", SignedHeaders=" + names_of(headers) + ", Signature=" + signature;
    additions.headers.push_back({"Authorization", core::Secret{std::move(value)}});
    return additions;
}

Result<Additions> sign_aws_query(const AwsSigV4& credential, const Request& request,
                                 core::WallTime now, std::chrono::seconds life) {
    SYNCLINE_CHECK(check(credential));
    SYNCLINE_TRY(const UrlParts url, parse_url(request.url));
    if (life < std::chrono::seconds{1} || life > kAwsPresignedMax)
        return Error(kCredentialInvalid, "a presigned URL lives 1 s to 7 days");
    const std::string date = basic_iso_date(now);
    const CanonicalHeaders headers = canonical_headers(request, url, {});
    std::vector<Parameter> added{
        {"X-Amz-Algorithm", std::string{kAlgorithm}},
        {"X-Amz-Credential", credential.access_key_id + '/' + scope_of(credential, date)},
        {"X-Amz-Date", date},
        {"X-Amz-Expires", std::to_string(life.count())},
        {"X-Amz-SignedHeaders", names_of(headers)}};
    if (!credential.session_token.empty())
        added.push_back({"X-Amz-Security-Token", std::string{credential.session_token.reveal()}});
    std::vector<Parameter> query = parse_query(url.query);
    query.insert(query.end(), added.begin(), added.end());
    const std::string hash =
        is_s3(credential) ? std::string{kUnsignedPayload} : payload_hash(credential, request);
    std::string signature =
        signature_of(credential, date,
                     canonical_request(credential, request, url, std::move(query), headers, hash));
    added.push_back({"X-Amz-Signature", std::move(signature)});
    Additions additions;
    additions.query = core::Secret{write_query(added)};
    return additions;
}

}  // namespace syncline::auth
