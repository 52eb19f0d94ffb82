#include "store/segment.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include "core/assert.hpp"
#include "core/hash.hpp"
#include "store/codec.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

constexpr std::uint64_t kSegmentMagic = 0x3147'4553'434e'5953;  // "SYNCSEG1"
constexpr std::uint32_t kBatchMagic = 0x4843'5442;              // "BTCH"
constexpr std::size_t kBatchHeaderBytes = 32;
constexpr std::size_t kSegmentHeaderBytes = 40;
constexpr std::size_t kSecondHeaderAt = 2048;  // in another sector than the first

std::string encode_header(const SegmentHeader& header) {
    Writer out;
    out.integer(kSegmentMagic)
        .integer(header.number)
        .integer(header.base.value)
        .integer(header.previous_last.value);
    out.integer(header.salt);
    std::uint32_t crc = core::crc32c(out.bytes());
    out.integer(crc);
    std::string copy = out.take();
    std::string block = copy;
    block.resize(kSecondHeaderAt, '\0');
    block += copy;
    block.resize(kBlockBytes, '\0');
    return block;
}

bool decode_header(std::string_view bytes, SegmentHeader& header) {
    Reader in{bytes};
    auto magic = in.integer<std::uint64_t>();
    header.number = in.integer<std::uint64_t>();
    header.base.value = in.integer<std::uint64_t>();
    header.previous_last.value = in.integer<std::uint64_t>();
    header.salt = in.integer<std::uint32_t>();
    auto crc = in.integer<std::uint32_t>();
    return in.ok() && magic == kSegmentMagic &&
           crc == core::crc32c(bytes.substr(0, kSegmentHeaderBytes - sizeof crc));
}

