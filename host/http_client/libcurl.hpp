// libcurl, loaded when something first needs it instead of when the process starts.
//
// Purpose: libcurl brings thirty libraries with it (LDAP, Kerberos, SSH, a second TLS), and to map
//   and bind them is a quarter of a start. Webhooks are served meanwhile.
// Lifetime: once loaded it stays until the process ends.
// Concurrency: [any]; a call that comes while another one loads waits for it, some 5 ms.
#pragma once

#include <curl/curl.h>

#include "core/error.hpp"

namespace syncline::http_client {

// The functions of libcurl that the hub calls, without the prefix `curl_`. setopt and getinfo are
// called through the table, where libcurl's own checks of their types don't reach.
// clang-format off
#define SYNCLINE_LIBCURL_FUNCTIONS(X)                                                             \
    X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_reset) X(easy_setopt) X(easy_strerror)    \
    X(free) X(multi_add_handle) X(multi_assign) X(multi_cleanup) X(multi_info_read)               \
    X(multi_init) X(multi_remove_handle) X(multi_setopt) X(multi_socket_action)                   \
    X(slist_append) X(slist_free_all) X(url) X(url_cleanup) X(url_get) X(url_set) X(url_strerror)
// clang-format on

struct Libcurl {
#define SYNCLINE_LIBCURL_MEMBER(name) decltype(&::curl_##name) name;
    SYNCLINE_LIBCURL_FUNCTIONS(SYNCLINE_LIBCURL_MEMBER)
#undef SYNCLINE_LIBCURL_MEMBER
};

// Only where load_libcurl() (client.hpp) has succeeded, as parse_target() makes sure: there is no
// request before.
const Libcurl& libcurl();

}  // namespace syncline::http_client
