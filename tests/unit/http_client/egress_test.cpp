// Where requests may go: the policy, the forms in which a URL can hide an address, and the
// environment.

#include <cstdlib>
#include <fstream>
#include <random>

#include "fixture.hpp"
#include "http_client/url.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

EgressPolicy hosts(std::vector<std::string> names) {
    EgressPolicy policy;
    policy.hosts = std::move(names);
    return policy;
}

std::string check(const std::string& url, const EgressPolicy& policy) {
    auto result = http_client::parse_target(url, policy);
    return result ? "ok" : std::string{result.error().code()};
}

// The host as libcurl reads it, so that a policy can be written that names it.
std::string host_and_port(const std::string& url) {
    http_client::Url parsed{curl_url()};
    char* host = nullptr;
    std::string text;
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
        curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        text = host;
        curl_free(host);
    }
    return text;
}

// Sets an environment variable while it lives.
class Environment {
  public:
    Environment(const char* name, const std::string& value) : name_(name) {
        if (const char* old = std::getenv(name)) old_ = old;
        ::setenv(name, value.c_str(), 1);
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    ~Environment() {
        if (old_) {
            ::setenv(name_, old_->c_str(), 1);
        } else {
            ::unsetenv(name_);
        }
    }

  private:
    const char* name_;
    std::optional<std::string> old_;
};

// Hosts, in the place of H in H:port, that lead or might lead to this machine or its neighbours.
const char* const kForms[] = {
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0X7F000001",
    "017700000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.1",
    "0177.0.0.01",
    "00000177.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.0x1",
    "127.0.0.01",
    "127.000.000.001",
    "0x0000007f.0.0.1",
    "127.0x000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "0x0",
    "00",
    "0.0",
    "0.0.0",
    "000.000.000.000",
    "0.0.0.1",
    "4294967295",
    "4294967296",
    "2130706433.",
    "0x100000000",
    "127.0.0.256",
    "1.0x7f000001",
    "256.0.0.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[::0.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::ffff:0:0]",
    "[::ffff:0.0.0.0]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[2001:0:0:0:0:0:80ff:fffe]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fe80::1%251]",
    "[fe80::1%lo]",
    "[::1%25lo]",
    "[::1%lo]",
    "[fc00::1]",
    "[fd00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[ff01::1]",
    "[fd00:ec2::254]",
    "[2001:db8::1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[::ffff:10.0.0.1]",
    "[::ffff:192.168.0.1]",
    "[v1.127.0.0.1]",
    "[127.0.0.1]",
    "[]",
    "[::1",
    "::1",
    "[::1]]",
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "a.localhost",
    "foo.bar.localhost",
    "localhost..",
    "%6c%6f%63%61%6c%68%6f%73%74",
    "loc%61lhost",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "127.0.0.1%00.example.com",
    "%00127.0.0.1",
    "127.0.0.1%2f.example.com",
    "127.0.0.1%40example.com",
    "127.0.0.1%0d%0a",
    "ip6-localhost",
    "ip6-loopback",
    "user@127.0.0.1",
    "user:pw@127.0.0.1",
    "@127.0.0.1",
    ":@127.0.0.1",
    "example.com@127.0.0.1",
    "example.com:443@127.0.0.1",
    "example.com%40@127.0.0.1",
    "a@b@127.0.0.1",
    "127.0.0.1\\@example.com",
    "example.com\\@127.0.0.1",
    "127.0.0.1#@example.com",
    "127.0.0.1?@example.com",
    "127.0.0.1;example.com",
    "127.0.0.1,example.com",
    "127.0.0.1 example.com",
    "127.0.0.1\texample.com",
    "127.0.0.1\nexample.com",
    "\n127.0.0.1",
    "127.0.0.1\r\nHost: example.com",
    "1\xe2\x91\xa1\x37.0.0.1",
    "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
    "127\xe3\x80\x82"
    "0\xe3\x80\x82"
    "0\xe3\x80\x82"
    "1",
    "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",
    "\xe2\x93\x9b\xe2\x93\x9e"
    "calhost",
    "loc\xc3\xa0lhost",
    "127.0.0.1.\xef\xbb\xbf",
    "*",
    "*.localhost",
    "127.0.0.*",
    "",
    ".",
    "..",
    ".127.0.0.1",
    "127..0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:80:",
    "-127.0.0.1",
    "+127.0.0.1",
    "0x7f.0.0.1.",
    "0b1111111.0.0.1",
    "0o177.0.0.1",
    "10.0.0.1",
    "10.1",
    "167772161",
    "0xa000001",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "0300.0250.0.1",
    "100.64.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "169.254.170.2",
    "198.18.0.1",
    "192.0.2.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.1",
    "192.88.99.1",
};

}  // namespace

