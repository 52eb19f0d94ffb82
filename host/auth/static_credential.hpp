// Credentials that are sent as they are: an API key, Basic (RFC 7617), a bearer token (RFC 6750).
#pragma once

#include "auth/request.hpp"

namespace syncline::auth {

// `header: prefix + key`, or a parameter of the query. Exactly one of the two names is set.
struct ApiKey {
    std::string header;
    std::string query;
    std::string prefix;  // of the header's value; may be empty
    core::Secret key;
};

struct Basic {
    std::string username;
    core::Secret password;  // may be empty: some platforms take a key as user name
};

// Errors of all: kCredentialInvalid, for what is empty or can't stand in a header. [any]
Result<Additions> add_api_key(const ApiKey& credential);
Result<Additions> add_basic(const Basic& credential);
Result<Additions> add_bearer(const core::Secret& token);

// A name of a header (RFC 9110 section 5.1), and a value that ends no line. [any]
bool is_header_name(std::string_view name);
bool is_header_value(std::string_view value);

}  // namespace syncline::auth
