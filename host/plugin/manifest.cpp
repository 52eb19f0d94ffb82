#include "plugin/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "plugin/data_contract.hpp"
#include "plugin/errc.hpp"
#include "plugin/presentation.hpp"
#include "plugin/settings_schema.hpp"
#include "record/json.hpp"
#include "syncline/version.h"

namespace syncline::plugin {
namespace {

namespace json = boost::json;

constexpr std::size_t kIdBytesMax = 64;
constexpr std::size_t kTextBytesMax = 1024;
constexpr std::size_t kListMax = 256;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_stream_name(std::string_view text) {
    if (text.empty() || text.size() > kIdBytesMax || !is_lower(text[0])) return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_'; });
}

// ---- Semantic versions

std::string_view take_until(std::string_view& rest, char separator) {
    const std::size_t at = rest.find(separator);
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
    return part;
}

bool is_numeric(std::string_view part) {
    return !part.empty() && part.size() <= 9 && std::all_of(part.begin(), part.end(), is_digit);
}

bool are_identifiers(std::string_view text) {
    while (true) {
        const bool is_last = text.find('.') == std::string_view::npos;
        const std::string_view part = take_until(text, '.');
        const bool is_fine = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
            return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z') || c == '-';
        });
        if (!is_fine || is_last) return is_fine;
    }
}

struct Version {
    std::string_view core, prerelease;
};

Version split_version(std::string_view text) {
    text = text.substr(0, text.find('+'));
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return {text, {}};
    return {text.substr(0, dash), text.substr(dash + 1)};
}

bool is_semantic_version(std::string_view text) {
    if (text.size() > kIdBytesMax) return false;
    const std::size_t plus = text.find('+');
    if (plus != std::string_view::npos && !are_identifiers(text.substr(plus + 1))) return false;
    const std::string_view bare = text.substr(0, plus);
    const std::size_t dash = bare.find('-');
    if (dash != std::string_view::npos && !are_identifiers(bare.substr(dash + 1))) return false;
    std::string_view core = bare.substr(0, dash);
    if (std::count(core.begin(), core.end(), '.') != 2) return false;
    for (int i = 0; i < 3; ++i) {
        const std::string_view part = take_until(core, '.');
        if (!is_numeric(part) || (part.size() > 1 && part[0] == '0')) return false;
    }
    return true;
}

std::strong_ordering compare_parts(std::string_view a, std::string_view b) {
    const bool a_is_number = is_numeric(a);
    const bool b_is_number = is_numeric(b);
    if (a_is_number != b_is_number) return b_is_number <=> a_is_number;  // numbers come first
    if (a_is_number && a.size() != b.size()) return a.size() <=> b.size();
    return a.compare(b) <=> 0;
}

std::strong_ordering compare_dotted(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        const auto order = compare_parts(take_until(a, '.'), take_until(b, '.'));
        if (order != 0) return order;
    }
    return a.size() <=> b.size();
}

// ---- Fields

class Reader {
  public:
    std::vector<std::string> problems;

    void problem(std::string_view field, std::string_view sentence) {
        problems.push_back("`" + std::string{field} + "` " + std::string{sentence});
    }

    std::string text(const json::object& object, std::string_view field, bool is_required) {
        const json::value* value = object.if_contains(field);
        if (value == nullptr) {
            if (is_required) problem(field, "is missing");
            return {};
        }
        const json::string* found = value->if_string();
        if (found == nullptr || found->size() > kTextBytesMax || (is_required && found->empty())) {
            problem(field, "must be a text of at most 1024 bytes");
            return {};
        }
        return std::string{*found};
    }

    bool flag(const json::object& object, std::string_view field) {
        const json::value* value = object.if_contains(field);
        if (value == nullptr) return false;
        if (!value->is_bool()) problem(field, "must be true or false");
        return value->is_bool() && value->get_bool();
    }

    std::uint32_t number(const json::object& object, std::string_view field, std::int64_t min,
                         std::int64_t max, std::uint32_t fallback) {
        const json::value* value = object.if_contains(field);
        if (value == nullptr) return fallback;
        const std::int64_t* found = value->if_int64();
        if (found == nullptr || *found < min || *found > max) {
            problem(field, "must be an integer from " + std::to_string(min) + " to " +
                               std::to_string(max));
            return fallback;
        }
        return static_cast<std::uint32_t>(*found);
    }

