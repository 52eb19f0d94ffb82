#include "store/pages.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "store/database.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kNodeBytes = 8;
constexpr std::size_t kTreeBytes = 48;
constexpr std::size_t kKeyBytesMax = 511;
constexpr unsigned kDepthMax = 32;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
constexpr std::uint32_t kMagic = 0xbeefc0de;
constexpr std::uint32_t kDataVersion = 1;
constexpr std::uint16_t kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8;
constexpr std::uint16_t kBigData = 1, kSubData = 2;
constexpr std::uint16_t kIntegerKeys = 8;
// LMDB keeps flags of the environment beside those of the free list: how the file was created.
constexpr std::uint16_t kWithoutFolder = 0x4000;

template <class Integer>
Integer at(std::string_view bytes, std::size_t offset) {
    Integer value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

PageTree read_tree(std::string_view bytes) {
    return PageTree{at<std::uint16_t>(bytes, 4), at<std::uint16_t>(bytes, 6),
                    at<std::uint64_t>(bytes, 32), at<std::uint64_t>(bytes, 40)};
}

struct Page {
    std::string bytes;
    std::uint16_t flags = 0;
    std::uint16_t lower = 0, upper = 0;
    std::size_t count() const { return (lower - kHeaderBytes) / 2; }
};

struct Node {
    std::uint16_t flags = 0;
    std::string_view key;
    std::uint64_t child = 0;  // on a branch
    std::uint32_t size = 0;   // of the value, on a leaf
    std::string_view data;    // the value, or the number of the page where it begins
    std::size_t bytes = 0;    // that the node takes
};

bool read_node(const Page& page, std::size_t index, bool is_leaf, Node& node) {
    std::size_t offset = at<std::uint16_t>(page.bytes, kHeaderBytes + 2 * index);
    if (offset < page.upper || offset + kNodeBytes > kPageBytes) return false;
    std::string_view bytes = std::string_view{page.bytes}.substr(offset);
    node.flags = at<std::uint16_t>(bytes, 4);
    std::size_t key_bytes = at<std::uint16_t>(bytes, 6);
    std::uint32_t low = at<std::uint32_t>(bytes, 0);
    if (key_bytes > kKeyBytesMax || kNodeBytes + key_bytes > bytes.size()) return false;
    node.key = bytes.substr(kNodeBytes, key_bytes);
    node.bytes = kNodeBytes + key_bytes;
    if (!is_leaf) {
        node.child = low | std::uint64_t{node.flags} << 32;
    } else {
        if (key_bytes == 0 || (node.flags & ~(kBigData | kSubData)) != 0) return false;
        node.size = low;
        std::size_t data_bytes = (node.flags & kBigData) != 0 ? sizeof(std::uint64_t) : low;
        if (node.bytes + data_bytes > bytes.size()) return false;
        node.data = bytes.substr(node.bytes, data_bytes);
        node.bytes += data_bytes;
    }
    node.bytes += node.bytes & 1;
    return true;
}

// Follows the trees of one commit.
class Walk {
  public:
    Walk(const File& file, std::uint64_t page_count, const PageCommit& commit,
         const PageFile::Visit& visit)
        : file_(file),
          commit_(commit),
          visit_(visit),
          in_file_(std::min(page_count, commit.last_page + 1)),
          used_(in_file_),
          free_(in_file_) {}

    Result<PageSurvey> run() {
        SYNCLINE_CHECK(walk_free());
        SYNCLINE_CHECK(walk_main());
        for (std::size_t i = 0; i < kTableCount; ++i) {
            if (tables_[i]) SYNCLINE_CHECK(walk_table(static_cast<Table>(i), *tables_[i]));
        }
        if (!survey_.is_whole() && is_free_whole_) SYNCLINE_CHECK(find_lost_pages());
        return std::move(survey_);
    }

  private:
    // What is done with the nodes of a leaf. False: the node makes no sense.
    using Take = std::function<Result<bool>(const Node&)>;
    struct Tree {
        std::string name;
        PageTree tree;
        std::optional<Table> table;
        Take take;
        std::uint64_t entries = 0;
    };
    struct Bounds {
        std::string least;                // keys are not below it
        std::optional<std::string> past;  // ... and below this
    };

    void damaged(std::uint64_t page, const Tree& tree, const std::string& what) {
        ++survey_.damage_count;
        if (tree.table) survey_.is_table_damaged[static_cast<std::size_t>(*tree.table)] = true;
        if (survey_.damage.size() < PageSurvey::kDamageMax)
            survey_.damage.push_back(PageDamage{page * kPageBytes, tree.name + ": " + what});
    }

    Result<void> walk_free() {
        Tree tree{"the list of free pages", commit_.free, std::nullopt, {}};
        tree.take = [this](const Node& node) { return take_free(node); };
        if ((commit_.free.flags | kWithoutFolder) != (kIntegerKeys | kWithoutFolder))
            damaged(0, tree, "its kind makes no sense");
        SYNCLINE_CHECK(walk_tree(tree, false));
        is_free_whole_ = survey_.is_whole();
        for (std::uint64_t page = in_file_; page <= commit_.last_page; ++page) {
            if (free_past_end_.size() > page - in_file_ && free_past_end_[page - in_file_])
                continue;
            damaged(page, tree, "pages behind the end of the file are in use");
            break;
        }
        return {};
    }

    Result<bool> take_free(const Node& node) {
        SYNCLINE_TRY(std::optional<std::string> list, value_of(node));
        if (node.key.size() != 8 || !list || list->size() < 8) return false;
        auto count = at<std::uint64_t>(*list, 0);
        if (count > list->size() / 8 - 1) return false;
        bool is_whole = true;
        std::uint64_t previous = kNoPage;
        for (std::uint64_t i = 1; i <= count; ++i) {
            auto page = at<std::uint64_t>(*list, i * 8);
            if (page < 2 || page > commit_.last_page || page >= previous)
                is_whole = false;
            else if (page < in_file_) {
                if (free_[page]) is_whole = false;
                free_[page] = true;
            } else {
                constexpr std::uint64_t kPastEndMax = 1 << 20;
                std::uint64_t past = page - in_file_;
                if (past < kPastEndMax && past >= free_past_end_.size())
                    free_past_end_.resize(past + 1);
                if (past < kPastEndMax) free_past_end_[past] = true;
            }
            previous = page;
        }
        return is_whole;
    }

    Result<void> walk_main() {
        Tree tree{"the list of tables", commit_.main, std::nullopt, {}};
        tree.take = [this](const Node& node) -> Result<bool> {
            if (node.flags != kSubData || node.data.size() != kTreeBytes) return false;
            for (std::size_t i = 0; i < kTableCount; ++i) {
                if (node.key != name_of(static_cast<Table>(i))) continue;
                tables_[i] = read_tree(node.data);
                return true;
            }
            return false;
        };
        if (commit_.main.flags != 0) damaged(0, tree, "its kind makes no sense");
        SYNCLINE_CHECK(walk_tree(tree, true));
        if (commit_.main.root == kNoPage && commit_.main.entries == 0) return {};
        for (std::size_t i = 0; i < kTableCount; ++i) {
            if (tables_[i] || (i >= kTableCountOfFormat1 && !has_newer_table())) continue;
            tree.table = static_cast<Table>(i);
            damaged(0, tree, std::string{"table "} + name_of(*tree.table) + " is missing");
        }
        return {};
    }

    bool has_newer_table() const {
        return std::any_of(tables_.begin() + kTableCountOfFormat1, tables_.end(),
                           [](const auto& table) { return table.has_value(); });
    }

    Result<void> walk_table(Table table, const PageTree& described) {
        Tree tree{std::string{"table "} + name_of(table), described, table, {}};
        tree.take = [this, table](const Node& node) { return take_row(table, node); };
        survey_.rows_expected[static_cast<std::size_t>(table)] = described.entries;
        if (described.flags != 0) damaged(0, tree, "its kind makes no sense");
        return walk_tree(tree, true);
    }

    Result<bool> take_row(std::optional<Table> table, const Node& node) {
        if ((node.flags & kSubData) != 0) return false;
        SYNCLINE_TRY(std::optional<std::string> stored, value_of(node));
        if (!stored) return false;
        std::optional<std::string_view> value = row_value(node.key, *stored);
        if (!value) return false;
        return visit_(table, node.key, *value);
    }

    Result<void> walk_tree(Tree& tree, bool is_sorted) {
        if (tree.tree.root == kNoPage) {
            if (tree.tree.entries != 0 || tree.tree.depth != 0)
                damaged(0, tree, "its first page is not named");
            return {};
        }
        SYNCLINE_CHECK(walk_page(tree, tree.tree.root, 1, Bounds{}, is_sorted));
        if (tree.entries != tree.tree.entries) {
            damaged(tree.tree.root, tree,
                    "it holds " + std::to_string(tree.entries) +
                        " rows that can be read instead of " + std::to_string(tree.tree.entries));
        }
        return {};
    }

    Result<void> walk_page(Tree& tree, std::uint64_t number, unsigned level, const Bounds& bounds,
                           bool is_sorted) {
        if (number < 2 || number >= in_file_) {
            damaged(number < in_file_ ? number : 0, tree,
                    "a page is named that does not exist (" + std::to_string(number) + ")");
            return {};
        }
        if (free_[number]) {
            damaged(number, tree, "a page is in use and free");
            return {};
        }
        if (used_[number]) {
            damaged(number, tree, "a page is used twice");
            if (used_twice_.size() <= number) used_twice_.resize(in_file_);
            if (used_twice_[number]) return {};
            used_twice_[number] = true;
        }
        used_[number] = true;
        SYNCLINE_TRY(Page page, read_page(number));
        bool is_leaf = level == tree.tree.depth;
        if (page.flags == kLeaf || page.flags == kBranch) {
            if (is_leaf != (page.flags == kLeaf)) damaged(number, tree, "it has another depth");
            is_leaf = page.flags == kLeaf;
        } else {
            damaged(number, tree, "a page says that it is something else");
        }
        if (at<std::uint64_t>(page.bytes, 0) != number)
            damaged(number, tree, "a page has another page's number");
        if (!has_room_for_nodes(page) || level > kDepthMax || (!is_leaf && page.count() < 2)) {
            damaged(number, tree, "the head of a page makes no sense");
            return {};
        }
        return is_leaf ? walk_leaf(tree, number, page, bounds, is_sorted)
                       : walk_branch(tree, number, page, level, bounds, is_sorted);
    }

    static bool has_room_for_nodes(const Page& page) {
        return page.lower >= kHeaderBytes && page.lower <= page.upper && page.upper <= kPageBytes &&
               (page.lower & 1) == 0;
    }

    Result<void> walk_branch(Tree& tree, std::uint64_t number, const Page& page, unsigned level,
                             const Bounds& bounds, bool is_sorted) {
        std::vector<std::pair<std::string, std::uint64_t>> children;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < page.count(); ++i) {
            Node node;
            if (!read_node(page, i, false, node)) {
                damaged(number, tree, "the way to a page can't be read");
                continue;
            }
            bytes += node.bytes;
            // The first key of a branch stands for everything below the second.
            std::string least = i == 0 ? bounds.least : std::string{node.key};
            if (is_sorted && i > 0 &&
                (least <= bounds.least || (bounds.past && least >= *bounds.past) ||
                 (!children.empty() && least <= children.back().first)))
                damaged(number, tree, "keys are out of order");
            children.emplace_back(std::move(least), node.child);
        }
        if (bytes != kPageBytes - page.upper) damaged(number, tree, "a page does not add up");
        for (std::size_t i = 0; i < children.size(); ++i) {
            Bounds within{children[i].first, bounds.past};
            if (i + 1 < children.size()) within.past = children[i + 1].first;
            SYNCLINE_CHECK(walk_page(tree, children[i].second, level + 1, within, is_sorted));
        }
        return {};
    }

    Result<void> walk_leaf(Tree& tree, std::uint64_t number, const Page& page, const Bounds& bounds,
                           bool is_sorted) {
        std::string previous;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < page.count(); ++i) {
            Node node;
            bool is_sound = read_node(page, i, true, node);
            if (is_sound) {
                bytes += node.bytes;
                if (is_sorted && (node.key <= previous || node.key < bounds.least ||
                                  (bounds.past && node.key >= *bounds.past)))
                    damaged(number, tree, "keys are out of order");
                previous.assign(node.key);
                SYNCLINE_TRY(is_sound, tree.take(node));
            }
            if (is_sound)
                ++tree.entries;
            else
                damaged(number, tree, "row " + std::to_string(i + 1) + " of a page can't be read");
        }
        if (bytes != kPageBytes - page.upper) damaged(number, tree, "a page does not add up");
        return {};
    }

    // The pages behind a way that is lost are those that are neither used nor free.
    Result<void> find_lost_pages() {
        for (std::uint64_t number = 2; number < in_file_; ++number) {
            if (used_[number] || free_[number]) continue;
            SYNCLINE_TRY(Page page, read_page(number));
            if (page.flags != kLeaf || at<std::uint64_t>(page.bytes, 0) != number ||
                !has_room_for_nodes(page))
                continue;
            used_[number] = true;
            for (std::size_t i = 0; i < page.count(); ++i) {
                Node node;
                if (!read_node(page, i, true, node)) continue;
                SYNCLINE_CHECK(take_row(std::nullopt, node));
            }
        }
        return {};
    }

    // None when the pages of a large value make no sense.
    Result<std::optional<std::string>> value_of(const Node& node) {
        if ((node.flags & kBigData) == 0) return std::optional{std::string{node.data}};
        auto first = at<std::uint64_t>(node.data, 0);
        std::uint64_t count = (kHeaderBytes + node.size + kPageBytes - 1) / kPageBytes;
        if (first < 2 || first >= in_file_ || count > in_file_ - first)
            return std::optional<std::string>{};
        SYNCLINE_TRY(std::string bytes,
                     file_.read_at(first * kPageBytes, kHeaderBytes + node.size));
        if (bytes.size() != kHeaderBytes + node.size || at<std::uint64_t>(bytes, 0) != first ||
            at<std::uint16_t>(bytes, 10) != kOverflow)
            return std::optional<std::string>{};
        std::uint64_t held = at<std::uint32_t>(bytes, 12);
        if (held < count || held > in_file_ - first) return std::optional<std::string>{};
        for (std::uint64_t page = first; page < first + held; ++page) {
            if (used_[page] || free_[page]) return std::optional<std::string>{};
        }
        for (std::uint64_t page = first; page < first + held; ++page) used_[page] = true;
        return std::optional{bytes.substr(kHeaderBytes)};
    }

    Result<Page> read_page(std::uint64_t number) {
        Page page;
        SYNCLINE_TRY(page.bytes, file_.read_at(number * kPageBytes, kPageBytes));
        page.bytes.resize(kPageBytes, '\0');
        page.flags = at<std::uint16_t>(page.bytes, 10);
        page.lower = at<std::uint16_t>(page.bytes, 12);
        page.upper = at<std::uint16_t>(page.bytes, 14);
        return page;
    }

    const File& file_;
    const PageCommit& commit_;
    const PageFile::Visit& visit_;
    const std::uint64_t in_file_;  // pages of the commit that the file holds
    std::vector<bool> used_, free_, used_twice_, free_past_end_;
    bool is_free_whole_ = false;
    std::array<std::optional<PageTree>, kTableCount> tables_;
    PageSurvey survey_;
};

}  // namespace

