// Reads the keys of one scheme of `accounts.NAME.auth`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/url.hpp"
#include "config/section.hpp"
#include "core/secret.hpp"

namespace syncline::config {

// What is missing or wrong has been reported when a value is empty. Context and node must outlive
// it. Concurrency: one owner.
class AuthReader {
  public:
    AuthReader(Context& context, const Node* node, const std::string& path, const Keys& keys)
        : context_(context), section_(context, node, path, keys) {}

    // Names and secrets alike may come from a file or the vault.
    std::string text(std::string_view key) const;
    // The default only when the key is not there.
    std::string text_or(std::string_view key, std::string_view otherwise) const;
    core::Secret secret(std::string_view key) const;
    core::Secret password() const;  // may be empty
    // The index of the choice; 0 when the key is not there.
    std::size_t choice(std::string_view key, const std::vector<std::string_view>& choices) const;
    // A map of texts whose keys are free, in the order of the file.
    std::vector<auth::Parameter> texts(std::string_view key, SecretUse use) const;

    // The keys of a map below this one.
    AuthReader inner(std::string_view key, const Keys& keys) const {
        return {context_, section_.find(key), section_.path(key), keys};
    }

    const Section& section() const { return section_; }
    Context& context() const { return context_; }

  private:
    Context& context_;
    Section section_;
};

}  // namespace syncline::config