    // The members of a list; none, with a problem, when it isn't one.
    const json::array& list(const json::object& object, std::string_view field) {
        static const json::array kNone;
        const json::value* value = object.if_contains(field);
        if (value == nullptr) return kNone;
        const json::array* found = value->if_array();
        if (found == nullptr || found->size() > kListMax) {
            problem(field, "must be a list of at most 256 members");
            return kNone;
        }
        return *found;
    }

    std::vector<std::string> texts(const json::object& object, std::string_view field) {
        std::vector<std::string> result;
        for (const json::value& value : list(object, field)) {
            const json::string* found = value.if_string();
            if (found == nullptr || found->empty() || found->size() > kTextBytesMax) {
                problem(field, "must hold texts alone");
                return {};
            }
            result.emplace_back(*found);
        }
        return result;
    }
};

void read_capabilities(Reader& reader, const json::object& root, Manifest& manifest) {
    static const std::string kKnown =
        R"("webhook", "write", "fetch", "read", "check", "discover", "migrate", "state" and )"
        R"("periodic")";
    for (const std::string& capability : reader.texts(root, "capabilities")) {
        if (capability == "webhook") {
            manifest.can_webhook = true;
        } else if (capability == "write") {
            manifest.can_write = true;
        } else if (capability == "fetch") {
            manifest.can_fetch = true;
        } else if (capability == "read") {
            manifest.can_read = true;
        } else if (capability == "check") {
            manifest.can_check = true;
        } else if (capability == "discover") {
            manifest.can_discover = true;
        } else if (capability == "periodic") {
            manifest.can_work = true;
        } else if (capability == "migrate") {
            manifest.can_migrate = true;
        } else if (capability == "state") {
            manifest.can_keep_state = true;
        } else {
            reader.problem("capabilities", "names \"" + capability + "\"; known are " + kKnown);
        }
    }
    if (reader.problems.empty() && !manifest.can_webhook && !manifest.can_write &&
        !manifest.can_fetch && !manifest.can_read) {
        reader.problem("capabilities",
                       R"(must name one of "webhook", "write", "fetch" and "read")");
    }
}

// How a stream is read page by page.
void read_paging(Reader& reader, const json::object& object, const Manifest& manifest,
                 StreamSpec& stream) {
    for (const std::string& how : reader.texts(object, "read")) {
        if (how != "full" && how != "incremental")
            reader.problem("read", "must hold \"full\", \"incremental\" or both");
        (how == "full" ? stream.reads_full : stream.reads_incremental) = true;
    }
    stream.read_records_max = reader.number(object, "read_records_max", 1, 100'000, 1'000);
    if (!stream.reads_full && !stream.reads_incremental) return;
    if (!manifest.can_read)
        reader.problem("streams", "has `read`, which `capabilities` does not name");
    if (!stream.is_source) reader.problem("streams", "has `read` for a stream that is no source");
}

