#include "secret/vault.hpp"

#include <algorithm>
#include <charconv>

#include "core/assert.hpp"
#include "core/hash.hpp"
#include "secret/errc.hpp"

namespace syncline::secret {
namespace {

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kCheckBytes = 8;
constexpr std::size_t kNameBytesMax = 80;

bool is_name(std::string_view name) {
    auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    auto is_allowed = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    };
    return !name.empty() && name.size() <= kNameBytesMax && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(), is_allowed);
}

std::string time_of(core::WallTime now) {
    return core::format_iso8601(now).text;
}

std::string check_of(const core::Secret& wrapping_key) {
    return core::hmac(core::HmacDigest::kSha256, wrapping_key.reveal(), "syncline vault check")
        .substr(0, kCheckBytes);
}

std::string associated(std::string_view id, const VaultHead::WrappedKey& key) {
    return "syncline vault key " + core::to_hex(id) + " " + std::to_string(key.epoch) + " " +
           key.created;
}

Error damaged(const std::string& name, const std::string& what) {
    return Error{kSecretDamaged, "the secret `" + name + "` " + what};
}

}  // namespace

std::filesystem::path Vault::folder_of(const std::filesystem::path& data_dir) {
    return data_dir / "vault";
}

bool Vault::exists(const std::filesystem::path& folder) {
    return VaultFolder{folder}.has_vault();
}

Result<void> Vault::create(const std::filesystem::path& folder, const core::Secret& master,
                           MasterKind kind, core::WallTime now, const ScryptCost& cost) {
    Vault vault{VaultFolder{folder}};
    SYNCLINE_CHECK(vault.folder_.make());
    SYNCLINE_CHECK(vault.folder_.lock());
    if (vault.folder_.has_vault())
        return Error{kVaultExists, "there is a vault in " + folder.string() + " already"};
    std::string salt = kind == MasterKind::kPassphrase ? random_bytes(kSaltBytes) : "";
    SYNCLINE_TRY(core::Secret key, wrapping_key(master, kind, salt, cost));
    vault.head_.id = random_bytes(kIdBytes);
    vault.set_wrapping_key(std::move(key), kind, std::move(salt), cost);
    vault.add_key(1, now);
    return vault.write();
}

Result<Vault> Vault::open(const std::filesystem::path& folder, const core::Secret& master,
                          Access access) {
    Vault vault{VaultFolder{folder}};
    if (!vault.folder_.has_vault())
        return Error{kVaultMissing, "there is no vault in " + folder.string()};
    if (access == Access::kChange) SYNCLINE_CHECK(vault.folder_.lock());
    SYNCLINE_TRY(const std::string text, vault.folder_.read());
    const VaultFile file = VaultFile::parse(text);
    SYNCLINE_CHECK(vault.choose_head(file.heads, master));
    SYNCLINE_CHECK(vault.unwrap_keys());
    vault.check_generation();
    vault.check_secrets(file);
    return vault;
}

Result<void> Vault::choose_head(const std::vector<Authenticated<VaultHead>>& heads,
                                const core::Secret& master) {
    const std::string where = " in " + folder_.path().string();
    bool is_key_right = false;
    std::size_t whole = 0;
    for (const auto& [head, mac] : heads) {
        SYNCLINE_TRY(core::Secret key, wrapping_key(master, head.kind, head.salt, head.cost));
        if (!core::equal_constant_time(check_of(key), head.check)) continue;
        is_key_right = true;
        Vault probe{VaultFolder{folder_.path()}};
        probe.set_wrapping_key(std::move(key), head.kind, head.salt, head.cost);
        if (!core::equal_constant_time(probe.mac_of(head.text()), mac)) continue;
        ++whole;
        if (whole > 1) continue;
        head_ = head;
        wrapping_key_ = std::move(probe.wrapping_key_);
        mac_key_ = std::move(probe.mac_key_);
    }
    if (whole == 0 && !heads.empty() && !is_key_right)
        return Error{kMasterKeyWrong, "the master key does not open the vault" + where};
    if (whole == 0)
        return Error{kVaultDamaged, "neither head of the vault" + where + " can be read"};
    if (whole == 1)
        problems_.push_back(Error{kVaultDamaged, "one of the two heads of the vault" + where +
                                                     " is damaged; the other one was used"});
    return {};
}

Result<void> Vault::unwrap_keys() {
    for (const VaultHead::WrappedKey& wrapped : head_.keys) {
        auto key = unseal(wrapping_key_, associated(head_.id, wrapped), wrapped.wrapped);
        if (!key || key->reveal().size() != kKeyBytes)
            return Error{kVaultDamaged, "a key of the vault does not open"};
        keys_.insert_or_assign(wrapped.epoch, std::move(*key));
    }
    if (keys_.empty()) return Error{kVaultDamaged, "the vault has no key"};
    return {};
}

