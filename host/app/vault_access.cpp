#include "app/vault_access.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "secret/errc.hpp"

namespace syncline::app {
namespace {

using core::Secret;
using secret::Vault;

// What is typed is not shown while this lives.
class WithoutEcho {
  public:
    WithoutEcho() {
        is_changed_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!is_changed_) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    WithoutEcho(const WithoutEcho&) = delete;
    WithoutEcho& operator=(const WithoutEcho&) = delete;
    ~WithoutEcho() {
        if (!is_changed_) return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        std::fputc('\n', stderr);
    }

  private:
    termios before_{};
    bool is_changed_ = false;
};

// To the end of the input, or to the end of the line; without one line break at its end.
Secret read_input(bool is_one_line) {
    std::string text;
    text.reserve(Vault::kValueBytesMax + 2);  // never moved, so that no copy stays behind
    int c = 0;
    while (text.size() < Vault::kValueBytesMax + 2 && (c = std::getchar()) != EOF) {
        if (is_one_line && c == '\n') break;
        text.push_back(static_cast<char>(c));
    }
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return Secret::take(text);
}

}  // namespace

Secret ask_for(const std::string& what) {
    if (::isatty(STDIN_FILENO) == 0) return read_input(false);
    const WithoutEcho quiet;  // before anyone is asked to type
    std::fprintf(stderr, "%s (not shown): ", what.c_str());
    return read_input(true);
}

Result<secret::MasterKey> master_key_of(const config::Hub& hub) {
    const std::filesystem::path folder = Vault::folder_of(hub.data_dir);
    if (!Vault::exists(folder))
        return Error{secret::kVaultMissing, "there is no vault in " + folder.string()};
    Result<secret::MasterKey> master = secret::find_master_key(hub.vault_key_file);
    if (master.has_value() || !master.error().is(secret::kMasterKeyMissing) ||
        ::isatty(STDIN_FILENO) == 0)
        return master;
    return secret::MasterKey{ask_for("Master key or passphrase"), ""};
}

Result<Vault> open_vault(const config::Hub& hub, const secret::MasterKey& master,
                         Vault::Access access) {
    Result<Vault> vault = Vault::open(Vault::folder_of(hub.data_dir), master.text, access);
    if (!vault.has_value() && !master.source.empty())
        return std::move(vault).error().at(master.source);
    return vault;
}

}  // namespace syncline::app
