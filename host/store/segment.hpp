// One file of the journal: preallocated, written front to back in checksummed batches.
//
// Layout: a header block of 4 KiB, then batches. A batch is what one group commit wrote: 32 bytes
// of header, the encoded facts, zeros up to the next multiple of 4 KiB. Because a batch never
// shares a block with another one, a torn write can't touch what was acknowledged. The checksum
// begins with a random number of the file's header: neither what an earlier use of the file left
// behind nor what a sender wrote into a body is ever taken for a batch. The header stands twice in
// its block, so that one bad byte does not cost the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "core/error.hpp"
#include "store/file.hpp"
#include "store/position.hpp"

namespace syncline::store {

inline constexpr std::uint64_t kBlockBytes = 4096;

struct SegmentHeader {
    std::uint64_t number = 0;  // of the file
    Position base;             // of its first fact
    Position previous_last;  // the last durable fact before it: what follows that one elsewhere was
                             // never acknowledged
    std::uint32_t salt = 0;  // random; every checksum of the file begins with it
};

// Bytes that a batch with a payload of this size takes in the file.
std::uint64_t batch_bytes(std::size_t payload_bytes);

// Fills `block` (cleared first) with a whole batch, padding included.
void build_batch(std::uint32_t salt, Position first, std::uint32_t count, std::string_view payload,
                 std::string& block);

class SegmentWriter {
  public:
    // Takes over a prepared file (see prepare_segment). Writes the header; the first sync() makes
    // it durable.
    static Result<SegmentWriter> begin(const std::filesystem::path& file,
                                       const SegmentHeader& header);

    std::uint64_t room() const { return capacity_ > offset_ ? capacity_ - offset_ : 0; }
    std::uint64_t bytes() const { return capacity_; }  // of the file
    std::uint64_t filled() const { return offset_; }   // up to the end of the last batch
    const SegmentHeader& header() const { return header_; }
    const std::filesystem::path& path() const { return path_; }

    // `batch` comes from build_batch and fits room().
    Result<void> append(std::string_view batch);
    Result<void> sync() { return file_.sync(); }

  private:
    File file_;
    std::filesystem::path path_;
    SegmentHeader header_;
    std::uint64_t offset_ = kBlockBytes;
    std::uint64_t capacity_ = 0;
};

// Creates a file of `bytes` with its blocks allocated and written, so that later flushes need no
// metadata. `is_zeroed` false only reserves the blocks: faster to make, slower to flush. Errors:
// store.disk_full, store.io_failed.
Result<void> prepare_segment(const std::filesystem::path& file, std::uint64_t bytes,
                             bool is_zeroed);

struct BatchView {
    Position first;
    std::uint32_t count = 0;
    std::string_view payload;  // valid during the visit
};

struct SegmentScan {
    bool is_used = false;            // false: a spare that holds no header of its own
    bool is_header_damaged = false;  // neither a header nor what a spare begins with
    std::uint64_t file_bytes = 0;
    SegmentHeader header;
    Position last;          // of the last whole batch; header.base's predecessor when there is none
    bool has_tail = false;  // something that is no batch, nor zeros, stands behind the last batch
    bool has_batch_after_tail =
        false;  // ... and a whole batch behind that: damage, not a torn write
    std::uint64_t tail_offset = 0;
};

// Reads the header of the file `number` and nothing else: `last` and what stands behind it stay
// unsaid. [any]
Result<SegmentScan> read_segment_header(const std::filesystem::path& file, std::uint64_t number);

enum class OnDamage { kStop, kSkip };

// Reads the file `number` front to back. `visit` may stop the scan with an error. With kSkip it
// goes on behind damage with the next whole batch. [any]
Result<SegmentScan> scan_segment(const std::filesystem::path& file, std::uint64_t number,
                                 OnDamage on_damage,
                                 const std::function<Result<void>(const BatchView&)>& visit);

}  // namespace syncline::store