Result<PageFile> PageFile::open(const std::filesystem::path& path) {
    PageFile pages;
    SYNCLINE_TRY(pages.file_, File::open(path, O_RDONLY));
    SYNCLINE_TRY(std::uint64_t size, pages.file_.size());
    pages.page_count_ = size / kPageBytes;
    bool is_other_version = false;
    for (std::uint64_t number = 0; number < 2; ++number) {
        SYNCLINE_TRY(std::string bytes, pages.file_.read_at(number * kPageBytes, kPageBytes));
        bytes.resize(kPageBytes, '\0');
        std::string_view meta = std::string_view{bytes}.substr(kHeaderBytes);
        auto version = at<std::uint32_t>(meta, 4);
        is_other_version = is_other_version || (at<std::uint32_t>(meta, 0) == kMagic &&
                                                version > kDataVersion && version < 16);
        if (at<std::uint64_t>(bytes, 0) != number || at<std::uint16_t>(bytes, 10) != kMeta ||
            at<std::uint32_t>(meta, 0) != kMagic || version != kDataVersion ||
            at<std::uint32_t>(meta, 24) != kPageBytes) {
            pages.damage_.push_back(
                PageDamage{number * kPageBytes, "the description of a commit can't be read"});
            continue;
        }
        PageCommit commit;
        commit.free = read_tree(meta.substr(24));
        commit.main = read_tree(meta.substr(24 + kTreeBytes));
        commit.last_page = at<std::uint64_t>(meta, 24 + 2 * kTreeBytes);
        commit.number = at<std::uint64_t>(meta, 32 + 2 * kTreeBytes);
        if (commit.last_page < 1 || commit.last_page == kNoPage) {
            pages.damage_.push_back(
                PageDamage{number * kPageBytes, "the description of a commit makes no sense"});
            continue;
        }
        pages.commits_.push_back(commit);
    }
    if (pages.commits_.empty() && is_other_version) {
        return Error{kNewerFormat, path.string() + " was written by another version of LMDB"};
    }
    // As LMDB chooses: the first of two with the same number.
    if (pages.commits_.size() == 2 && pages.commits_[0].number < pages.commits_[1].number)
        std::swap(pages.commits_[0], pages.commits_[1]);
    return pages;
}

Result<PageSurvey> PageFile::survey(const PageCommit& commit, const Visit& visit) const {
    return Walk{file_, page_count_, commit, visit}.run();
}

}  // namespace syncline::store
