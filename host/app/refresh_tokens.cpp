#include "app/refresh_tokens.hpp"

#include "secret/errc.hpp"
#include "secret/master_key.hpp"
#include "secret/refresh_token.hpp"

namespace syncline::app {

Result<secret::Vault> open_vault(const config::Hub& hub, secret::Vault::Access access) {
    SYNCLINE_TRY(const secret::MasterKey master, secret::find_master_key(hub.vault_key_file));
    return secret::Vault::open(secret::Vault::folder_of(hub.data_dir), master.text, access);
}

Result<core::Secret> refresh_token_of(const secret::Vault& vault, const KeptAccount& account) {
    const Result<core::Secret> text = vault.get(secret::refresh_token_name(account.name));
    if (!text.has_value() && text.error().is(secret::kUnknownSecret)) return account.initial;
    if (!text.has_value()) return text.error();
    secret::KeptRefreshToken kept = secret::KeptRefreshToken::parse(*text);
    const bool is_of_another = !account.initial.empty() && !kept.initial.empty() &&
                               kept.initial != secret::digest_of_initial(account.initial);
    if (is_of_another) return account.initial;
    kept.token.watch();
    return std::move(kept.token);
}

Result<void> store_refresh_token(secret::Vault& vault, const KeptAccount& account,
                                 const core::Secret& token, core::WallTime now) {
    const secret::KeptRefreshToken kept{token, secret::digest_of_initial(account.initial)};
    return vault.set(secret::refresh_token_name(account.name), kept.text(), now);
}

Result<core::Secret> replace_refresh_token(const config::Hub& hub, const KeptAccount& account,
                                           const core::Secret& used, const core::Secret& fresh,
                                           const core::Clock& clock) {
    SYNCLINE_TRY(secret::Vault vault, open_vault(hub, secret::Vault::Access::kChange));
    SYNCLINE_TRY(core::Secret now, refresh_token_of(vault, account));
    if (!used.equals(now.reveal())) return now;
    SYNCLINE_CHECK(store_refresh_token(vault, account, fresh, clock.wall_ns()));
    return fresh;
}

}  // namespace syncline::app
