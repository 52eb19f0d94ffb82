// Signs one request by host/auth and sends it by host/http_client, as a hub does.
//
// Reads a JSON object: `credential` (a `scheme` and its values, those of the configuration file
// and, besides, aws_presigned, azure_blob_sas and azure_account_sas), `method`, `url`, `headers`
// (pairs), `body` (base64), `sent_body` when another one is to be sent than was signed,
// `signed_s_ago` and `life_s`. Prints `url`, `status`, `headers` and `body` (base64), or `error`.
// Exit code 1 when nothing was answered.
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>

#include "auth/credential.hpp"
#include "auth/url.hpp"
#include "core/encoding.hpp"
#include "http_client/client.hpp"

namespace {

using namespace syncline;
namespace json = boost::json;

constexpr std::chrono::seconds kTimeout{20};

class Fields {
  public:
    explicit Fields(const json::object& object) : object_(object) {}

    std::string text(const char* name) const {
        const json::value* value = object_.if_contains(name);
        return value == nullptr ? std::string{} : std::string{value->as_string()};
    }
    core::Secret secret(const char* name) const { return core::Secret{text(name)}; }
    std::string bytes(const char* name) const {
        auto decoded = core::from_base64(text(name));
        if (!decoded) throw std::runtime_error{std::string{name} + " is not base64"};
        return *decoded;
    }
    bool has(const char* name) const { return object_.contains(name); }
    std::int64_t number(const char* name, std::int64_t otherwise) const {
        const json::value* value = object_.if_contains(name);
        return value == nullptr ? otherwise : value->to_number<std::int64_t>();
    }
    std::vector<auth::Header> headers() const {
        std::vector<auth::Header> headers;
        const json::value* pairs = object_.if_contains("headers");
        if (pairs == nullptr) return headers;
        for (const json::value& pair : pairs->as_array())
            headers.push_back(
                {std::string{pair.at(0).as_string()}, std::string{pair.at(1).as_string()}});
        return headers;
    }

  private:
    const json::object& object_;
};

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error{result.error().to_string()};
    return std::move(*result);
}

auth::AwsSigV4 aws_of(const Fields& fields) {
    auth::AwsSigV4 aws;
    aws.access_key_id = fields.text("access_key_id");
    aws.secret_access_key = fields.secret("secret_access_key");
    aws.session_token = fields.secret("session_token");
    aws.region = fields.text("region");
    aws.service = fields.text("service");
    if (fields.text("payload") == "unsigned") aws.payload = auth::AwsPayload::kUnsigned;
    return aws;
}

auth::AzureSasTerms terms_of(const Fields& fields, core::WallTime now, std::chrono::seconds life) {
    auth::AzureSasTerms terms;
    terms.permissions = fields.text("permissions");
    terms.ip = fields.text("ip");
    terms.protocol = fields.text("protocol");
    terms.start = now;
    terms.expiry = now + std::chrono::nanoseconds{life}.count();
    return terms;
}

auth::AzureBlobSas blob_of(const Fields& fields) {
    auth::AzureBlobSas blob;
    blob.container = fields.text("container");
    blob.blob = fields.text("blob");
    blob.content_type = fields.text("content_type");
    blob.content_disposition = fields.text("content_disposition");
    return blob;
}

auth::Additions sign(const Fields& fields, const auth::Request& request, core::WallTime now,
                     std::chrono::seconds life) {
    const std::string scheme = fields.text("scheme");
    if (scheme == "aws_sigv4") return must(auth::sign_aws_header(aws_of(fields), request, now));
    if (scheme == "aws_presigned")
        return must(auth::sign_aws_query(aws_of(fields), request, now, life));
    auth::AzureSharedKey azure;
    azure.account = fields.text("account");
    azure.key = fields.secret("key");
    if (scheme == "azure_shared_key") return must(auth::sign_azure_shared_key(azure, request, now));
    const auth::AzureSasTerms terms = terms_of(fields, now, life);
    if (scheme == "azure_blob_sas") return must(azure_blob_sas(azure, terms, blob_of(fields)));
    if (scheme == "azure_account_sas")
        return must(azure_account_sas(azure, terms,
                                      {fields.text("services"), fields.text("resource_types")}));
    throw std::runtime_error{"there is no scheme " + scheme};
}

http_client::Request signed_request(const json::object& given) {
    const Fields fields{given};
    const std::string method = fields.text("method"), url = fields.text("url");
    const std::vector<auth::Header> headers = fields.headers();
    const std::string body = fields.bytes("body");
    const core::WallTime now =
        core::system_clock().wall_ns() -
        std::chrono::nanoseconds{std::chrono::seconds{fields.number("signed_s_ago", 0)}}.count();
    const std::chrono::seconds life{fields.number("life_s", 60)};
    const auth::Additions additions =
        sign(Fields{given.at("credential").as_object()}, {method, url, headers, body}, now, life);
    http_client::Request request;
    request.method = method;
    request.url = auth::with_query(url, additions.query.reveal());
    for (const auth::Header& header : headers)
        request.headers.emplace_back(header.name, header.value);
    for (const auth::SecretHeader& added : additions.headers)
        request.headers.emplace_back(added.name, std::string{added.value.reveal()});
    request.body = fields.has("sent_body") ? fields.bytes("sent_body") : body;
    request.timeout = kTimeout;
    return request;
}

json::object answer_to(http_client::Request request) {
    boost::asio::io_context io{1};
    http_client::Client client{io};
    http_client::EgressPolicy policy;
    if (auto granted = http_client::grant(policy, request.url); !granted)
        throw std::runtime_error{granted.error().to_string()};
    const auto pool =
        client.open_pool(std::make_shared<const http_client::EgressPolicy>(std::move(policy)));
    json::object printed{{"url", request.url}};
    client.send(pool, std::move(request), [&](http_client::Result result) {
        if (result.failure) {
            printed["error"] = result.failure->error.to_string();
        } else {
            printed["status"] = result.response->status;
            json::array headers;
            for (const auto& [name, value] : result.response->headers)
                headers.push_back(json::array{name, value});
            printed["headers"] = std::move(headers);
            printed["body"] = core::to_base64(result.response->body);
        }
        io.stop();
    });
    io.run();
    return printed;
}

}  // namespace

int main() {
    try {
        const std::string given{std::istreambuf_iterator<char>{std::cin}, {}};
        const json::object printed = answer_to(signed_request(json::parse(given).as_object()));
        std::cout << json::serialize(printed) << '\n';
        return printed.contains("error") ? 1 : 0;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "send_signed: %s\n", problem.what());
        return 1;
    }
}