TEST_CASE("egress: no form of a URL reaches this machine or its neighbours", "[http_client][H7]") {
    static_assert(std::size(kForms) >= 150);
    Fixture f;
    Peer peer(f.io, [](const Seen&) { return Action{ok("")}; });
    EgressPolicy policy = hosts({"example.com", "*.com", "*.localhost", "*.0.0.1", "*.1"});
    policy.allow_plain_http = true;
    for (const char* form : kForms) {
        // A policy that names the host must not help either: only a literal host may be private.
        EgressPolicy named = policy;
        const std::string port = std::to_string(peer.port());
        const std::string url = std::string{"http://"} + form + ":" + port + "/";
        named.hosts.push_back(host_and_port(url));
        named.hosts.emplace_back(form);
        const PoolId pool = f.client->open_pool(policy_of(named));

        auto result = f.exchange(pool, get(url));

        INFO(url);
        REQUIRE(result.failure);
        CHECK_FALSE(result.failure->request_may_have_been_processed);
        const std::string code = outcome(result);
        CHECK((code == "http_client.url_invalid" || code == "http_client.host_not_allowed" ||
               code == "http_client.address_not_allowed" || code == "http_client.resolve_failed"));
        f.client->close_pool(pool);
    }
    CHECK(peer.connections() == 0);
}

TEST_CASE("egress: a name that resolves to loopback is refused unless it is literal",
          "[http_client][H7]") {
    Fixture f;
    Peer peer(f.io, [](const Seen&) { return Action{ok("")}; });
    EgressPolicy by_name = hosts({"localhost"});
    by_name.allow_plain_http = true;
    const PoolId pool = f.client->open_pool(policy_of(by_name));
    const std::string url = "http://localhost:" + std::to_string(peer.port()) + "/";

    auto refused = f.exchange(pool, get(url));

    CHECK(outcome(refused) == "http_client.address_not_allowed");
    CHECK(refused.failure->error.what().find("loopback") != std::string::npos);
    CHECK(peer.connections() == 0);
    CHECK(outcome(f.exchange(get(url))) == "200");
}

TEST_CASE("egress: a literal host allows itself alone", "[http_client][H7]") {
    EgressPolicy policy;
    policy.literal_hosts = {"127.0.0.1", "LocalHost", "[fd00:0::1]", "169.254.169.254",
                            "*.internal"};
    policy.allow_plain_http = true;

    CHECK(check("http://127.0.0.1/", policy) == "ok");
    CHECK(check("https://127.0.0.1/", policy) == "ok");
    CHECK(check("http://0x7f.1/", policy) == "ok");  // another spelling of it
    CHECK(check("http://localhost/", policy) == "ok");
    CHECK(check("http://[fd00::1]/", policy) == "ok");
    CHECK(check("http://127.0.0.2/", policy) == "http_client.host_not_allowed");
    CHECK(check("http://localhost./", policy) == "http_client.host_not_allowed");
    CHECK(check("http://a.localhost/", policy) == "http_client.host_not_allowed");
    CHECK(check("http://[::1]/", policy) == "http_client.host_not_allowed");
    CHECK(check("http://a.internal/", policy) == "http_client.host_not_allowed");
    CHECK(check("http://169.254.169.254/", policy) == "http_client.address_not_allowed");
    CHECK(check("https://example.com/", policy) == "http_client.host_not_allowed");
}

TEST_CASE("egress: plain http goes to the host and port of the operator's own URL alone",
          "[http_client]") {
    EgressPolicy policy;
    REQUIRE(http_client::grant(policy, "https://api.example.com/v1").has_value());
    REQUIRE(http_client::grant(policy, "http://127.0.0.1:9100").has_value());
    REQUIRE(http_client::grant(policy, "http://Intranet/").has_value());

    CHECK(check("https://api.example.com/next", policy) == "ok");
    CHECK(check("https://api.example.com:8443/next", policy) == "ok");
    CHECK(check("http://api.example.com/next", policy) == "http_client.host_not_allowed");
    CHECK(check("http://api.example.com:443/next", policy) == "http_client.host_not_allowed");
    CHECK(check("http://127.0.0.1:9100/next", policy) == "ok");
    CHECK(check("https://127.0.0.1:9443/next", policy) == "ok");
    CHECK(check("http://127.0.0.1:9101/next", policy) == "http_client.host_not_allowed");
    CHECK(check("http://intranet:80/next", policy) == "ok");
    CHECK(http_client::grant(policy, "not a URL").error().code() == "http_client.url_invalid");
}

