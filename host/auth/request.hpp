// A request as a scheme sees it, and what the scheme adds to it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/secret.hpp"

namespace syncline::auth {

struct Header {
    std::string name, value;
};

// One attempt, as it is going to be sent: `url` is absolute and holds its query. Borrowed for a
// call.
struct Request {
    std::string_view method;  // upper case
    std::string_view url;
    std::span<const Header> headers;
    std::string_view body;
};

struct SecretHeader {
    std::string name;
    core::Secret value;
};

// What is added to the request, none of which is for logs. A header takes the place of every header
// of its name; the query is encoded (`a=b&c=d`) and comes behind the one that the URL has.
struct Additions {
    std::vector<SecretHeader> headers;
    core::Secret query;
};

}  // namespace syncline::auth
