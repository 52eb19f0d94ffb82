#include <algorithm>
#include <array>
#include <map>

#include "auth/azure.hpp"
#include "auth/azure_signature.hpp"
#include "auth/errc.hpp"
#include "auth/moment.hpp"
#include "auth/static_credential.hpp"
#include "auth/url.hpp"

namespace syncline::auth {
namespace {

using Lines = std::map<std::string, std::string>;

// Of several headers of one name the values, with commas between.
std::string value_of(const Request& request, std::string_view name) {
    std::string value;
    for (const Header& header : request.headers) {
        if (!equal_names(header.name, name)) continue;
        if (!value.empty()) value += ',';
        value += trimmed(header.value);
    }
    return value;
}

// The lines of `x-ms-` headers, sorted.
std::string header_lines(const Request& request, const Additions& additions) {
    Lines lines;
    for (const Header& header : request.headers) {
        const std::string name = lower_case(header.name);
        if (name.starts_with("x-ms-")) lines[name] = value_of(request, name);
    }
    for (const SecretHeader& header : additions.headers)
        lines[lower_case(header.name)] = header.value.reveal();
    std::string text;
    for (const auto& [name, value] : lines) text += name + ':' + value + '\n';
    return text;
}

// Account and path as they are sent, and a line for each name in the query.
std::string resource(const AzureSharedKey& credential, const UrlParts& url) {
    std::map<std::string, std::vector<std::string>> parameters;
    for (Parameter& parameter : parse_form(url.query))
        parameters[lower_case(parameter.name)].push_back(std::move(parameter.value));
    std::string text = '/' + credential.account;
    text += url.path;
    for (auto& [name, values] : parameters) {
        std::ranges::sort(values);
        text += '\n' + name + ':';
        for (std::size_t i = 0; i < values.size(); ++i) text += (i > 0 ? "," : "") + values[i];
    }
    return text;
}

}  // namespace

Result<Additions> sign_azure_shared_key(const AzureSharedKey& credential, const Request& request,
                                        core::WallTime now) {
    SYNCLINE_TRY(const UrlParts url, parse_url(request.url));
    if (!is_header_value(credential.account) || !is_header_value(credential.version))
        return Error(kCredentialInvalid, "the account or the version can't stand in a header");
    Additions additions;
    additions.headers.push_back({"x-ms-date", core::Secret{http_date(now)}});
    additions.headers.push_back({"x-ms-version", core::Secret{credential.version}});
    std::string text{request.method};
    for (std::string_view name : {"content-encoding", "content-language", "content-length",
                                  "content-md5", "content-type", "date", "if-modified-since",
                                  "if-match", "if-none-match", "if-unmodified-since", "range"}) {
        text += '\n';
        // An empty body has an empty line, and x-ms-date takes the place of Date.
        if (name == "content-length") {
            text += request.body.empty() ? std::string{} : std::to_string(request.body.size());
        } else if (name != "date") {
            text += value_of(request, name);
        }
    }
    text += '\n' + header_lines(request, additions) + resource(credential, url);
    SYNCLINE_TRY(const std::string signature, azure_signature(credential, text));
    additions.headers.push_back(
        {"Authorization", core::Secret{"SharedKey " + credential.account + ':' + signature}});
    return additions;
}

}  // namespace syncline::auth
