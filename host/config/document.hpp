// The file as a tree of nodes that know where they stand. The only place that knows the YAML
// library.
//
// Purpose: what a general YAML reader accepts and a configuration should not is settled here, once:
//   duplicate keys, merge keys, tags, aliases that blow up, control characters, several documents.
// Concurrency: parsing has one owner; a parsed document may be read from any thread.
// Limits: kNodesMax nodes (each use of an alias counts all that it stands for), kDepthMax levels.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "config/problems.hpp"

namespace syncline::config {

inline constexpr std::size_t kNodesMax = 200'000;
inline constexpr std::size_t kDepthMax = 64;

struct Node {
    enum class Kind { kNull, kScalar, kSequence, kMap };

    Kind kind = Kind::kNull;
    Position at;            // of the node; of its key, when there is nothing after the colon
    bool is_plain = false;  // a scalar without quotes, whose type the text tells
    std::string text;       // of a scalar
    Position text_at;       // of its first visible character, behind a quote or below a `|`
    // The text stands in the file just so, without escapes or line breaks: its n-th character is n
    // columns further.
    bool is_verbatim = false;

    std::vector<const Node*> items;  // of a sequence
    // Of a map: scalar keys and their values, no key twice.
    std::vector<std::pair<const Node*, const Node*>> entries;

    std::size_t weight = 1;  // nodes in it, aliases counted as often as they are used
    std::size_t height = 1;  // levels in it

    bool is_null() const { return kind == Kind::kNull; }
    bool is_scalar() const { return kind == Kind::kScalar; }
    bool is_sequence() const { return kind == Kind::kSequence; }
    bool is_map() const { return kind == Kind::kMap; }
};

// Owns the nodes. Immutable once parsed; nodes live as long as it.
class Document {
  public:
    // Reports everything that is wrong with the form of the text. There is no root after a
    // `config.syntax` that leaves nothing to read; other problems of form (such as a duplicate key)
    // leave a tree without the offender.
    static Document parse(std::string_view text, Problems& problems);

    const Node* root() const { return root_; }

  private:
    friend class TreeBuilder;
    std::deque<Node> nodes_;
    const Node* root_ = nullptr;
};

}  // namespace syncline::config
