#include "store/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <limits>

#include "core/assert.hpp"
#include "core/fault.hpp"
#include "core/log.hpp"
#include "store/errc.hpp"
#include "store/journal_writer.hpp"
#include "store/segment.hpp"

namespace syncline::store {
namespace {

constexpr Position kUnknown{std::numeric_limits<std::uint64_t>::max()};

// `000000000012.log` -> 12; 0 for any other name.
std::uint64_t number_of(const std::filesystem::path& file) {
    std::string name = file.filename().string();
    constexpr std::string_view kSuffix = ".log";
    if (!name.ends_with(kSuffix)) return 0;
    std::uint64_t number = 0;
    const char* end = name.data() + name.size() - kSuffix.size();
    auto [stopped, error] = std::from_chars(name.data(), end, number);
    return error == std::errc{} && stopped == end ? number : 0;
}

std::string place(const std::filesystem::path& file, std::uint64_t offset) {
    return file.string() + ":" + std::to_string(offset);
}

// A file without a header of its own in front of a used one is a spare that a crash left out of
// order.
void remove_unused(const std::filesystem::path& file) {
    core::log_debug("store", "removing an unused journal file", {{"file", file.string()}});
    ::unlink(file.c_str());
}

}  // namespace

std::filesystem::path segment_path(const std::filesystem::path& directory, std::uint64_t number) {
    char name[32];
    std::snprintf(name, sizeof name, "%012llu.log", static_cast<unsigned long long>(number));
    return directory / name;
}

Result<std::unique_ptr<Journal>> Journal::open(Options options) {
    std::unique_ptr<Journal> journal{new Journal{std::move(options)}};
    SYNCLINE_CHECK(journal->scan());
    return journal;
}

Journal::Journal(Options options) : options_(std::move(options)) {}

Journal::~Journal() = default;

Result<void> Journal::scan() {
    std::vector<std::uint64_t> numbers;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{options_.directory, error}) {
        if (std::uint64_t number = number_of(entry.path()); number != 0) numbers.push_back(number);
    }
    if (error) return io_error("can't list " + options_.directory.string(), error.value());
    std::sort(numbers.begin(), numbers.end());
    std::size_t first = 0;
    if (!options_.salvage) {
        SYNCLINE_TRY(first, set_history_aside(numbers));
    }
    for (std::size_t i = first; i < numbers.size(); ++i) {
        SYNCLINE_CHECK(scan_file(numbers[i], segment_path(options_.directory, numbers[i])));
    }
    if (!numbers.empty()) last_number_ = numbers.back();
    if (options_.salvage) return {};
    return make_durable();
}

// Files that hold nothing behind the state's position: the header of the next one tells. Nothing is
// refused for their sake, and a start reads no more of them. Returns how many of the files these
// are.
Result<std::size_t> Journal::set_history_aside(const std::vector<std::uint64_t>& numbers) {
    std::vector<SegmentScan> headers;
    std::size_t first = 0;
    for (std::uint64_t number : numbers) {
        SYNCLINE_TRY(SegmentScan header,
                     read_segment_header(segment_path(options_.directory, number), number));
        if (header.is_used && header.header.previous_last <= options_.applied)
            first = headers.size();
        headers.push_back(header);
    }
    Position last = first < headers.size() ? headers[first].header.previous_last : Position{};
    for (std::size_t i = first; i-- > 0;) {
        std::filesystem::path file = segment_path(options_.directory, numbers[i]);
        if (!headers[i].is_used && !headers[i].is_header_damaged) {
            remove_unused(file);
            continue;
        }
        history_.push_back(Segment{file, numbers[i], last, {}, headers[i].file_bytes});
        if (headers[i].is_used) last = headers[i].header.previous_last;
    }
    std::reverse(history_.begin(), history_.end());
    return first;
}

// What a killed hub had written but not flushed yet can be read now and gone after a power cut:
// before anyone builds upon it, it has to be on the disk. Only the last file can hold such a batch,
// and only the last names may not be durable.
Result<void> Journal::make_durable() const {
    if (!used_.empty()) {
        SYNCLINE_TRY(File file, File::open(used_.back().file, O_RDWR));
        SYNCLINE_CHECK(file.sync());
    }
    return sync_directory(options_.directory);
}

Result<void> Journal::refuse(Error error, Position before) {
    if (!options_.salvage) return error;
    damage_.push_back(JournalDamage{std::move(error), before});
    return {};
}