// The stamp beside the file says how new it has been: `17 <code of authenticity>`.
void Vault::check_generation() {
    newest_ = head_.generation;
    const std::string stamp = folder_.read_generation();
    const std::size_t blank = std::min(stamp.find(' '), stamp.size());
    std::uint64_t known = 0;
    std::from_chars(stamp.data(), stamp.data() + blank, known);
    const std::string expected =
        std::to_string(known) + " " + core::to_hex(mac_of("generation " + std::to_string(known)));
    if (!core::equal_constant_time(stamp, expected) || known <= head_.generation) return;
    newest_ = known;
    problems_.push_back(
        Error{kVaultRolledBack, "the vault in " + folder_.path().string() + " is of generation " +
                                    std::to_string(head_.generation) + ", and generation " +
                                    std::to_string(known) + " has been there"});
}

void Vault::check_secrets(const VaultFile& file) {
    const Manifest* manifest = nullptr;
    if (file.manifest &&
        core::equal_constant_time(mac_of(file.manifest->value.text()), file.manifest->mac) &&
        file.manifest->value.generation == head_.generation)
        manifest = &file.manifest->value;
    else
        problems_.push_back(Error{kVaultDamaged,
                                  "the list of the vault's secrets is damaged or missing: whether "
                                  "one was taken away can't be told"});
    for (const SealedSecret& secret : file.secrets) check_secret(secret, manifest);
    for (const std::string& line : file.unreadable) kept_.emplace_back("", line);
    if (manifest != nullptr) {
        for (const Manifest::Entry& entry : manifest->entries) {
            if (secrets_.contains(entry.name) || damaged_.contains(entry.name)) continue;
            problems_.push_back(damaged(entry.name, "is damaged or missing"));
            damaged_.emplace(entry.name, entry);
        }
    }
    std::erase_if(damaged_, [&](const auto& lost) { return secrets_.contains(lost.first); });
}

void Vault::check_secret(const SealedSecret& secret, const Manifest* manifest) {
    const Manifest::Entry* entry = manifest != nullptr ? manifest->find(secret.name) : nullptr;
    const bool is_listed = entry != nullptr &&
                           core::equal_constant_time(entry->digest, digest_of(secret.line()));
    const bool is_open = opened(secret).has_value();
    if (is_open && (is_listed || manifest == nullptr) && !secrets_.contains(secret.name)) {
        secrets_.emplace(secret.name, secret);
        return;
    }
    kept_.emplace_back(secret.name, secret.line());
    if (is_open && entry == nullptr && manifest != nullptr) {
        problems_.push_back(damaged(secret.name, "had been removed and was put back"));
    } else if (is_open && !secrets_.contains(secret.name)) {
        problems_.push_back(damaged(secret.name, "was replaced by an older value"));
        damaged_.try_emplace(secret.name, *entry);
    } else if (entry != nullptr || manifest == nullptr) {
        problems_.push_back(damaged(secret.name, "is damaged"));
        damaged_.try_emplace(secret.name,
                             entry != nullptr ? *entry : Manifest::Entry{secret.name, 0, ""});
    }
    // Otherwise its name is damaged: the manifest tells which secret is missing.
}

std::vector<Vault::Entry> Vault::list() const {
    std::vector<Entry> entries;
    for (const auto& [name, secret] : secrets_)
        entries.push_back(Entry{name, secret.version, secret.changed, false});
    for (const auto& [name, entry] : damaged_)
        if (!secrets_.contains(name)) entries.push_back(Entry{name, entry.version, "", true});
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
}

Result<core::Secret> Vault::get(std::string_view name) const {
    const auto found = secrets_.find(name);
    if (found == secrets_.end()) {
        if (damaged_.contains(name)) return damaged(std::string{name}, "is damaged");
        return Error{kUnknownSecret, "the vault has no secret `" + std::string{name} + "`"};
    }
    std::optional<core::Secret> value = opened(found->second);
    SYNCLINE_ASSERT(value.has_value());  // it opened when the vault was read
    return std::move(*value);
}

Result<void> Vault::set(std::string_view name, const core::Secret& value, core::WallTime now) {
    SYNCLINE_CHECK(require_newest());
    if (!is_name(name))
        return Error{kNameInvalid, "`" + std::string{name} + "` can't be the name of a secret"};
    if (value.empty() || value.reveal().size() > kValueBytesMax)
        return Error{kValueInvalid,
                     value.empty() ? "the value is empty" : "the value is larger than 64 KiB"};
    std::uint64_t version = 1;
    if (const auto found = secrets_.find(name); found != secrets_.end())
        version = found->second.version + 1;
    else if (const auto lost = damaged_.find(name); lost != damaged_.end())
        version = lost->second.version + 1;
    secrets_.insert_or_assign(std::string{name}, sealed(name, version, value, time_of(now)));
    damaged_.erase(std::string{name});
    std::erase_if(kept_, [&](const auto& kept) { return kept.first == name; });
    return write();
}

