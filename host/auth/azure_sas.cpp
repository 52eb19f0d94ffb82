#include "auth/azure.hpp"
#include "auth/azure_signature.hpp"
#include "auth/errc.hpp"
#include "auth/moment.hpp"
#include "auth/url.hpp"
#include "core/encoding.hpp"
#include "core/hash.hpp"

namespace syncline::auth {
namespace {

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (std::size_t i = 0; i < lines.size(); ++i) text += (i > 0 ? "\n" : "") + lines[i];
    return text;
}

std::string start_of(const AzureSasTerms& terms) {
    return terms.start ? iso_date(*terms.start) : std::string{};
}

Result<void> check(const AzureSharedKey& credential, const AzureSasTerms& terms) {
    if (credential.version < "2020-12-06")
        return Error(kCredentialInvalid, "signatures of versions before 2020-12-06 are not made");
    if (terms.permissions.empty()) return Error(kCredentialInvalid, "the SAS permits nothing");
    if (terms.start && *terms.start >= terms.expiry)
        return Error(kCredentialInvalid, "the SAS ends before it begins");
    return {};
}

// Signs the lines and writes the parameters that have a value, the signature last.
Result<Additions> granted(const AzureSharedKey& credential, const std::string& text,
                          const std::vector<Parameter>& parameters) {
    SYNCLINE_TRY(std::string signature, azure_signature(credential, text));
    std::vector<Parameter> sent;
    for (const Parameter& parameter : parameters) {
        if (!parameter.value.empty()) sent.push_back(parameter);
    }
    sent.push_back({"sig", std::move(signature)});
    Additions additions;
    additions.query = core::Secret{write_query(sent)};
    return additions;
}

}  // namespace

Result<std::string> azure_signature(const AzureSharedKey& credential, std::string_view text) {
    if (credential.account.empty()) return Error(kCredentialInvalid, "the account has no name");
    auto bytes = core::from_base64(credential.key.reveal());
    if (!bytes || bytes->empty())
        return Error(kCredentialInvalid, "the account's key is empty or not base64");
    const core::Secret key{std::move(*bytes)};
    return core::to_base64(core::hmac(core::HmacDigest::kSha256, key.reveal(), text));
}

Result<Additions> azure_blob_sas(const AzureSharedKey& credential, const AzureSasTerms& terms,
                                 const AzureBlobSas& resource) {
    SYNCLINE_CHECK(check(credential, terms));
    if (resource.container.empty()) return Error(kCredentialInvalid, "the SAS names no container");
    const std::string start = start_of(terms);
    const std::string expiry = iso_date(terms.expiry);
    std::string kind = resource.blob.empty() ? "c" : "b";
    if (!resource.snapshot.empty()) kind = "bs";
    std::string name = "/blob/" + credential.account + '/' + resource.container;
    if (!resource.blob.empty()) name += '/' + resource.blob;
    const std::string text =
        joined({terms.permissions, start, expiry, name, resource.identifier, terms.ip,
                terms.protocol, credential.version, kind, resource.snapshot, terms.encryption_scope,
                resource.cache_control, resource.content_disposition, resource.content_encoding,
                resource.content_language, resource.content_type});
    return granted(credential, text,
                   {{"sv", credential.version},
                    {"sr", kind},
                    {"snapshot", resource.snapshot},
                    {"sp", terms.permissions},
                    {"st", start},
                    {"se", expiry},
                    {"si", resource.identifier},
                    {"sip", terms.ip},
                    {"spr", terms.protocol},
                    {"ses", terms.encryption_scope},
                    {"rscc", resource.cache_control},
                    {"rscd", resource.content_disposition},
                    {"rsce", resource.content_encoding},
                    {"rscl", resource.content_language},
                    {"rsct", resource.content_type}});
}

Result<Additions> azure_account_sas(const AzureSharedKey& credential, const AzureSasTerms& terms,
                                    const AzureAccountSas& resource) {
    SYNCLINE_CHECK(check(credential, terms));
    if (resource.services.empty() || resource.resource_types.empty())
        return Error(kCredentialInvalid, "the SAS names no service or no kind of resource");
    const std::string start = start_of(terms);
    const std::string expiry = iso_date(terms.expiry);
    const std::string text = joined(
        {credential.account, terms.permissions, resource.services, resource.resource_types, start,
         expiry, terms.ip, terms.protocol, credential.version, terms.encryption_scope, ""});
    return granted(credential, text,
                   {{"sv", credential.version},
                    {"ss", resource.services},
                    {"srt", resource.resource_types},
                    {"sp", terms.permissions},
                    {"st", start},
                    {"se", expiry},
                    {"sip", terms.ip},
                    {"spr", terms.protocol},
                    {"ses", terms.encryption_scope}});
}

}  // namespace syncline::auth
