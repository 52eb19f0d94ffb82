#include "config/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "core/utf8.hpp"

namespace syncline::config {
namespace {

// Ends parsing: caught in Document::parse, since the library's events can't be stopped otherwise.
struct Refused {
    Position at;
    std::string what;
    std::string remedy;
};

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Turns byte offsets into lines and columns (in characters, as editors count). Offsets come almost
// in order, so walking from the last one costs one pass over the file, whatever the length of its
// lines.
class Places {
  public:
    explicit Places(std::string_view text) : text_(text) {}

    Position at(std::size_t offset) {
        offset = std::min(offset, text_.size());
        if (offset < offset_) {
            offset_ = 0;
            position_ = {1, 1};
        }
        for (; offset_ < offset; ++offset_) {
            if (text_[offset_] == '\n') {
                ++position_.line;
                position_.column = 1;
            } else if ((static_cast<unsigned char>(text_[offset_]) & 0xC0) != 0x80) {
                ++position_.column;
            }
        }
        return position_;
    }

  private:
    std::string_view text_;
    std::size_t offset_ = 0;
    Position position_{1, 1};
};

// The library guesses encodings, and takes the byte 0x04 for the end of the file: what follows it
// would be lost in silence. So it gets to see nothing but clean UTF-8.
void check_characters(std::string_view text, Places& places) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = core::utf8_length(text, i);
        if (length == 0)
            throw Refused{places.at(i), "the file is not valid UTF-8", "save it as UTF-8"};
        const auto c = static_cast<unsigned char>(text[i]);
        if ((c < 0x20 && !is_blank(text[i])) || c == 0x7F)
            throw Refused{places.at(i), "the file contains a control character", "remove it"};
        i += length;
    }
}

}  // namespace

