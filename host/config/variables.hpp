// Replaces `${...}` in the scalars of a configuration.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "config/config.hpp"
#include "config/digest.hpp"
#include "config/document.hpp"
#include "config/problems.hpp"

namespace syncline::config {

// Whether `${file:...}` and `${secret:...}` may stand in a value: only where no message ever shows
// it.
enum class SecretUse { kRefused, kAllowed };

// Concurrency: one owner. Limits: kReplacedBytesMax bytes of replaced values in all.
class Variables {
  public:
    static constexpr std::size_t kReplacedBytesMax = 16 * 1024 * 1024;

    // Relative paths of `${file:...}` count from the folder. The source and the problems must
    // outlive this object.
    Variables(const SecretSource& source, std::filesystem::path folder, Problems& problems)
        : source_(source), folder_(std::move(folder)), problems_(problems) {}

    // The text of a scalar with every reference replaced, or nothing after reporting what is wrong.
    // What a reference stands for never gets into a message.
    std::optional<std::string> expand(const Node& scalar, SecretUse use);

    // Of which `${secret:...}` is; before it is known they can't be used.
    void set_hub(const Hub& hub) { hub_ = &hub; }

    // Whether a secret that can't be opened was met since take_sealed() was asked last.
    bool has_sealed() const { return has_sealed_; }
    bool take_sealed() { return std::exchange(has_sealed_, false); }

    // Keeps a secret out of every message, as long as the configuration is there. (It is done for
    // all that a reference to a secret stands for.)
    void watch(std::string_view secret) { watches_.emplace_back(secret); }
    std::vector<core::Watch> take_watches() { return std::exchange(watches_, {}); }

    // For telling whether another configuration says the same; of nodes that were read.
    const Digests& digests() const { return digests_; }

    // Whether the scalar holds a reference (well-formed or not).
    static bool has_reference(const Node& scalar);

  private:
    std::optional<std::string> replace(const Node& scalar, SecretUse use);
    // The inside of one `${...}`.
    std::optional<std::string> resolve(std::string_view reference, Position at, SecretUse use);
    std::optional<std::string> resolve_environment(std::string_view reference, Position at);
    std::optional<std::string> resolve_secret(std::string_view kind, std::string_view name,
                                              Position at, SecretUse use);
    Result<std::string> from_vault(const std::string& name);

    const SecretSource& source_;
    std::filesystem::path folder_;
    Problems& problems_;
    const Hub* hub_ = nullptr;
    bool has_sealed_ = false;
    std::size_t replaced_bytes_ = 0;
    std::vector<core::Watch> watches_;
    Digests digests_;
};

}  // namespace syncline::config
