#include "secret/vault_file.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <limits>

#include "core/hash.hpp"
#include "record/json.hpp"

namespace syncline::secret {
namespace {

namespace json = boost::json;

constexpr std::size_t kDigestBytes = 16;

// Reads members of one object; whatever is not as it was written makes the whole unreadable.
class Members {
  public:
    explicit Members(const json::value* value)
        : object_(value != nullptr ? value->if_object() : nullptr), is_good_(object_ != nullptr) {}

    std::string text(std::string_view name) {
        const json::value* value = find(name);
        if (value != nullptr && value->is_string()) return std::string{value->get_string()};
        is_good_ = false;
        return {};
    }
    template <class Integer>
    Integer integer(std::string_view name) {
        const json::value* value = find(name);
        if (value != nullptr && value->is_int64() && value->get_int64() >= 0 &&
            static_cast<std::uint64_t>(value->get_int64()) <= std::numeric_limits<Integer>::max())
            return static_cast<Integer>(value->get_int64());
        is_good_ = false;
        return 0;
    }
    std::string bytes(std::string_view name) {
        const std::string hex = text(name);
        std::string bytes;
        for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
            const int high = digit(hex[at]);
            const int low = digit(hex[at + 1]);
            if (high < 0 || low < 0) is_good_ = false;
            bytes += static_cast<char>(high * 16 + low);
        }
        if (hex.size() % 2 != 0) is_good_ = false;
        return bytes;
    }
    const json::value* find(std::string_view name) {
        ++taken_;
        return object_ != nullptr ? object_->if_contains(name) : nullptr;
    }
    // Everything was there, and nothing else.
    bool is_good() const { return is_good_ && object_->size() == taken_; }

  private:
    static int digit(char c) {
        if (c >= '0' && c <= '9') return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    }

    const json::object* object_;
    bool is_good_;
    std::size_t taken_ = 0;
};

json::object to_json(const VaultHead& head) {
    json::object object{{"format", 1},
                        {"id", core::to_hex(head.id)},
                        {"generation", head.generation},
                        {"master", head.kind == MasterKind::kKey ? "key" : "passphrase"}};
    if (head.kind == MasterKind::kPassphrase) {
        object["salt"] = core::to_hex(head.salt);
        object["log2_n"] = head.cost.log2_n;
        object["r"] = head.cost.r;
        object["p"] = head.cost.p;
    }
    object["check"] = core::to_hex(head.check);
    json::array keys;
    for (const VaultHead::WrappedKey& key : head.keys)
        keys.push_back(json::object{{"epoch", key.epoch},
                                    {"created", key.created},
                                    {"wrapped", core::to_hex(key.wrapped)}});
    object["keys"] = std::move(keys);
    return object;
}

bool read(const json::value* value, VaultHead& head) {
    Members members{value};
    const auto format = members.integer<std::uint32_t>("format");
    head.id = members.bytes("id");
    head.generation = members.integer<std::uint64_t>("generation");
    const std::string master = members.text("master");
    head.kind = master == "key" ? MasterKind::kKey : MasterKind::kPassphrase;
    if (head.kind == MasterKind::kPassphrase) {
        head.salt = members.bytes("salt");
        head.cost.log2_n = members.integer<std::uint32_t>("log2_n");
        head.cost.r = members.integer<std::uint32_t>("r");
        head.cost.p = members.integer<std::uint32_t>("p");
        if (master != "passphrase" || !head.cost.is_acceptable()) return false;
    }
    head.check = members.bytes("check");
    const json::value* keys = members.find("keys");
    if (!members.is_good() || format != 1 || keys == nullptr || !keys->is_array()) return false;
    for (const json::value& item : keys->get_array()) {
        Members fields{&item};
        VaultHead::WrappedKey key;
        key.epoch = fields.integer<std::uint32_t>("epoch");
        key.created = fields.text("created");
        key.wrapped = fields.bytes("wrapped");
        if (!fields.is_good()) return false;
        head.keys.push_back(std::move(key));
    }
    return true;
}

bool read(const json::value* value, SealedSecret& secret) {
    Members members{value};
    secret.name = members.text("name");
    secret.version = members.integer<std::uint64_t>("version");
    secret.epoch = members.integer<std::uint32_t>("epoch");
    secret.changed = members.text("changed");
    secret.salt = members.bytes("salt");
    secret.sealed = members.bytes("sealed");
    return members.is_good();
}

bool read(const json::value* value, Manifest& manifest) {
    Members members{value};
    manifest.generation = members.integer<std::uint64_t>("generation");
    const json::value* entries = members.find("secrets");
    if (!members.is_good() || entries == nullptr || !entries->is_array()) return false;
    for (const json::value& item : entries->get_array()) {
        Members fields{&item};
        Manifest::Entry entry;
        entry.name = fields.text("name");
        entry.version = fields.integer<std::uint64_t>("version");
        entry.digest = fields.bytes("digest");
        if (!fields.is_good()) return false;
        manifest.entries.push_back(std::move(entry));
    }
    return true;
}

template <class T>
std::optional<Authenticated<T>> read_authenticated(const json::value& line, std::string_view name) {
    Members members{&line};
    Authenticated<T> read_value;
    const bool is_read = read(members.find(name), read_value.value);
    read_value.mac = members.bytes("mac");
    if (!is_read || !members.is_good()) return std::nullopt;
    return read_value;
}

std::string authenticated_line(std::string_view name, std::string_view text, std::string_view mac) {
    return "{\"" + std::string{name} + "\":" + std::string{text} + ",\"mac\":\"" +
           core::to_hex(mac) + "\"}";
}

bool read_line(std::string_view line, VaultFile& file) {
    Result<json::value> parsed = record::parse_json(line);
    const json::object* object = parsed.has_value() ? parsed->if_object() : nullptr;
    if (object == nullptr) return false;
    if (object->contains("vault")) {
        auto head = read_authenticated<VaultHead>(*parsed, "vault");
        if (!head) return false;
        file.heads.push_back(std::move(*head));
        return true;
    }
    if (object->contains("manifest")) {
        auto manifest = read_authenticated<Manifest>(*parsed, "manifest");
        if (!manifest || file.manifest) return false;
        file.manifest = std::move(manifest);
        return true;
    }
    Members members{&*parsed};
    SealedSecret secret;
    if (!read(members.find("secret"), secret) || !members.is_good()) return false;
    file.secrets.push_back(std::move(secret));
    return true;
}

}  // namespace

