#include "checker/loan.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/memory.hpp"

namespace syncline::checker {
namespace {

std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

// Kept memory: taken in large pieces, as a process may not have many mappings.
void* kept(std::size_t bytes) {
    static constexpr std::size_t kPieceBytes = 64 * 1024 * 1024;
    static char* at = nullptr;
    static std::size_t left = 0;
    bytes = (bytes + 15) / 16 * 16;
    if (bytes > left) {
        left = std::max(bytes, kPieceBytes);
        void* piece = ::mmap(nullptr, left, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        core::require_memory(piece != MAP_FAILED);
        at = static_cast<char*>(piece);
    }
    left -= bytes;
    return std::exchange(at, at + bytes);
}

}  // namespace

// Whole pages, and one behind them that can't be read.
Loan::Pages Loan::map(std::size_t bytes) {
    const std::size_t page = page_bytes();
    const std::size_t rounded = (bytes + page - 1) / page * page + (bytes == 0 ? page : 0);
    void* begin =
        ::mmap(nullptr, rounded + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    core::require_memory(begin != MAP_FAILED);
    core::require_memory(::mprotect(static_cast<char*>(begin) + rounded, page, PROT_NONE) == 0);
    return {begin, rounded};
}

void* Loan::zeroed(std::size_t bytes) {
    if (lending_ != Lending::kRevoked) return kept(bytes);
    const Pages pages = map(bytes);
    pages_.push_back(pages);
    return pages.begin;
}

syncline_str Loan::text(std::string_view text) {
    if (lending_ == Lending::kKept) {
        char* copy = static_cast<char*>(kept(text.size() + 1));
        std::memcpy(copy, text.data(), text.size());
        return {copy, text.size()};
    }
    const Pages pages = map(text.size() + 1);
    pages_.push_back(pages);
    char* at = static_cast<char*>(pages.begin);
    if (lending_ == Lending::kTight) at += pages.bytes - text.size();
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
}

void Loan::end() {
    if (lending_ == Lending::kRevoked) {
        for (const Pages& pages : pages_) ::mprotect(pages.begin, pages.bytes, PROT_NONE);
    }
    pages_.clear();
}

}  // namespace syncline::checker
