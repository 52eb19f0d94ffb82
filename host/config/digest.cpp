#include "config/digest.hpp"

#include <algorithm>
#include <random>

#include "core/hash.hpp"

namespace syncline::config {
namespace {

// Secrets can't be guessed by their digests outside this process.
std::string keyed(std::string_view data) {
    static const std::string kKey = [] {
        std::random_device random;
        std::string key;
        for (int i = 0; i < 8; ++i) key += std::to_string(random());
        return key;
    }();
    return core::hmac(core::HmacDigest::kSha256, kKey, data);
}

}  // namespace

void Digests::note(const Node& scalar, std::string_view value, bool is_sealed) {
    noted_[&scalar] = is_sealed ? keyed("sealed " + scalar.text) : keyed(value);
}

std::string Digests::of(const Node& node, const std::vector<std::string_view>& without) const {
    std::string parts;
    switch (node.kind) {
        case Node::Kind::kNull:
            return keyed("null");
        case Node::Kind::kScalar: {
            const auto found = noted_.find(&node);
            parts = found == noted_.end() ? keyed(node.text) : found->second;
            return keyed((node.is_plain ? "plain " : "text ") + parts);
        }
        case Node::Kind::kSequence:
            for (const Node* item : node.items) parts += of(*item);
            return keyed("sequence " + parts);
        case Node::Kind::kMap: {
            std::map<std::string_view, const Node*> sorted;
            for (const auto& [key, value] : node.entries) {
                if (std::find(without.begin(), without.end(), key->text) == without.end())
                    sorted.emplace(key->text, value);
            }
            for (const auto& [key, value] : sorted) parts += keyed(key) + of(*value);
            return keyed("map " + parts);
        }
    }
    return {};
}

}  // namespace syncline::config
