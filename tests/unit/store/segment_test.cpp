#include "store/segment.hpp"

#include <fcntl.h>

#include <fstream>

#include "samples.hpp"
#include "store/errc.hpp"
#include "support/files.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr std::uint64_t kBytes = 256 * 1024;

// A file with three batches: 10 bytes, 9,000 bytes, 10 bytes.
struct Sample {
    Sample() : file(directory / "000000000001.log") {
        REQUIRE(prepare_segment(file, kBytes, true).has_value());
        add(SegmentHeader{1, Position::of(1, 1), {}, 99},
            {std::string(10, 'a'), std::string(9000, 'b'), std::string(10, 'c')});
    }

    void add(const SegmentHeader& header, const std::vector<std::string>& texts) {
        auto writer = SegmentWriter::begin(file, header);
        REQUIRE(writer.has_value());
        Position next = header.base;
        offsets.assign(1, kBlockBytes);
        for (const std::string& payload : texts) {
            std::string block;
            build_batch(header.salt, next, 2, payload, block);
            REQUIRE(writer->append(block).has_value());
            offsets.push_back(offsets.back() + block.size());
            next = Position{next.value + 2};
        }
        REQUIRE(writer->sync().has_value());
    }

    SegmentScan scan(std::uint64_t number = 1, OnDamage on_damage = OnDamage::kStop) {
        payloads.clear();
        auto result =
            scan_segment(file, number, on_damage, [&](const BatchView& batch) -> Result<void> {
                payloads.emplace_back(batch.payload);
                return {};
            });
        REQUIRE(result.has_value());
        return *result;
    }

    test::TempDir directory;
    std::filesystem::path file;
    std::vector<std::uint64_t> offsets;  // of the batches, and of what follows the last
    std::vector<std::string> payloads;
};

}  // namespace

TEST_CASE("segment: gives back its batches", "[store][segment]") {
    Sample sample;
    SegmentScan scan = sample.scan();
    CHECK(scan.is_used);
    CHECK(scan.last == Position::of(1, 6));
    CHECK(!scan.has_tail);
    CHECK(sample.payloads == std::vector<std::string>{std::string(10, 'a'), std::string(9000, 'b'),
                                                      std::string(10, 'c')});
}

TEST_CASE("segment: a last batch of which any part is missing is ignored", "[store][segment]") {
    Sample sample;
    sample.add(SegmentHeader{1, Position::of(1, 1), {}, 98},
               {std::string(10, 'a'), std::string(9000, 'b')});
    const std::string whole = test::read_file(sample.file);
    for (std::uint64_t unit : {std::uint64_t{512}, kBlockBytes}) {
        for (std::uint64_t at = sample.offsets[1]; at < sample.offsets[1] + 32 + 9000; at += unit) {
            std::string torn = whole;
            torn.replace(at, unit, std::string(unit, '\0'));
            test::write_file(sample.file, torn);
            SegmentScan scan = sample.scan();
            CHECK(scan.last == Position::of(1, 2));
            CHECK(!scan.has_batch_after_tail);
            CHECK(sample.payloads.size() == 1);
            test::write_file(sample.file, whole.substr(0, at));  // the file ends there
            CHECK(sample.scan().last == Position::of(1, 2));
        }
    }
}

TEST_CASE("segment: a bad byte in an earlier batch is damage, at its place", "[store][segment]") {
    Sample sample;
    const std::string whole = test::read_file(sample.file);
    for (std::uint64_t at = sample.offsets[1]; at < sample.offsets[1] + 32 + 9000; at += 37) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        test::write_file(sample.file, damaged);
        if (at >= sample.offsets[1] + 24 && at < sample.offsets[1] + 28) continue;
        SegmentScan scan = sample.scan();
        CHECK(scan.has_batch_after_tail);
        CHECK(scan.tail_offset == sample.offsets[1]);
        CHECK(scan.last == Position::of(1, 2));
        scan = sample.scan(1, OnDamage::kSkip);
        CHECK(sample.payloads.size() == 2);
        CHECK(scan.last == Position::of(1, 6));
    }
}

TEST_CASE("segment: one bad byte in the header costs nothing, two are damage", "[store][segment]") {
    Sample sample;
    const std::string whole = test::read_file(sample.file);
    for (std::size_t at : {std::size_t{3}, std::size_t{20}, std::size_t{2050}, std::size_t{1000}}) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        test::write_file(sample.file, damaged);
        CHECK(sample.scan().last == Position::of(1, 6));
    }
    std::string damaged = whole;
    damaged[20] = 'x';
    damaged[2068] = 'x';
    test::write_file(sample.file, damaged);
    SegmentScan scan = sample.scan();
    CHECK(!scan.is_used);
    CHECK(scan.is_header_damaged);
}

TEST_CASE("segment: a file in its second use hides the batches of the first", "[store][segment]") {
    Sample sample;
    CHECK(!sample.scan(2).is_used);  // renamed: a spare
    CHECK(!sample.scan(2).is_header_damaged);
    sample.add(SegmentHeader{2, Position::of(1, 1), {}, 7},
               {std::string(10, 'n')});  // even with the same positions
    SegmentScan scan = sample.scan(2);
    CHECK(scan.is_used);
    CHECK(scan.last == Position::of(1, 2));
    CHECK(!scan.has_batch_after_tail);
    CHECK(sample.payloads == std::vector<std::string>{std::string(10, 'n')});
}

TEST_CASE("segment: a header that was half written leaves a spare or the file, never damage",
          "[store][segment]") {
    Sample sample;
    const std::string before = test::read_file(sample.file);
    sample.add(SegmentHeader{2, Position::of(2, 1), Position::of(1, 6), 7}, {std::string(10, 'n')});
    const std::string after = test::read_file(sample.file);
    for (unsigned kept = 0; kept < 256; ++kept) {
        std::string torn = after;
        for (unsigned sector = 0; sector < 8; ++sector) {
            if ((kept >> sector & 1) == 0)
                torn.replace(sector * 512, 512, before, sector * 512, 512);
        }
        test::write_file(sample.file, torn);
        SegmentScan scan = sample.scan(2);
        CHECK(!scan.is_header_damaged);
        CHECK(scan.is_used == ((kept & 0x11) != 0));
    }
}

TEST_CASE("segment: a body that looks like a batch is none", "[store][segment]") {
    Sample sample;
    std::string fake;
    build_batch(0, Position::of(9, 1), 1, "forged", fake);
    std::string payload(kBlockBytes - 32, 'p');
    payload += fake;
    sample.add(SegmentHeader{1, Position::of(1, 1), {}, 98}, {std::string(10, 'a'), payload});
    std::string torn = test::read_file(sample.file);
    torn[sample.offsets[1] + 40] = 'x';
    test::write_file(sample.file, torn);
    SegmentScan scan = sample.scan();
    CHECK(scan.has_tail);
    CHECK(!scan.has_batch_after_tail);
    sample.scan(1, OnDamage::kSkip);
    CHECK(sample.payloads.size() == 1);
}
