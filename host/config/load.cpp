#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "config/account_auth.hpp"
#include "config/config.hpp"
#include "config/document.hpp"
#include "config/mapping.hpp"
#include "config/mapping_tests.hpp"
#include "config/problems.hpp"
#include "config/section.hpp"
#include "config/settings.hpp"
#include "config/variables.hpp"
#include "config/webhook.hpp"

namespace syncline::config {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFileBytesMax = 4 * 1024 * 1024;
constexpr std::int64_t kMebibyte = 1024 * 1024;
constexpr std::string_view kUnix = "unix:";

Result<std::string> read_file(const std::filesystem::path& file) {
    errno = 0;
    std::ifstream stream{file, std::ios::binary};
    if (!stream) {
        const std::string reason = std::strerror(errno);
        if (errno == ENOENT) return Error{kFileMissing, "there is no such file"};
        return Error{kFileUnreadable, "the file can't be opened: " + reason};
    }
    std::string text;
    char chunk[64 * 1024];
    do {
        stream.read(chunk, sizeof chunk);
        text.append(chunk, static_cast<std::size_t>(stream.gcount()));
    } while (stream && text.size() <= kFileBytesMax);
    if (stream.bad()) return Error{kFileUnreadable, "the file can't be read"};
    if (text.size() > kFileBytesMax)
        return Error{kFileUnreadable, "the file is larger than 4 MiB", "split it"};
    return text;
}

bool is_loopback(const std::string& address) {
    in_addr v4{};
    if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    in6_addr v6{};
    if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1) return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

// Reads the sections of a file in their order. What is wrong is reported; the result counts only
// when nothing is.
class Loader {
  public:
    Loader(Context& context, const std::filesystem::path& file) : context_(context) {
        config_.file = file;
    }

    Config read(const Node& root) {
        const Section file{context_, &root, "", {{"version", "hub"}, {"accounts", "connections"}}};
        read_version(file);
        read_hub(file.find("hub"));
        if (const Node* accounts = map_of(file, "accounts")) {
            for (const auto& [name, node] : accounts->entries) read_account(*name, *node);
        }
        if (const Node* connections = map_of(file, "connections")) {
            for (const auto& [name, node] : connections->entries) read_connection(*name, *node);
        }
        check_senders();
        share_routes(context_, config_.connections, described_);
        return std::move(config_);
    }

  private:
    // A map whose keys are free; an empty place (everything below it commented out) is an empty
    // map.
    const Node* map_of(const Section& section, std::string_view key) {
        const Node* node = section.find(key);
        if (node == nullptr || node->is_null()) return nullptr;
        if (node->is_map()) return node;
        context_.problems.add(kType, node->at, in_quotes(section.path(key)) + " must be a map");
        return nullptr;
    }

    void read_version(const Section& file) {
        const Node* node = file.find("version");
        if (node == nullptr) return;
        if (!node->is_scalar() || !node->is_plain || parse_integer(node->text) != 1)
            context_.problems.add(kVersion, node->at, "this program reads version 1 of the file");
    }

    void read_hub(const Node* node) {
        const Section hub{context_,
                          node,
                          "hub",
                          {{"data_dir", "connectors_dir"},
                           {"listen", "tls", "allow_plain", "admin", "limits", "vault", "trial"}}};
        Hub& out = config_.hub;
        out.data_dir = hub.file_path("data_dir").value_or("");
        out.connectors_dir = hub.file_path("connectors_dir").value_or("");
        if (hub.find("listen") != nullptr) read_listen(hub);
        read_tls(hub);
        out.admin_socket = out.data_dir / "admin.sock";
        const Node* admin = hub.find("admin");
        if (admin != nullptr)
            read_admin(Section{context_, admin, "hub.admin", {{"listen"}, {}}});
        else
            check_socket_path(out.admin_socket, "hub.admin.listen", hub.at());
        if (!out.listen_socket.empty() && out.listen_socket == out.admin_socket)
            context_.problems.add(kBadAddress, hub.find("listen")->at,
                                  "`hub.listen` is the socket of `hub.admin.listen`",
                                  "write another path: webhooks and operators come in apart");
        const Section vault{context_, hub.find("vault"), "hub.vault", {{}, {"key_file"}}};
        if (vault.find("key_file") != nullptr)
            out.vault_key_file = vault.file_path("key_file").value_or("");
        context_.variables.set_hub(out);
        const Section limits{context_,
                             hub.find("limits"),
                             "hub.limits",
                             {{},
                              {"connections_max", "connections_per_ip_max", "history_bytes_max",
                               "pending_bytes_max", "unapplied_bytes_max"}}};
        limits.read("connections_max", out.limits.connections_max, 1, 1'000'000);
        limits.read("connections_per_ip_max", out.limits.connections_per_ip_max, 0, 1'000'000);
        limits.read("pending_bytes_max", out.limits.pending_bytes_max, kMebibyte,
                    kMebibyte * kMebibyte);
        limits.read("unapplied_bytes_max", out.limits.unapplied_bytes_max, kMebibyte,
                    64 * 1024 * kMebibyte);
        limits.read("history_bytes_max", out.limits.history_bytes_max, 0, kMebibyte * kMebibyte);
        read_trial(hub, out.trial);
    }