Result<void> Journal::scan_file(std::uint64_t number, const std::filesystem::path& file) {
    auto visit = [](const BatchView&) { return Result<void>{}; };
    SYNCLINE_TRY(SegmentScan scan, scan_segment(file, number, OnDamage::kStop, visit));
    if (scan.is_header_damaged) {
        return refuse(
            Error{kJournalDamaged, "the header of a journal file can't be read"}.at(place(file, 0)),
            kUnknown);
    }
    if (!scan.is_used) {
        set_spare_aside(number, file, scan);
        return {};
    }
    if (used_.empty()) {
        before_first_ = scan.header.previous_last;
        last_ = scan.header.previous_last;
    }
    for (JournalDamage& damage : damage_) {
        if (damage.before == kUnknown) damage.before = scan.header.previous_last;
    }
    // A start seals what it found by naming it in its own first segment: a difference means that
    // something that was there then is gone now, or the other way round.
    if (scan.header.previous_last != last_) {
        SYNCLINE_CHECK(refuse(
            Error{kJournalDamaged, "the facts between " + to_string(last_) + " and " +
                                       to_string(scan.header.previous_last) + " can't be read"}
                .at(file.string()),
            scan.header.previous_last));
    }
    if (scan.has_batch_after_tail) {
        Error error = Error{kJournalDamaged, "the facts after " + to_string(scan.last) +
                                                 " can't be read, later ones can"}
                          .at(place(file, scan.tail_offset));
        if (options_.salvage) {
            SYNCLINE_TRY(scan, scan_segment(file, number, OnDamage::kSkip, visit));
        }
        SYNCLINE_CHECK(refuse(std::move(error), scan.last));
    } else if (scan.has_tail) {
        core::log_info("store",
                       "the journal ends in a write that was cut short; it was never acknowledged",
                       {{"file", file.string()}, {"offset", scan.tail_offset}});
    }
    if (!options_.salvage) {
        for (Segment& spare : spares_) remove_unused(spare.file);
    }
    spares_.clear();
    last_ = std::max(last_, scan.last);
    used_.push_back(Segment{file, number, scan.last, scan.header.previous_last, scan.file_bytes,
                            scan.tail_offset});
    return {};
}

// A file of another size was not finished when the hub was killed.
void Journal::set_spare_aside(std::uint64_t number, const std::filesystem::path& file,
                              const SegmentScan& scan) {
    if (scan.file_bytes == options_.segment_bytes) {
        spares_.push_back(Segment{file, number, {}, {}, scan.file_bytes});
    } else if (!options_.salvage) {
        ::unlink(file.c_str());
    }
}

Result<void> Journal::replay(Position after,
                             const std::function<Result<void>(NumberedFact)>& visit) const {
    OnDamage on_damage = options_.salvage ? OnDamage::kSkip : OnDamage::kStop;
    for (auto at = used_.begin(); at != used_.end(); ++at) {
        const Segment& segment = *at;
        if (segment.last <= after) continue;
        // What the next file does not know was never acknowledged, readable or not.
        Position sealed = std::next(at) == used_.end() ? last_ : std::next(at)->previous_last;
        auto visit_batch = [&](const BatchView& batch) -> Result<void> {
            std::string_view bytes = batch.payload;
            for (std::uint32_t i = 0; i < batch.count; ++i) {
                Position position{batch.first.value + i};
                SYNCLINE_TRY(Fact fact, decode(bytes));
                if (position <= after || position > sealed) continue;
                SYNCLINE_CHECK(visit(NumberedFact{position, std::move(fact)}));
            }
            return {};
        };
        SYNCLINE_TRY(SegmentScan scan,
                     scan_segment(segment.file, segment.number, on_damage, visit_batch));
        (void)scan;
    }
    return {};
}

Result<NumberedFact> Journal::begin(std::uint64_t at_least, EpochBegan fact) {
    SYNCLINE_ASSERT(writer_ == nullptr);
    std::uint64_t epoch = std::max(last_.epoch(), at_least) + 1;
    if (core::is_planted(core::PlantedBug::kPositionReused) && epoch > 1) --epoch;
    std::vector<Segment> used = std::move(history_);
    used.insert(used.end(), used_.begin(), used_.end());
    used_.clear();
    SYNCLINE_TRY(writer_, Writer::start(Writer::Start{
                              options_.directory, options_.segment_bytes,
                              options_.history_bytes_max, options_.on_batch, options_.on_fatal,
                              std::move(used), std::move(spares_), last_number_, options_.applied,
                              last_, Position::of(epoch, 1), metrics_, thread_}));
    NumberedFact first{Position::of(epoch, 1), Fact{std::move(fact)}};
    SYNCLINE_CHECK(writer_->write_first(first));
    return first;
}

void Journal::append(Append append) {
    writer_->append(std::move(append));
}

bool Journal::has_room() const {
    return writer_ == nullptr || writer_->has_room();
}

void Journal::truncate(Position position) {
    writer_->truncate(position);
}

bool Journal::drop_history() {
    return writer_->drop_history();
}

std::vector<JournalFile> Journal::files() const {
    if (writer_) return writer_->files();
    std::vector<JournalFile> files;
    for (const std::vector<Segment>* segments : {&history_, &used_}) {
        for (const Segment& segment : *segments)
            files.push_back(JournalFile{segment.file, segment.number, segment.last});
    }
    return files;
}

Position Journal::durable() const {
    return writer_ ? writer_->durable() : last_;
}

std::shared_ptr<Hold> Journal::hold(const HoldLimits& limits) {
    return writer_ ? writer_->hold(limits) : std::make_shared<Hold>(options_.applied, limits);
}

void Journal::stop() {
    if (writer_) writer_->stop();
}

}  // namespace syncline::store
