#include "auth/credential.hpp"

#include "auth/errc.hpp"

namespace syncline::auth {
namespace {

struct Authenticate {
    const Request& request;
    core::WallTime now;
    std::string_view nonce;

    Result<Additions> operator()(const ApiKey& key) const { return add_api_key(key); }
    Result<Additions> operator()(const Basic& basic) const { return add_basic(basic); }
    Result<Additions> operator()(const Bearer& bearer) const { return add_bearer(bearer.token); }
    Result<Additions> operator()(const OAuth1& oauth1) const {
        return sign_oauth1(oauth1, request, now, nonce);
    }
    Result<Additions> operator()(const AwsSigV4& aws) const {
        return sign_aws_header(aws, request, now);
    }
    Result<Additions> operator()(const AzureSharedKey& azure) const {
        return sign_azure_shared_key(azure, request, now);
    }
    Result<Additions> operator()(const AzureSasToken& sas) const {
        std::string_view query = sas.query.reveal();
        if (query.starts_with('?')) query.remove_prefix(1);
        if (query.empty() || query.find_first_of(" #\r\n\t") != std::string_view::npos)
            return Error(kCredentialInvalid, "the shared access signature is not a query");
        Additions additions;
        additions.query = core::Secret{std::string{query}};
        return additions;
    }
    Result<Additions> operator()(const RequestHmac& hmac) const {
        return hmac.sign(request, now, nonce);
    }
};

}  // namespace

Result<Additions> authenticate(const Credential& credential, const Request& request,
                               core::WallTime now, std::string_view nonce) {
    return std::visit(Authenticate{request, now, nonce}, credential);
}

Result<void> check_credential(const Credential& credential) {
    const Request request{"GET", "https://host.invalid/", {}, ""};
    SYNCLINE_CHECK(authenticate(credential, request, 0, "nonce"));
    return {};
}

}  // namespace syncline::auth
