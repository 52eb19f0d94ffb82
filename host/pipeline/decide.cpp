#include "pipeline/decide.hpp"

#include <utility>

#include "pipeline/errc.hpp"
#include "record/json.hpp"
#include "record/record.hpp"

namespace syncline::pipeline {
namespace {

using record::deleted_hash;

bool is_deletion(const store::LaneHead& head) {
    return head.row->operation == record::Operation::kDelete;
}

// Rule 13: only what surely is at the destination can be left out.
bool knows_fields(const store::LaneHead& head) {
    return head.key_map && !head.key_map->is_unknown && !head.is_forced &&
           !head.key_map->field_hashes.empty() && !is_deletion(head);
}

}  // namespace

Decision decide(const ConnectionPlan& plan, const store::LaneHead& head, std::string_view body,
                std::uint64_t hash_seed) {
    const auto& known = head.key_map;
    if (known && !head.is_forced && known->last > head.record) return Superseded{};

    // A deletion of something that was delivered goes out whatever the filter says of its body.
    const bool is_wanted = is_deletion(head) && known && known->row_hash != deleted_hash();
    const expr::Program* when = plan.when && !is_wanted ? &*plan.when : nullptr;
    Mapping mapping = apply_mapping(when, plan.map, body);
    if (std::holds_alternative<Filtered>(mapping)) return Filtered{};
    if (auto* failed = std::get_if<Unmappable>(&mapping)) return std::move(*failed);
    const boost::json::object& mapped = std::get<Mapped>(mapping).body;

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
    if (plan.takes_partial_updates && knows_fields(head)) {
        const auto before = record::decode_field_hashes(known->field_hashes);
        send.is_complete = before.empty() || send.fingerprint.fields.empty();
        if (!send.is_complete) send.changes = record::changes(before, send.fingerprint.fields);
    }
    send.body = record::write_json(mapped);
    if (send.body.size() > record::kRecordBytesMax) {
        return Unmappable{Error{kMappingFailed, "the mapped record has more than 16 MiB"}};
    }
    return send;
}

}  // namespace syncline::pipeline