Result<void> Vault::remove(std::string_view name) {
    SYNCLINE_CHECK(require_newest());
    const std::string key{name};
    if (secrets_.erase(key) + damaged_.erase(key) == 0)
        return Error{kUnknownSecret, "the vault has no secret `" + key + "`"};
    std::erase_if(kept_, [&](const auto& kept) { return kept.first == name; });
    return write();
}

Result<void> Vault::rotate(core::WallTime now) {
    if (!damaged_.empty() || !kept_.empty())
        return Error{kVaultDamaged,
                     "the vault holds what does not open and can't be encrypted anew",
                     "set what `syncline secrets list` shows as damaged, or remove it"};
    std::map<std::string, core::Secret> values;
    for (const auto& [name, secret] : secrets_) values.emplace(name, *opened(secret));
    const std::uint32_t epoch = keys_.rbegin()->first + 1;
    head_.keys.clear();
    keys_.clear();
    add_key(epoch, now);
    for (auto& [name, secret] : secrets_)
        secret = sealed(name, secret.version, values.at(name), secret.changed);
    return write();
}

Result<void> Vault::rekey(const core::Secret& master, MasterKind kind, const ScryptCost& cost) {
    SYNCLINE_CHECK(require_newest());
    std::string salt = kind == MasterKind::kPassphrase ? random_bytes(kSaltBytes) : "";
    SYNCLINE_TRY(core::Secret key, wrapping_key(master, kind, salt, cost));
    set_wrapping_key(std::move(key), kind, std::move(salt), cost);
    for (VaultHead::WrappedKey& wrapped : head_.keys)
        wrapped.wrapped =
            seal(wrapping_key_, associated(head_.id, wrapped), keys_.at(wrapped.epoch).reveal());
    return write();
}

void Vault::add_key(std::uint32_t epoch, core::WallTime now) {
    std::string bytes = random_bytes(kKeyBytes);
    core::Secret key = core::Secret::take(bytes);
    VaultHead::WrappedKey wrapped{epoch, time_of(now), ""};
    wrapped.wrapped = seal(wrapping_key_, associated(head_.id, wrapped), key.reveal());
    head_.keys.push_back(std::move(wrapped));
    keys_.insert_or_assign(epoch, std::move(key));
}

// A key for each value: a random nonce never meets another one under the same key.
SealedSecret Vault::sealed(std::string_view name, std::uint64_t version, const core::Secret& value,
                           std::string changed) const {
    SealedSecret secret;
    secret.name = name;
    secret.version = version;
    secret.epoch = keys_.rbegin()->first;
    secret.changed = std::move(changed);
    secret.salt = random_bytes(kSaltBytes);
    secret.sealed = seal(derive(keys_.at(secret.epoch), secret.salt, "syncline secret"),
                         secret.associated(head_.id), value.reveal());
    return secret;
}

std::optional<core::Secret> Vault::opened(const SealedSecret& secret) const {
    const auto key = keys_.find(secret.epoch);
    if (key == keys_.end()) return std::nullopt;
    return unseal(derive(key->second, secret.salt, "syncline secret"), secret.associated(head_.id),
                  secret.sealed);
}

void Vault::set_wrapping_key(core::Secret key, MasterKind kind, std::string salt,
                             const ScryptCost& cost) {
    head_.kind = kind;
    head_.salt = std::move(salt);
    head_.cost = cost;
    head_.check = check_of(key);
    mac_key_ = derive(key, "", "syncline vault authenticity");
    wrapping_key_ = std::move(key);
}

std::string Vault::mac_of(std::string_view text) const {
    return core::hmac(core::HmacDigest::kSha256, mac_key_.reveal(), text);
}

Result<void> Vault::require_newest() const {
    SYNCLINE_ASSERT(folder_.is_locked());
    for (const Error& problem : problems_)
        if (problem.is(kVaultRolledBack)) return problem;
    return {};
}

Result<void> Vault::write() {
    head_.generation = std::max(head_.generation, newest_) + 1;
    VaultFile file;
    Manifest manifest;
    manifest.generation = head_.generation;
    for (const auto& [name, secret] : secrets_) {
        manifest.entries.push_back(Manifest::Entry{name, secret.version, digest_of(secret.line())});
        file.secrets.push_back(secret);
    }
    for (const auto& [name, entry] : damaged_) manifest.entries.push_back(entry);
    for (const auto& [name, line] : kept_) file.unreadable.push_back(line);
    file.heads.assign(2, Authenticated<VaultHead>{head_, mac_of(head_.text())});
    std::string mac = mac_of(manifest.text());
    file.manifest = Authenticated<Manifest>{std::move(manifest), std::move(mac)};
    const std::string number = std::to_string(head_.generation);
    SYNCLINE_CHECK(
        folder_.replace(file.text(), number + " " + core::to_hex(mac_of("generation " + number))));
    newest_ = head_.generation;
    return {};
}

}  // namespace syncline::secret
