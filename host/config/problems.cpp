#include "config/problems.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace syncline::config {
namespace {

constexpr std::size_t kQuotedBytesMax = 120;
constexpr std::size_t kSuggestedBytesMax = 64;

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

bool before(const Problem& a, const Problem& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
}

}  // namespace

void Problems::add(const ErrorCode& code, Position at, std::string what) {
    add(Error{code, std::move(what)}, at);
}

void Problems::add(const ErrorCode& code, Position at, std::string what, std::string remedy) {
    add(Error{code, std::move(what), std::move(remedy)}, at);
}

void Problems::add(Error error, Position at) {
    std::string where = file_;
    if (at.line > 0) where += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    problems_.push_back(Problem{std::move(error).at(std::move(where)), at});
}

std::vector<Problem> Problems::take() {
    std::stable_sort(problems_.begin(), problems_.end(), before);
    std::set<std::tuple<int, int, std::string_view, std::string>> told;
    std::erase_if(problems_, [&](const Problem& problem) {
        const Error& error = problem.error;
        return !told.emplace(problem.at.line, problem.at.column, error.code(), error.what()).second;
    });
    return std::exchange(problems_, {});
}

std::string in_quotes(std::string_view text) {
    const bool is_cut = text.size() > kQuotedBytesMax;
    if (is_cut) {
        std::size_t end = kQuotedBytesMax;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
        text = text.substr(0, end);
    }
    std::string out = "`";
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    return out + (is_cut ? "...`" : "`");
}

std::string did_you_mean(std::string_view written,
                         const std::vector<std::string_view>& candidates) {
    if (written.size() > kSuggestedBytesMax) return {};
    // A third of the letters may be wrong: more, and the suggestion puzzles more than it helps.
    std::size_t nearest = written.size() / 3 + 1;
    std::string_view best;
    for (const std::string_view candidate : candidates) {
        if (std::max(candidate.size(), written.size()) >
            nearest + std::min(candidate.size(), written.size()))
            continue;
        const std::size_t distance = edit_distance(written, candidate);
        if (distance > nearest || (distance == nearest && !best.empty())) continue;
        nearest = distance;
        best = candidate;
    }
    if (best.empty()) return {};
    return "did you mean " + in_quotes(best) + "?";
}

std::string one_of(const std::vector<std::string_view>& choices) {
    std::string text;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
        text += in_quotes(choices[i]);
    }
    return text;
}

}  // namespace syncline::config
