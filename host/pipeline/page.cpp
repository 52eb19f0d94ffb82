#include "pipeline/page.hpp"

#include <cstdint>
#include <utility>

#include "pipeline/errc.hpp"
#include "store/codec.hpp"

namespace syncline::pipeline {
namespace {

constexpr std::uint8_t kFormat = 1;

}  // namespace

std::string encode_page(const std::vector<record::Record>& records) {
    store::Writer out;
    out.integer(kFormat).integer(static_cast<std::uint32_t>(records.size()));
    for (const record::Record& record : records) {
        out.integer(static_cast<std::uint8_t>(record.operation));
        out.text(record.stream).text(record.key).text(record.body);
        out.text(record.parent_stream).text(record.parent_key);
        out.integer(static_cast<std::uint8_t>(record.occurred_ns.has_value()));
        out.integer(record.occurred_ns.value_or(0));
    }
    return out.take();
}

Result<std::vector<record::Record>> decode_page(std::string_view bytes) {
    store::Reader in{bytes};
    const auto format = in.integer<std::uint8_t>();
    const auto count = in.integer<std::uint32_t>();
    std::vector<record::Record> records;
    bool is_known = format == kFormat;
    for (std::uint32_t i = 0; i < count && in.ok() && is_known; ++i) {
        record::Record& record = records.emplace_back();
        const auto operation = in.integer<std::uint8_t>();
        is_known = operation >= static_cast<std::uint8_t>(record::Operation::kUpsert) &&
                   operation <= static_cast<std::uint8_t>(record::Operation::kFetch);
        record.operation = static_cast<record::Operation>(operation);
        record.stream = in.text();
        record.key = in.text();
        record.body = in.text();
        record.parent_stream = in.text();
        record.parent_key = in.text();
        const bool has_occurred = in.integer<std::uint8_t>() != 0;
        const auto occurred_ns = in.integer<std::int64_t>();
        if (has_occurred) record.occurred_ns = occurred_ns;
    }
    if (!is_known || !in.at_end()) return Error{kPageDamaged, "a page that was read is damaged"};
    return records;
}

}  // namespace syncline::pipeline