    void read_trial(const Section& hub, Trial& trial) {
        const Section section{
            context_,
            hub.find("trial"),
            "hub.trial",
            {{}, {"share_percent", "period_ms", "error_percent_max", "call_limit_ms"}}};
        section.read("share_percent", trial.share_percent, 0, 50);
        section.read("period_ms", trial.period, 100, 24 * 3'600'000);
        section.read("error_percent_max", trial.error_percent_max, 0, 100);
        section.read("call_limit_ms", trial.call_limit, 100, 60'000);
    }

    void read_listen(const Section& hub) {
        const auto text = hub.text("listen");
        if (!text.has_value()) return;
        if (text->starts_with(kUnix) && text->size() > kUnix.size()) {
            config_.hub.listen_socket = socket_path(*text);
            check_socket_path(config_.hub.listen_socket, "hub.listen", hub.find("listen")->at);
            return;
        }
        std::string_view address = *text;
        const std::size_t colon = address.rfind(':');
        const bool has_port = colon != std::string_view::npos && colon + 1 < address.size();
        const std::int64_t port =
            has_port ? parse_integer(address.substr(colon + 1)).value_or(-1) : -1;
        std::string host{address.substr(0, std::min(colon, address.size()))};
        const bool is_v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
        if (is_v6) host = host.substr(1, host.size() - 2);
        in6_addr parsed;
        const bool is_address = ::inet_pton(is_v6 ? AF_INET6 : AF_INET, host.c_str(), &parsed) == 1;
        if (!is_address || port < 0 || port > 65535) {
            context_.problems.add(kBadAddress, hub.find("listen")->at,
                                  "`hub.listen` must be an IP address and a port, or `unix:PATH`");
            return;
        }
        config_.hub.listen_address = host;
        config_.hub.listen_port = static_cast<std::uint16_t>(port);
    }

    // Webhooks carry personal data and what proves their sender: they go over a network in the
    // clear only when that was written.
    void read_tls(const Section& hub) {
        const bool allows_plain = hub.flag("allow_plain").value_or(false);
        if (hub.find("tls") == nullptr) {
            const bool is_local =
                !config_.hub.listen_socket.empty() || is_loopback(config_.hub.listen_address);
            if (allows_plain || is_local) return;
            context_.problems.add(kPlainListener, hub.find("listen")->at,
                                  "`hub.listen` is open to the network without TLS");
            return;
        }
        if (!config_.hub.listen_socket.empty())
            context_.problems.add(kBadAddress, hub.find("listen")->at,
                                  "`hub.listen` is a Unix socket, which does not speak TLS",
                                  "take `hub.tls` out, and let the proxy before the hub have the "
                                  "certificate: on the socket nobody can listen in between");
        const Section section{
            context_, hub.find("tls"), "hub.tls", {{"certificate", "key"}, {"client_ca"}}};
        Tls tls;
        tls.certificate = section.file_path("certificate").value_or("");
        tls.key = section.file_path("key").value_or("");
        if (tls.certificate.empty() || tls.key.empty()) return;
        tls.certificate_at = section.find("certificate")->at;
        tls.key_at = section.find("key")->at;
        tls.client_ca = section.file_path("client_ca").value_or("");
        if (!tls.client_ca.empty()) tls.client_ca_at = section.find("client_ca")->at;
        config_.hub.tls = std::move(tls);
    }

    // Rules that no sender could meet, for want of what the listener does not know of them. Where
    // they are written: what only shares a webhook has no rules yet.
    void check_senders() {
        const Hub& hub = config_.hub;
        const bool has_certificates = hub.tls && !hub.tls->client_ca.empty();
        const bool has_addresses = hub.listen_socket.empty();
        for (const Connection& connection : config_.connections) {
            if (!connection.webhook) continue;
            for (const VerifyRule& rule : connection.webhook->verify) {
                if (rule.scheme == VerifyScheme::kClientCertificate && !has_certificates)
                    context_.problems.add(kClientCaMissing, rule.at,
                                          "clients are not asked for certificates");
                if (rule.scheme == VerifyScheme::kAddress && !has_addresses)
                    context_.problems.add(kValue, rule.at,
                                          "clients of a Unix socket have no address",
                                          "let the proxy before the hub check addresses");
            }
        }
    }

    void read_admin(const Section& admin) {
        const auto text = admin.text("listen");
        if (!text.has_value()) return;
        const Position at = admin.find("listen")->at;
        if (!text->starts_with(kUnix) || text->size() == kUnix.size()) {
            context_.problems.add(kBadAddress, at, "`hub.admin.listen` must be a Unix socket",
                                  "write `unix:PATH`; TCP is not part of this version");
            return;
        }
        config_.hub.admin_socket = socket_path(*text);
        check_socket_path(config_.hub.admin_socket, "hub.admin.listen", at);
    }

    // Of `unix:PATH`.
    std::filesystem::path socket_path(std::string_view address) const {
        return (context_.folder / address.substr(kUnix.size())).lexically_normal();
    }

    void check_socket_path(const std::filesystem::path& path, std::string_view key, Position at) {
        if (path.string().size() < sizeof(sockaddr_un::sun_path)) return;
        context_.problems.add(kBadAddress, at, "the path of the socket is longer than 107 bytes",
                              "write a shorter one: " + in_quotes(key) + " is `unix:PATH`");
    }

    void read_account(const Node& key, const Node& node) {
        const std::string path = "accounts." + key.text;
        check_name(context_, key.text, key.at, path);
        const Section section{
            context_, &node, path, {{"connector"}, {"settings", "auth", "secrets"}}};
        Account account;
        account.name = key.text;
        account.at = key.at;
        account.connector = section.name("connector").value_or("");
        if (const Node* connector = section.find("connector")) account.connector_at = connector->at;
        account.settings_at = key.at;
        if (const Node* settings = map_of(section, "settings")) {
            account.settings_at = settings->at;
            auto read =
                read_settings(context_, *settings, section.path("settings"), SecretUse::kAllowed);
            account.settings = std::move(read.values);
            account.setting_positions = std::move(read.positions);
        }
        if (const Node* auth = section.find("auth"))
            account.auth = read_auth(context_, *auth, section.path("auth"));
        if (const Node* secrets = map_of(section, "secrets"))
            account.secrets = read_given_secrets(context_, *secrets, section.path("secrets"));
        account.is_sealed = context_.variables.take_sealed();
        const Digests& digests = context_.variables.digests();
        account.digest = digests.of(node);
        if (const Node* auth = section.find("auth")) account.auth_digest = digests.of(*auth);
        config_.accounts.emplace(key.text, std::move(account));
    }

    Endpoint read_endpoint(const Section& connection, std::string_view key) {
        const Section section{
            context_, connection.find(key), connection.path(key), {{"account", "stream"}, {}}};
        Endpoint endpoint;
        endpoint.at = section.at();
        endpoint.stream = section.name("stream").value_or("");
        const auto account = section.text("account");
        if (!account.has_value()) return endpoint;
        endpoint.account = *account;
        if (config_.accounts.contains(*account)) return endpoint;
        const Node& node = *section.find("account");
        std::vector<std::string_view> names;
        for (const auto& [name, ignored] : config_.accounts) names.push_back(name);
        const std::string meant = did_you_mean(node.text, names);
        context_.problems.add(kUnknownAccount, node.at,
                              "there is no account " + in_quotes(node.text),
                              meant.empty() ? kUnknownAccount.remedy : meant);
        return endpoint;
    }

    void read_connection(const Node& key, const Node& node) {
        const std::string path = "connections." + key.text;
        check_name(context_, key.text, key.at, path);
        const Section section{context_,
                              &node,
                              path,
                              {{"from", "to"}, {"triggers", "when", "map", "deliver", "tests"}}};
        Connection connection;
        connection.name = key.text;
        connection.at = key.at;
        connection.from = read_endpoint(section, "from");
        connection.to = read_endpoint(section, "to");
        bool is_described = false;
        if (const Node* written_triggers = section.find("triggers")) {
            const Section triggers{
                context_, written_triggers, section.path("triggers"), {{"webhook"}, {}}};
            if (const Node* webhook = triggers.find("webhook")) {
                if (auto written = read_webhook(context_, *webhook, triggers.path("webhook"))) {
                    connection.webhook = std::move(written->webhook);
                    is_described = written->is_description;
                }
            }
            connection.has_triggers = true;
        }
        if (const Node* when = section.find("when"))
            connection.when = read_expression(context_, *when, section.path("when"));
        if (const Node* map = section.find("map"))
            connection.map = read_mappings(context_, *map, section.path("map"));
        read_deliver(section, connection.deliver);
        if (const Node* tests = section.find("tests"))
            connection.tests = read_mapping_tests(context_, *tests, section.path("tests"));
        connection.digest = context_.variables.digests().of(node, {"triggers", "tests"});
        config_.connections.push_back(std::move(connection));
        described_.push_back(is_described);
    }

    void read_deliver(const Section& connection, Deliver& deliver) {
        const Section section{context_,
                              connection.find("deliver"),
                              connection.path("deliver"),
                              {{},
                               {"batch_records", "batch_bytes", "batch_wait_ms", "concurrency",
                                "attempts_max", "retry_base_ms", "retry_max_ms", "timeout_ms"}}};
        constexpr std::int64_t kHourMs = 3'600'000;
        section.read("batch_records", deliver.batch_records, 1, 100'000);
        section.read("batch_bytes", deliver.batch_bytes, 1, 64 * kMebibyte);
        section.read("batch_wait_ms", deliver.batch_wait, 0, kHourMs);
        section.read("concurrency", deliver.concurrency, 1, 1'000);
        section.read("attempts_max", deliver.attempts_max, 1, 1'000'000);
        section.read("retry_base_ms", deliver.retry_base, 1, 24 * kHourMs);
        section.read("retry_max_ms", deliver.retry_max, 1, 24 * kHourMs);
        section.read("timeout_ms", deliver.timeout, 1, kHourMs);
        if (deliver.retry_max >= deliver.retry_base) return;
        const Node* wrong = section.find("retry_max_ms");
        if (wrong == nullptr) wrong = section.find("retry_base_ms");
        context_.problems.add(
            kValue, wrong->at,
            in_quotes(section.path("retry_max_ms")) + " is less than `retry_base_ms`");
    }

    Context& context_;
    Config config_;
    std::vector<bool> described_;  // by connection
};

}  // namespace

Loaded load(const std::filesystem::path& file, const SecretSource& secrets) {
    Problems problems{file};
    Loaded loaded;
    const auto text = read_file(file);
    if (text.has_error()) {
        problems.add(text.error(), Position{});
        loaded.problems = problems.take();
        return loaded;
    }
    const Document document = Document::parse(*text, problems);
    const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
    Variables variables{secrets, folder, problems};
    Context context{problems, variables, folder};
    // After a syntax error nothing else can be said about the file.
    std::optional<Config> config;
    if (document.root() != nullptr) config = Loader{context, file}.read(*document.root());
    if (config) config->watches = variables.take_watches();
    loaded.problems = problems.take();
    (loaded.problems.empty() ? loaded.config : loaded.draft) = std::move(config);
    return loaded;
}

}  // namespace syncline::config
