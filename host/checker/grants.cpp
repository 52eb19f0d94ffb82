// What the manifest lets an instance reach.
#include <algorithm>

#include "checker/strict_host.hpp"

namespace syncline::checker {
namespace {

// "https://user@api.example.com:8443/v1?x" is "api.example.com:8443".
std::string authority_of(std::string_view url) {
    const std::size_t begin = url.find("://");
    if (begin == std::string_view::npos) return {};
    url.remove_prefix(begin + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    const std::size_t user = url.rfind('@');
    return std::string{user == std::string_view::npos ? url : url.substr(user + 1)};
}

std::string host_of(std::string_view url) {
    const std::string authority = authority_of(url);
    const std::size_t port = authority.rfind(':');
    const bool has_port =
        port != std::string::npos && authority.find(']', port) == std::string::npos;
    return has_port ? authority.substr(0, port) : authority;
}

bool matches(std::string_view glob, std::string_view host) {
    if (!glob.starts_with("*.")) return glob == host;
    return host.ends_with(glob.substr(1)) && host.size() > glob.size() - 1;
}

}  // namespace

bool StrictHost::is_granted_host(std::string_view url) const {
    const std::string host = host_of(url);
    return std::any_of(manifest_.allowed_hosts.begin(), manifest_.allowed_hosts.end(),
                       [&](const plugin::HostGrant& grant) {
                           if (grant.from_setting.empty()) return matches(grant.host, host);
                           const boost::json::value* setting =
                               settings_.if_contains(grant.from_setting);
                           return setting != nullptr && setting->is_string() &&
                                  authority_of(setting->as_string()) == authority_of(url);
                       });
}

bool StrictHost::is_granted_file(std::string_view path) const {
    return std::any_of(manifest_.allowed_files.begin(), manifest_.allowed_files.end(),
                       [&](const std::string& name) {
                           const boost::json::value* setting = settings_.if_contains(name);
                           return setting != nullptr && setting->is_string() &&
                                  setting->as_string() == path;
                       });
}

}  // namespace syncline::checker