TEST_CASE("egress: a request goes where the operator's URL leads, or it is refused",
          "[http_client][H7]") {
    // Granted without libcurl, requested with it: whatever is granted is what libcurl reads.
    const auto agree = [](const std::string& url) {
        EgressPolicy policy;
        if (!http_client::grant(policy, url)) return false;
        INFO(url);
        const std::string code = check(url, policy);
        CHECK((code == "ok" || code == "http_client.address_not_allowed"));
        return true;
    };
    for (const char* form : kForms) {
        agree(std::string{"http://"} + form + "/");
        agree(std::string{"https://"} + form + ":8443?x");
    }
    for (const char* url : {"https://api.example.com",
                            "HTTPS://API.Example.com:443/v1?x=/../#y",
                            "http://h:",
                            "http://h:/",
                            "https://h:00443/",
                            "https://h?x",
                            "https://h#x",
                            "https://h/@x",
                            "https://h./",
                            "https://xn--bcher-kva.example/",
                            "https://a_b.example/",
                            "http://10.0.0.1",
                            "http://[::1]",
                            "http://[::1]:",
                            "http://[0:0::1]:9100/",
                            "http://[fd00::1]:1/x:2",
                            "https://1.example",
                            "https://0x7g/",
                            "https://h:1/x:99999",
                            "https://h/[x]"}) {
        INFO(url);
        CHECK(agree(url));
    }
    std::mt19937 random{7};
    const std::vector<std::string> pieces{
        "http", "https", "ftp", ":",   "/", "//", "?",    "#",       "@",   "\\",
        "[",    "]",     "::1", "127", ".", "1",  "0x7f", "example", "com", "%41",
        "443",  "65536", "0",   "-",   "_", ";",  "a:b@", "v1",      "..",  "Q"};
    int granted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string url = random() % 8 == 0 ? "" : "https://";
        for (auto count = random() % 8; count > 0; --count) url += pieces[random() % pieces.size()];
        granted += agree(url) ? 1 : 0;
    }
    CHECK(granted > 1'000);
}

TEST_CASE("egress: an operator's URL has one spelling of its scheme, host and port",
          "[http_client][H7]") {
    for (const char* url : {"h",
                            "//h/",
                            "https:h",
                            "https:/h/",
                            "https:///h/",
                            "https://",
                            "https://?h",
                            "ftp://h/",
                            "https://u@h/",
                            "https://@h/",
                            "https://h@/",
                            "https://%68/",
                            "https://h\\/",
                            "https://h;/",
                            "https://.h/",
                            "https://127.1/",
                            "https://0x7f000001/",
                            "https://0177.0.0.1/",
                            "https://127.0.0.1./",
                            "https://a.0x/",
                            "https://a.1/",
                            "https://256.0.0.1/",
                            "https://[::1/",
                            "https://::1/",
                            "https://[::1]]/",
                            "https://[::1]x/",
                            "https://[h]/",
                            "https://[]/",
                            "https://[127.0.0.1]/",
                            "https://[::1%25lo]/",
                            "https://h:0/",
                            "https://h:65536/",
                            "https://h:-1/",
                            "https://h:+1/",
                            "https://h:1x/",
                            "https://h:000443/",
                            "https://h:1:2/",
                            "https://h/./x",
                            "https://h/ x"}) {
        INFO(url);
        EgressPolicy policy;
        const auto granted = http_client::grant(policy, url);
        REQUIRE_FALSE(granted.has_value());
        CHECK(granted.error().code() == "http_client.url_invalid");
        CHECK(policy.literal_hosts.empty());
        CHECK(http_client::host_of(url).error().code() == "http_client.url_invalid");
    }
    CHECK(*http_client::host_of("https://[0:0::1]:9100/") == "::1");
    CHECK(*http_client::host_of("http://API.example.com./x") == "API.example.com.");
}

