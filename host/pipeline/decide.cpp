#include "pipeline/decide.hpp"

#include <utility>

#include "pipeline/errc.hpp"
#include "record/json.hpp"
#include "record/record.hpp"

namespace syncline::pipeline {
namespace {

namespace json = boost::json;

// What the key map remembers of a deletion: no body has this hash, but for one chance in 2^128.
core::Hash128 deleted_hash() {
    core::Hash128 hash;
    hash.bytes.fill(0xff);
    return hash;
}

bool is_deletion(const store::LaneHead& head) {
    return head.row->operation == record::Operation::kDelete;
}

Unmappable unmappable(const core::ErrorCode& code, const Error& cause) {
    return Unmappable{
        Error{code, cause.where().empty() ? cause.what() : cause.where() + ": " + cause.what()}};
}

}  // namespace

Decision decide(const ConnectionPlan& plan, const store::LaneHead& head, std::string_view body,
                std::uint64_t hash_seed) {
    const auto& known = head.key_map;
    if (known && !head.is_forced && known->last > head.record) return Superseded{};

    json::value source = json::object{};
    if (!body.empty()) {
        Result<json::value> parsed = record::parse_json(body);
        if (!parsed.has_value()) return unmappable(kBodyNotJson, parsed.error());
        source = std::move(*parsed);
    }
    if (!source.is_object())
        return Unmappable{Error{kBodyNotJson, "the body of the record is not a JSON object"}};

    const expr::Limits limits = expr::Limits::for_input(body.size());

    // A deletion of something that was delivered goes out whatever the filter says of its body.
    bool is_wanted = is_deletion(head) && known && known->row_hash != deleted_hash();
    if (plan.when && !is_wanted) {
        Result<json::value> verdict = plan.when->run(source, limits);
        if (!verdict.has_value()) return unmappable(kFilterFailed, verdict.error());
        if (!expr::Program::is_true(*verdict)) return Filtered{};
    }

    json::object mapped;
    if (plan.map.empty()) {
        mapped = std::move(source.get_object());
    }
    for (const auto& [field, program] : plan.map) {
        Result<json::value> value = program.run(source, limits);
        if (!value.has_value()) return unmappable(kMappingFailed, value.error());
        mapped.insert_or_assign(field, std::move(*value));
    }

    Send send;
    if (is_deletion(head)) {
        send.fingerprint.row = deleted_hash();
    } else {
        send.fingerprint = record::fingerprint(mapped, hash_seed);
    }
    // Rule 13: after an unknown outcome the record goes out whatever the hash says.
    if (known && !known->is_unknown && !head.is_forced && known->row_hash == send.fingerprint.row) {
        return Unchanged{send.fingerprint.row};
    }
    send.body = record::write_json(mapped);
    if (send.body.size() > record::kRecordBytesMax) {
        return Unmappable{Error{kMappingFailed, "the mapped record has more than 16 MiB"}};
    }
    return send;
}

}  // namespace syncline::pipeline
