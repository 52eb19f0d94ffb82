// Reads one map of the file key by key, checking as it goes. Nothing throws and nothing stops: what
// is wrong is reported and reads as absent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "config/problems.hpp"
#include "config/variables.hpp"

namespace syncline::config {

// What every reader needs. Concurrency: one owner.
struct Context {
    Problems& problems;
    Variables& variables;
    std::filesystem::path folder;  // that relative paths count from
};

struct Keys {
    std::vector<std::string_view> required;
    std::vector<std::string_view> optional;
};

class Section {
  public:
    // `path` is how messages call the map: `hub.limits`, or "" for the whole file. A null node is a
    // section without keys, and nothing is missing in it. Context and node must outlive the
    // section.
    Section(Context& context, const Node* node, std::string path, const Keys& keys);

    bool exists() const { return node_ != nullptr; }
    Position at() const { return node_ == nullptr ? Position{} : node_->at; }
    std::string path(std::string_view key) const;

    // Null when the key is absent.
    const Node* find(std::string_view key) const;

    // A text, its variables replaced.
    std::optional<std::string> text(std::string_view key,
                                    SecretUse use = SecretUse::kRefused) const;
    // A secret, kept out of every message from then on. One that is empty is reported.
    core::Secret secret(std::string_view key) const;
    // 1 to 63 of a-z, 0-9, `_` and `-`, the first a letter or digit: names end up in paths, URLs
    // and metrics.
    std::optional<std::string> name(std::string_view key) const;
    // Made absolute against the file's folder.
    std::optional<std::filesystem::path> file_path(std::string_view key) const;
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t min,
                                        std::int64_t max) const;
    // `true` or `false`, without quotes.
    std::optional<bool> flag(std::string_view key) const;
    // The index of the choice that the text is.
    std::optional<std::size_t> choice(std::string_view key,
                                      const std::vector<std::string_view>& choices) const;

    // Sets the target if the key is there and right.
    template <class Integer>
    void read(std::string_view key, Integer& target, std::int64_t min, std::int64_t max) const {
        if (const auto value = integer(key, min, max)) target = static_cast<Integer>(*value);
    }

  private:
    const Node* scalar(std::string_view key) const;

    Context& context_;
    const Node* node_;
    std::string path_;
};

// Reports a name that is not one.
bool check_name(Context& context, std::string_view name, Position at, const std::string& path);

// The number that a plain scalar stands for in the core schema of YAML.
std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace syncline::config