std::string VaultHead::text() const {
    return record::write_json(to_json(*this));
}

std::string SealedSecret::line() const {
    return record::write_json(
        json::object{{"secret", json::object{{"name", name},
                                             {"version", version},
                                             {"epoch", epoch},
                                             {"changed", changed},
                                             {"salt", core::to_hex(salt)},
                                             {"sealed", core::to_hex(sealed)}}}});
}

std::string SealedSecret::associated(std::string_view vault_id) const {
    return record::write_json(
        json::array{core::to_hex(vault_id), name, version, epoch, changed, core::to_hex(salt)});
}

std::string Manifest::text() const {
    json::array list;
    for (const Entry& entry : entries)
        list.push_back(json::object{{"name", entry.name},
                                    {"version", entry.version},
                                    {"digest", core::to_hex(entry.digest)}});
    return record::write_json(
        json::object{{"generation", generation}, {"secrets", std::move(list)}});
}

const Manifest::Entry* Manifest::find(std::string_view name) const {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Entry& entry) { return entry.name == name; });
    return found == entries.end() ? nullptr : &*found;
}

std::string digest_of(std::string_view line) {
    return core::sha256(line).substr(0, kDigestBytes);
}

VaultFile VaultFile::parse(std::string_view text) {
    VaultFile file;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && !read_line(line, file)) file.unreadable.emplace_back(line);
    }
    return file;
}

std::string VaultFile::text() const {
    std::vector<std::string> lines;
    for (const auto& head : heads)
        lines.push_back(authenticated_line("vault", head.value.text(), head.mac));
    const auto last_head = static_cast<std::ptrdiff_t>(lines.size()) - 1;
    auto before_last = lines.begin() + std::max<std::ptrdiff_t>(last_head, 0);
    std::vector<std::string> middle;
    for (const SealedSecret& secret : secrets) middle.push_back(secret.line());
    middle.insert(middle.end(), unreadable.begin(), unreadable.end());
    if (manifest)
        middle.push_back(authenticated_line("manifest", manifest->value.text(), manifest->mac));
    lines.insert(before_last, middle.begin(), middle.end());
    std::string text;
    for (const std::string& line : lines) text += line + "\n\n";
    return text;
}

}  // namespace syncline::secret