TEST_CASE("egress: hosts match exactly or by sub-domain, without case, by https", "[http_client]") {
    const EgressPolicy policy = hosts({"api.example.com", "*.Example.org", "*.", "8.8.8.8"});

    CHECK(check("https://api.example.com/x?y=1", policy) == "ok");
    CHECK(check("https://API.example.COM:8443/", policy) == "ok");
    CHECK(check("https://a.example.org/", policy) == "ok");
    CHECK(check("https://a.b.example.org/", policy) == "ok");
    CHECK(check("https://8.8.8.8/", policy) == "ok");
    CHECK(check("https://example.org/", policy) == "http_client.host_not_allowed");
    CHECK(check("https://.example.org/", policy) == "http_client.url_invalid");
    CHECK(check("https://aexample.org/", policy) == "http_client.host_not_allowed");
    CHECK(check("https://api.example.com.evil.net/", policy) == "http_client.host_not_allowed");
    CHECK(check("https://api.example.com./", policy) == "http_client.host_not_allowed");
    CHECK(check("https://8.8.4.4/", policy) == "http_client.host_not_allowed");
    CHECK(check("http://api.example.com/", policy) == "http_client.host_not_allowed");
    CHECK(check("https://", policy) == "http_client.url_invalid");
    CHECK(check("", policy) == "http_client.url_invalid");
    CHECK(check("api.example.com/x", policy) == "http_client.url_invalid");
    CHECK(check("//api.example.com/x", policy) == "http_client.url_invalid");
    CHECK(check("https://api.example.com/ x", policy) == "http_client.url_invalid");
    CHECK(check("https://u:p@api.example.com/", policy) == "http_client.url_invalid");
    CHECK(check(std::string("https://api.example.com/\0", 25), policy) ==
          "http_client.url_invalid");
    CHECK(check("https://api.example.com/" + std::string(20'000, 'x'), policy) ==
          "http_client.url_invalid");
    for (const char* scheme :
         {"ftp", "file", "gopher", "smb", "dict", "ws", "HTTPX", "scp", "ldap", "telnet"}) {
        CHECK(check(std::string{scheme} + "://api.example.com/", policy) ==
              "http_client.url_invalid");
    }
}

TEST_CASE("egress: proxies, netrc and other settings of the environment are ignored",
          "[http_client][C18]") {
    TempDir home;
    std::ofstream(home / ".netrc") << "default login stolen password stolen\n";
    std::ofstream(home / ".curlrc") << "header = \"X-Stolen: 1\"\n";
    Fixture f;
    Peer proxy(f.io, [](const Seen&) { return Action{ok("proxy")}; });
    std::string head;
    Peer peer(f.io, [&](const Seen& s) {
        head = s.head;
        return Action{ok("direct")};
    });
    const Environment variables[] = {
        {"http_proxy", proxy.url()},
        {"https_proxy", proxy.url()},
        {"all_proxy", proxy.url()},
        {"HTTP_PROXY", proxy.url()},
        {"HTTPS_PROXY", proxy.url()},
        {"ALL_PROXY", proxy.url()},
        {"no_proxy", ""},
        {"HOME", home.path().string()},
        {"NETRC", (home / ".netrc").string()},
        {"CURL_HOME", home.path().string()},
        {"CURL_CA_BUNDLE", "/nowhere"},
        {"SSL_CERT_FILE", "/nowhere"},
    };

    auto result = f.exchange(get(peer.url()));

    REQUIRE(outcome(result) == "200");
    CHECK(result.response->body == "direct");
    CHECK(head.find("Authorization") == std::string::npos);
    CHECK(head.find("Stolen") == std::string::npos);
    CHECK(proxy.connections() == 0);
}

TEST_CASE("resolve: a name that does not exist fails, and nothing was processed",
          "[http_client][C7]") {
    Fixture f;
    const PoolId pool = f.client->open_pool(policy_of(hosts({"*.invalid"})));

    auto result = f.exchange(pool, post("https://nowhere.invalid/", "x"));

    CHECK(outcome(result) == "http_client.resolve_failed");
    CHECK_FALSE(result.failure->request_may_have_been_processed);
}

TEST_CASE("egress: a path with dot segments, which lead elsewhere, is refused", "[http_client]") {
    const EgressPolicy policy = hosts({"h.example"});
    for (const char* path : {"/.", "/..", "/a/..", "/a/./b", "/a/../b", "/%2e", "/a/%2E%2e/b",
                             "/a/.%2e?x", "/a/%2e.#x"}) {
        INFO(path);
        CHECK(check(std::string{"https://h.example"} + path, policy) == "http_client.url_invalid");
    }
    for (const char* path :
         {"", "/", "/...", "/a./.b/..c", "/a?x=/../", "/a#/../", "/%2f..%2f", "/.%2ea", "/a//b"}) {
        INFO(path);
        CHECK(check(std::string{"https://h.example"} + path, policy) == "ok");
    }
}