// Each byte equals the one before it, and the first is zero: some ten times as fast as looking for
// another byte, and most of a young file is zeros.
bool is_zero(std::string_view bytes) {
    return bytes.empty() || (bytes.front() == '\0' &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// A spare begins with zeros, or with the header of its earlier use, under another number; a header
// that was being written when the power went leaves one of the two, sector by sector. Anything else
// is damage.
void read_header(std::string_view block, std::uint64_t number, SegmentScan& scan) {
    bool is_some_header = false;
    for (std::size_t at : {std::size_t{0}, kSecondHeaderAt}) {
        SegmentHeader header;
        if (!decode_header(block.substr(at), header)) continue;
        is_some_header = true;
        if (header.number != number) continue;
        scan.is_used = true;
        scan.header = header;
        return;
    }
    scan.is_header_damaged = !is_some_header && !is_zero(block);
}

std::uint64_t round_to_block(std::uint64_t bytes) {
    return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

// The header's first 28 bytes and the payload are covered; the checksum is the header's last field.
std::uint32_t batch_crc(std::uint32_t salt, std::string_view header, std::string_view payload) {
    return core::crc32c(payload, core::crc32c(header.substr(0, kBatchHeaderBytes - 4), salt));
}

// A file from front to back, through a buffer that grows only for a batch that is larger.
class Window {
  public:
    Window(const File& file, std::uint64_t size) : file_(file), size_(size) {}

    std::uint64_t size() const { return size_; }

    // What follows `offset`: `least` bytes, or what the file has, and more where it is at hand.
    // Valid until the next call.
    Result<std::string_view> at(std::uint64_t offset, std::uint64_t least) {
        const std::uint64_t wanted = std::min(least, size_ - std::min(offset, size_));
        if (offset < begin_ || offset + wanted > begin_ + filled_) {
            if (wanted > capacity_) {
                capacity_ = std::max<std::size_t>(kBytes, wanted);
                buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
            }
            begin_ = offset;
            SYNCLINE_TRY(filled_, file_.read_at(offset, std::span{buffer_.get(), capacity_}));
        }
        return std::string_view{buffer_.get(), filled_}.substr(offset - begin_);
    }

  private:
    static constexpr std::size_t kBytes = 256 * 1024;

    const File& file_;
    const std::uint64_t size_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::uint64_t begin_ = 0;
    std::size_t filled_ = 0;
};

// Whether a whole batch begins at `offset`.
Result<bool> read_batch(std::uint32_t salt, Window& file, std::uint64_t offset, BatchView& batch) {
    SYNCLINE_TRY(std::string_view bytes, file.at(offset, kBatchHeaderBytes));
    Reader in{bytes};
    auto magic = in.integer<std::uint32_t>();
    batch.count = in.integer<std::uint32_t>();
    batch.first.value = in.integer<std::uint64_t>();
    auto length = in.integer<std::uint64_t>();
    in.integer<std::uint32_t>();  // reserved
    auto crc = in.integer<std::uint32_t>();
    if (!in.ok() || magic != kBatchMagic || batch.count == 0) return false;
    if (length > file.size() - offset - kBatchHeaderBytes) return false;
    SYNCLINE_TRY(bytes, file.at(offset, kBatchHeaderBytes + length));
    if (bytes.size() < kBatchHeaderBytes + length) return false;
    batch.payload = bytes.substr(kBatchHeaderBytes, length);
    return crc == batch_crc(salt, bytes.substr(0, kBatchHeaderBytes), batch.payload);
}

// Behind the last batch: is there anything, and does a whole later batch follow it?
Result<void> look_behind(Window& file, std::uint64_t offset, SegmentScan& scan) {
    scan.tail_offset = offset;
    for (std::uint64_t at = offset; at < file.size();) {
        SYNCLINE_TRY(std::string_view bytes, file.at(at, kBlockBytes));
        if (bytes.empty()) break;  // shorter than it was
        if (is_zero(bytes)) {
            at += round_to_block(bytes.size());
            continue;
        }
        std::uint32_t magic = 0;
        std::uint64_t first = 0;
        if (bytes.size() >= kBatchHeaderBytes) {
            std::memcpy(&magic, bytes.data(), sizeof magic);
            std::memcpy(&first, bytes.data() + 8, sizeof first);
        }
        // Others are left from an earlier use of the file.
        if (magic == kBatchMagic && first > scan.last.value) {
            scan.has_tail = true;
            BatchView batch;
            if (at > offset) {
                SYNCLINE_TRY(const bool is_whole, read_batch(scan.header.salt, file, at, batch));
                scan.has_batch_after_tail |= is_whole;
            }
        }
        at += kBlockBytes;
    }
    return {};
}

}  // namespace

std::uint64_t batch_bytes(std::size_t payload_bytes) {
    return round_to_block(kBatchHeaderBytes + payload_bytes);
}

void build_batch(std::uint32_t salt, Position first, std::uint32_t count, std::string_view payload,
                 std::string& block) {
    Writer header;
    header.integer(kBatchMagic).integer(count).integer(first.value);
    header.integer(static_cast<std::uint64_t>(payload.size())).integer(std::uint32_t{0});
    std::string crc_placeless = header.bytes() + std::string(4, '\0');
    header.integer(batch_crc(salt, crc_placeless, payload));
    block.clear();
    block.reserve(batch_bytes(payload.size()));
    block += header.bytes();
    block += payload;
    block.resize(batch_bytes(payload.size()), '\0');
}

Result<SegmentWriter> SegmentWriter::begin(const std::filesystem::path& path,
                                           const SegmentHeader& header) {
    SegmentWriter writer;
    SYNCLINE_TRY(writer.file_, File::open(path, O_WRONLY));
    SYNCLINE_TRY(writer.capacity_, writer.file_.size());
    writer.path_ = path;
    writer.header_ = header;
    SYNCLINE_CHECK(writer.file_.write_at(0, encode_header(header)));
    return writer;
}

Result<void> SegmentWriter::append(std::string_view batch) {
    SYNCLINE_ASSERT(batch.size() <= room() && batch.size() % kBlockBytes == 0);
    SYNCLINE_CHECK(file_.write_at(offset_, batch));
    offset_ += batch.size();
    return {};
}

Result<void> prepare_segment(const std::filesystem::path& path, std::uint64_t bytes,
                             bool is_zeroed) {
    SYNCLINE_TRY(File file, File::open(path, O_WRONLY | O_CREAT | O_EXCL));
    auto make = [&]() -> Result<void> {
        if (!is_zeroed) {
            int error = ::posix_fallocate(file.descriptor(), 0, static_cast<off_t>(bytes));
            if (error != 0) return io_error("can't reserve " + path.string(), error);
        } else {
            const std::string zeros(1024 * 1024, '\0');
            for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
                std::uint64_t size = std::min<std::uint64_t>(zeros.size(), bytes - at);
                SYNCLINE_CHECK(file.write_at(at, std::string_view{zeros}.substr(0, size)));
            }
        }
        return file.sync();
    };
    Result<void> made = make();
    if (!made.has_value()) ::unlink(path.c_str());
    return made;
}

Result<SegmentScan> read_segment_header(const std::filesystem::path& path, std::uint64_t number) {
    SYNCLINE_TRY(File file, File::open(path, O_RDONLY));
    SegmentScan scan;
    SYNCLINE_TRY(scan.file_bytes, file.size());
    SYNCLINE_TRY(std::string block, file.read_at(0, kBlockBytes));
    if (block.size() == kBlockBytes) read_header(block, number, scan);
    return scan;
}

Result<SegmentScan> scan_segment(const std::filesystem::path& path, std::uint64_t number,
                                 OnDamage on_damage,
                                 const std::function<Result<void>(const BatchView&)>& visit) {
    SYNCLINE_TRY(File file, File::open(path, O_RDONLY));
    SYNCLINE_TRY(std::uint64_t size, file.size());
    SegmentScan scan;
    scan.file_bytes = size;
    if (size < kBlockBytes) return scan;
    // A start reads every file: of a spare the header is enough.
    SYNCLINE_TRY(const std::string first_block, file.read_at(0, kBlockBytes));
    if (first_block.size() < kBlockBytes) return scan;
    read_header(first_block, number, scan);
    if (!scan.is_used) return scan;
    scan.last = Position{scan.header.base.value - 1};
    Window window{file, size};
    std::uint64_t offset = kBlockBytes;
    std::uint64_t end = offset;
    while (offset < size) {
        BatchView batch;
        SYNCLINE_TRY(const bool is_whole, read_batch(scan.header.salt, window, offset, batch));
        if (is_whole && (on_damage == OnDamage::kSkip ? batch.first > scan.last
                                                      : batch.first == scan.last.next())) {
            SYNCLINE_CHECK(visit(batch));
            scan.last = Position{batch.first.value + batch.count - 1};
            offset += batch_bytes(batch.payload.size());
            end = offset;
        } else if (on_damage == OnDamage::kSkip) {
            offset += kBlockBytes;
        } else {
            break;
        }
    }
    SYNCLINE_CHECK(look_behind(window, std::min(end, size), scan));
    return scan;
}

}  // namespace syncline::store