void read_streams(Reader& reader, const json::object& root, Manifest& manifest) {
    for (const json::value& value : reader.list(root, "streams")) {
        const json::object* object = value.if_object();
        if (object == nullptr) {
            reader.problem("streams", "must hold objects alone");
            return;
        }
        StreamSpec stream;
        stream.name = reader.text(*object, "name", true);
        stream.is_source = reader.flag(*object, "source");
        stream.is_destination = reader.flag(*object, "destination");
        stream.batch_records_max = reader.number(*object, "batch_records_max", 1, 100'000, 0);
        stream.batch_bytes_max =
            reader.number(*object, "batch_bytes_max", 1'024, 64 * 1'024 * 1'024, 0);
        stream.model = reader.text(*object, "model", false);
        if (!stream.model.empty()) {
            if (auto problem = model_problem(stream.model); !problem.empty())
                reader.problem("streams", problem);
        }
        stream.is_mergeable = reader.flag(*object, "merge");
        stream.takes_partial_updates = reader.flag(*object, "partial_updates");
        stream.takes_ordered_batches = reader.flag(*object, "ordered_batches");
        stream.can_fetch = reader.flag(*object, "fetch");
        stream.fetch_records_max = reader.number(*object, "fetch_records_max", 1, 1'000, 1);
        read_paging(reader, *object, manifest, stream);
        if (stream.can_fetch && !manifest.can_fetch)
            reader.problem("streams", "has `fetch`, which `capabilities` does not name");
        if (!stream.name.empty() && !is_stream_name(stream.name)) {
            reader.problem("streams", "names \"" + stream.name +
                                          "\"; a name has lower-case letters, digits, '_' and '-'");
        }
        const auto is_same = [&](const StreamSpec& other) { return other.name == stream.name; };
        if (std::any_of(manifest.streams.begin(), manifest.streams.end(), is_same)) {
            reader.problem("streams", "names \"" + stream.name + "\" twice");
        }
        if (!stream.is_source && !stream.is_destination) {
            reader.problem("streams", "has \"" + stream.name +
                                          "\", which is neither a source nor a destination");
        }
        manifest.streams.push_back(std::move(stream));
    }
}

std::vector<RequestPattern> read_patterns(Reader& reader, const json::object& owner,
                                          std::string_view field) {
    std::vector<RequestPattern> patterns;
    for (const json::value& value : reader.list(owner, field)) {
        const json::object* object = value.if_object();
        if (object == nullptr) {
            reader.problem(field, "must hold objects alone");
            return patterns;
        }
        RequestPattern pattern;
        pattern.methods = reader.texts(*object, "methods");
        if (const json::value* query = object->if_contains("query")) {
            const json::object* pairs = query->if_object();
            if (pairs == nullptr || pairs->size() > kListMax) {
                reader.problem(field, "has a `query` that is not an object");
                return patterns;
            }
            for (const auto& [name, wanted] : *pairs) {
                if (!wanted.is_string()) {
                    reader.problem(field, "has a `query` with a value that is not a text");
                    return patterns;
                }
                pattern.query.emplace_back(name, std::string{wanted.get_string()});
            }
        }
        if (pattern.methods.empty() && pattern.query.empty())
            reader.problem(field, "has a pattern without conditions, which is every request");
        patterns.push_back(std::move(pattern));
    }
    return patterns;
}

// "api.example.com", "*.example.com": no scheme, port or path, and no star but a leading label.
bool is_host_pattern(std::string_view host) {
    if (host.starts_with("*.")) {
        host.remove_prefix(2);
        if (host.find('.') == std::string_view::npos) return false;
    }
    if (host.empty() || host.size() > 253) return false;
    return std::all_of(host.begin(), host.end(), [](char c) {
        return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '.' ||
               c == '_';
    });
}

// The member `from_setting` of a grant: a setting that the schema has.
std::string read_setting_name(Reader& reader, const json::object& grant, std::string_view field,
                              const Manifest& manifest) {
    std::string name = reader.text(grant, "from_setting", true);
    const json::value* properties = manifest.settings_schema.if_contains("properties");
    const json::object* known = properties ? properties->if_object() : nullptr;
    if (!name.empty() && (!known || !known->contains(name))) {
        reader.problem(field, "refers to the setting \"" + name +
                                  "\", which the settings schema does not have");
    }
    return name;
}

void read_files(Reader& reader, const json::object& root, Manifest& manifest) {
    for (const json::value& value : reader.list(root, "allowed_files")) {
        const json::object* grant = value.if_object();
        if (grant == nullptr) {
            reader.problem("allowed_files", "must hold {\"from_setting\": name}");
            return;
        }
        manifest.allowed_files.push_back(
            read_setting_name(reader, *grant, "allowed_files", manifest));
    }
}

void read_secrets(Reader& reader, const json::object& root, Manifest& manifest) {
    for (const json::value& value : reader.list(root, "secrets")) {
        const json::object* object = value.if_object();
        if (object == nullptr) {
            reader.problem("secrets", "must hold {\"name\": name, \"reason\": sentence}");
            return;
        }
        SecretNeed need{reader.text(*object, "name", true), reader.text(*object, "reason", true)};
        if (!need.name.empty() && !is_stream_name(need.name)) {
            reader.problem("secrets", "names \"" + need.name +
                                          "\"; a name has lower-case letters, digits, '_' and '-'");
        }
        const auto is_same = [&](const SecretNeed& other) { return other.name == need.name; };
        if (std::any_of(manifest.secrets.begin(), manifest.secrets.end(), is_same))
            reader.problem("secrets", "names \"" + need.name + "\" twice");
        manifest.secrets.push_back(std::move(need));
    }
}

void read_hosts(Reader& reader, const json::object& root, Manifest& manifest) {
    for (const json::value& value : reader.list(root, "allowed_hosts")) {
        HostGrant grant;
        if (const json::string* host = value.if_string()) {
            grant.host = std::string{*host};
            if (!is_host_pattern(grant.host)) {
                reader.problem("allowed_hosts", "has \"" + grant.host.substr(0, kIdBytesMax) +
                                                    "\", which is no host name and no \"*.name\"");
            }
        } else if (const json::object* object = value.if_object()) {
            grant.from_setting = read_setting_name(reader, *object, "allowed_hosts", manifest);
        } else {
            reader.problem("allowed_hosts", "must hold host names or {\"from_setting\": name}");
        }
        manifest.allowed_hosts.push_back(std::move(grant));
    }
}

void read_settings(Reader& reader, const json::object& root, Manifest& manifest) {
    const json::value* schema = root.if_contains("settings");
    if (schema == nullptr) {
        manifest.settings_schema = {{"type", "object"}, {"additionalProperties", false}};
    } else if (const json::object* object = schema->if_object()) {
        manifest.settings_schema = *object;
        check_schema(manifest.settings_schema, reader.problems);
    } else {
        reader.problem("settings", "must be a JSON Schema, an object");
    }
}

void read_behaviour(Reader& reader, const json::object& root, Manifest& manifest) {
    const std::string style = reader.text(root, "style", false);
    if (!style.empty() && style != "async" && style != "blocking")
        reader.problem("style", "must be \"async\" or \"blocking\"");
    manifest.is_blocking = style == "blocking";
    const std::string unload = reader.text(root, "unload", false);
    if (!unload.empty() && unload != "supported" && unload != "never") {
        reader.problem("unload", "must be \"supported\" or \"never\"");
    }
    manifest.can_unload = unload != "never";
    for (const std::string& way : reader.texts(root, "auth")) {
        if (way != "custom") reader.problem("auth", "must hold \"custom\" alone");
        manifest.signs_requests = true;
    }
    if (const json::value* webhook = root.if_contains("webhook")) {
        const json::object* object = webhook->if_object();
        if (object == nullptr) {
            reader.problem("webhook", "must be an object");
        } else {
            manifest.webhook_success_status =
                static_cast<int>(reader.number(*object, "success_status", 200, 299, 202));
            manifest.answered = read_patterns(reader, *object, "answered");
            manifest.verifies_webhooks = reader.flag(*object, "verifies");
            manifest.proof_headers = reader.texts(*object, "proof_headers");
            manifest.proof_parameters = reader.texts(*object, "proof_parameters");
            const bool has_proof =
                !manifest.proof_headers.empty() || !manifest.proof_parameters.empty();
            if (has_proof && !manifest.verifies_webhooks)
                reader.problem("webhook", "names a proof, which needs `verifies`");
        }
    }
}

// Comes first: what the other fields mean depends on it.
Result<void> read_abi(const json::object& root, Manifest& manifest) {
    const json::value* value = root.if_contains("abi");
    const json::object* abi = value == nullptr ? nullptr : value->if_object();
    if (abi == nullptr || !abi->contains("major") || !abi->contains("draft")) {
        return Error{kManifestInvalid, "`abi` must be {\"major\": …, \"draft\": …}"};
    }
    Reader reader;
    constexpr std::int64_t kMax = 1'000'000;
    manifest.abi_major = reader.number(*abi, "major", 0, kMax, 0);
    manifest.abi_draft = reader.number(*abi, "draft", 0, kMax, 0);
    manifest.min_host_minor = reader.number(*abi, "min_host_minor", 0, kMax, 0);
    if (!reader.problems.empty()) return Error{kManifestInvalid, "`abi`: " + reader.problems[0]};
    if (manifest.abi_major != SYNCLINE_ABI_MAJOR || manifest.abi_draft != SYNCLINE_ABI_DRAFT) {
        const auto version = [](std::uint32_t major, std::uint32_t draft) {
            return std::to_string(major) + " draft " + std::to_string(draft);
        };
        return Error{kAbiMismatch, "it was built for ABI " +
                                       version(manifest.abi_major, manifest.abi_draft) +
                                       ", this syncline has ABI " +
                                       version(SYNCLINE_ABI_MAJOR, SYNCLINE_ABI_DRAFT)};
    }
    constexpr std::uint32_t kHostMinor = SYNCLINE_ABI_MINOR;
    if (manifest.min_host_minor > kHostMinor) {
        const std::string major = std::to_string(SYNCLINE_ABI_MAJOR) + '.';
        return Error{kHostTooOld,
                     "it needs ABI " + major + std::to_string(manifest.min_host_minor) +
                         " or newer, this syncline has ABI " + major + std::to_string(kHostMinor)};
    }
    return {};
}

}  // namespace

bool is_connector_id(std::string_view text) {
    if (text.empty() || text.size() > kIdBytesMax || !is_lower(text[0])) return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

Result<Manifest> parse_manifest(std::string_view text) {
    if (text.size() > kManifestBytesMax) {
        return Error{kManifestInvalid, "the manifest has " + std::to_string(text.size()) +
                                           " bytes, at most " + std::to_string(kManifestBytesMax) +
                                           " are allowed"};
    }
    auto parsed = record::parse_json(text);
    if (!parsed)
        return Error{kManifestInvalid, "the manifest is not JSON: " + parsed.error().what()};
    const json::object* root = parsed->if_object();
    if (root == nullptr) return Error{kManifestInvalid, "the manifest is not a JSON object"};

    Manifest manifest;
    SYNCLINE_CHECK(read_abi(*root, manifest));
    Reader reader;
    manifest.id = reader.text(*root, "id", true);
    manifest.version = reader.text(*root, "version", true);
    manifest.name = reader.text(*root, "name", true);
    manifest.summary = reader.text(*root, "summary", false);
    if (!manifest.id.empty() && !is_connector_id(manifest.id)) {
        reader.problem("id",
                       "must have lower-case letters, digits and '-', begin with a letter, and "
                       "have at most 64 characters");
    }
    if (!manifest.version.empty() && !is_semantic_version(manifest.version)) {
        reader.problem("version", "must be a semantic version such as 1.2.0");
    }
    read_capabilities(reader, *root, manifest);
    read_streams(reader, *root, manifest);
    manifest.handshakes = read_patterns(reader, *root, "handshakes");
    read_settings(reader, *root, manifest);
    read_hosts(reader, *root, manifest);
    read_files(reader, *root, manifest);
    read_secrets(reader, *root, manifest);
    read_behaviour(reader, *root, manifest);
    manifest.data = read_data_contract(*root, reader.problems);
    const auto has_model = [](const StreamSpec& stream) { return !stream.model.empty(); };
    if (!manifest.data.identities.empty() &&
        std::none_of(manifest.streams.begin(), manifest.streams.end(), has_model))
        reader.problem("identities", "is of no use: no stream has a `model`");
    for (std::string& problem : presentation_problems(*root))
        reader.problems.push_back(std::move(problem));
    if (!reader.problems.empty()) {
        std::string sentences;
        for (const std::string& problem : reader.problems) {
            if (!sentences.empty()) sentences += "; ";
            sentences += problem;
        }
        return Error{kManifestInvalid, std::move(sentences)};
    }
    manifest.json = *root;
    return manifest;
}

std::strong_ordering compare_versions(std::string_view a, std::string_view b) {
    const Version left = split_version(a);
    const Version right = split_version(b);
    const auto order = compare_dotted(left.core, right.core);
    if (order != 0) return order;
    // 1.0.0-rc.1 comes before 1.0.0.
    if (left.prerelease.empty() || right.prerelease.empty()) {
        return left.prerelease.empty() <=> right.prerelease.empty();
    }
    return compare_dotted(left.prerelease, right.prerelease);
}

}  // namespace syncline::plugin