class TreeBuilder final : public YAML::EventHandler {
  public:
    TreeBuilder(std::string_view text, Places& places, Document& document, Problems& problems)
        : text_(text), places_(places), document_(document), problems_(problems) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (document_.root_ != nullptr)
            throw Refused{place(mark), "the file holds more than one document", "keep one of them"};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Node& node = make(mark, Node::Kind::kNull, anchor);
        node.is_plain = true;
        finish(node);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end())
            throw Refused{place(mark), "the alias stands inside what it refers to",
                          "write the value out"};
        check_limits(place(mark), found->second->weight, found->second->height);
        attach(found->second);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Node& node = make(mark, Node::Kind::kScalar, anchor);
        node.is_plain = tag == "?";
        node.text = value;
        const std::size_t begin = behind_properties(mark);
        const std::size_t text_begin = node.is_plain ? begin : begin + 1;
        node.is_verbatim =
            text_.substr(std::min(text_begin, text_.size()), value.size()) == value &&
            value.find('\n') == std::string::npos;
        node.text_at = places_.at(first_visible(begin, node.is_plain));
        finish(node);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open_.push_back({&make(mark, Node::Kind::kSequence, anchor), anchor, nullptr});
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open_.push_back({&make(mark, Node::Kind::kMap, anchor), anchor, nullptr});
    }
    void OnMapEnd() override { close(); }

  private:
    struct Open {
        Node* node;
        YAML::anchor_t anchor;
        const Node* key;  // of a map: the key whose value comes next
    };

    Position place(const YAML::Mark& mark) {
        return places_.at(mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos));
    }

    // A mark is where `&anchor` or `!tag` stands, when there is one; the node itself comes behind.
    std::size_t behind_properties(const YAML::Mark& mark) {
        std::size_t i = mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos);
        while (i < text_.size() && (text_[i] == '&' || text_[i] == '!')) {
            if (text_[i] == '!')
                throw Refused{places_.at(i), "tags are not supported",
                              "remove the tag; quotes make a text"};
            while (i < text_.size() && !is_blank(text_[i])) ++i;
            i = skip_blank(i);
        }
        return std::min(i, text_.size());
    }

    std::size_t skip_blank(std::size_t i) const {
        while (i < text_.size()) {
            if (text_[i] == '#') {
                while (i < text_.size() && text_[i] != '\n') ++i;
            } else if (is_blank(text_[i])) {
                ++i;
            } else {
                break;
            }
        }
        return i;
    }

    // Where the first visible character of a scalar stands that begins at the offset.
    std::size_t first_visible(std::size_t begin, bool is_plain) const {
        if (is_plain || begin >= text_.size()) return begin;
        std::size_t i = begin + 1;
        if (text_[begin] == '|' || text_[begin] == '>') {  // the header of a block ends its line
            while (i < text_.size() && text_[i] != '\n') ++i;
        }
        while (i < text_.size() && is_blank(text_[i])) ++i;
        return i;
    }

    Node& make(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor) {
        const Position at = places_.at(behind_properties(mark));
        check_limits(at, 1, 1);
        Node& node = document_.nodes_.emplace_back();
        node.kind = kind;
        node.at = at;
        node.text_at = at;
        current_anchor_ = anchor;
        return node;
    }

    void check_limits(Position at, std::size_t weight, std::size_t height) {
        weight_ += weight;
        if (weight_ > kNodesMax)
            throw Refused{at, "the file holds more than " + std::to_string(kNodesMax) + " values",
                          "split it, or use fewer aliases"};
        if (open_.size() + height > kDepthMax)
            throw Refused{at,
                          "the file is nested deeper than " + std::to_string(kDepthMax) + " levels",
                          "nest less"};
    }

    void finish(Node& scalar) {
        if (current_anchor_ != YAML::NullAnchor) anchors_[current_anchor_] = &scalar;
        attach(&scalar, &scalar);
    }

    void close() {
        const Open closed = open_.back();
        open_.pop_back();
        if (closed.anchor != YAML::NullAnchor) anchors_[closed.anchor] = closed.node;
        attach(closed.node, closed.node);
    }

    // `own` is the node unless it is an alias, whose place must not change.
    void attach(const Node* node, Node* own = nullptr) {
        if (open_.empty()) {
            document_.root_ = node;
            return;
        }
        Open& parent = open_.back();
        parent.node->weight += node->weight;
        parent.node->height = std::max(parent.node->height, node->height + 1);
        if (parent.node->is_sequence()) {
            parent.node->items.push_back(node);
        } else if (parent.key == nullptr) {
            parent.key = node;
        } else {
            const Node* key = std::exchange(parent.key, nullptr);
            if (own != nullptr && own->is_null()) own->at = own->text_at = key->at;
            if (is_usable(*parent.node, *key)) parent.node->entries.emplace_back(key, node);
        }
    }

    bool is_usable(const Node& map, const Node& key) {
        if (!key.is_scalar()) {
            problems_.add(kType, key.at, "a key must be a text", "put it in quotes");
            return false;
        }
        if (key.is_plain && key.text == "<<") {
            problems_.add(kSyntax, key.at, "merge keys (`<<`) are not supported",
                          "write the keys out");
            return false;
        }
        if (!keys_[&map].insert(key.text).second) {
            problems_.add(kDuplicate, key.at,
                          "the key " + in_quotes(key.text) + " stands here twice");
            return false;
        }
        return true;
    }

    std::string_view text_;
    Places& places_;
    Document& document_;
    Problems& problems_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, const Node*> anchors_;
    std::map<const Node*, std::unordered_set<std::string_view>> keys_;
    YAML::anchor_t current_anchor_ = YAML::NullAnchor;
    std::size_t weight_ = 0;
};

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Refused refused_by_library(const YAML::Exception& failure, std::string_view text, Places& places) {
    const bool has_place = !failure.mark.is_null() && failure.mark.pos >= 0;
    const std::size_t offset = has_place ? static_cast<std::size_t>(failure.mark.pos) : 0;
    // The commonest reason in practice is a `${NAME}` between braces, which YAML reads as a map.
    const bool has_variable = text.find("${") != std::string_view::npos;
    return Refused{places.at(offset), "this is not valid YAML: " + failure.msg,
                   has_variable
                       ? "mend the YAML at this place; inside { } and [ ], ${NAME} needs quotes"
                       : kSyntax.remedy};
}

}  // namespace

Document Document::parse(std::string_view text, Problems& problems) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    Document document;
    Places places{text};
    std::optional<Refused> refused;
    try {
        check_characters(text, places);
        std::istringstream stream{std::string{text}};
        YAML::Parser parser{stream};
        TreeBuilder builder{text, places, document, problems};
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refused& reason) {
        refused = reason;
    } catch (const YAML::Exception& failure) {
        refused = refused_by_library(failure, text, places);
    }
    if (refused.has_value()) {
        problems.add(kSyntax, refused->at, refused->what, refused->remedy);
        document.root_ = nullptr;
    } else if (document.root_ == nullptr) {
        Node& nothing = document.nodes_.emplace_back();
        nothing.at = nothing.text_at = Position{1, 1};
        document.root_ = &nothing;
    }
    return document;
}

}  // namespace syncline::config
