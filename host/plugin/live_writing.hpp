// One open write operation.
// Concurrency: as live_operation.hpp says.
#pragma once

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "plugin/answer.hpp"
#include "plugin/data_grants.hpp"
#include "plugin/live_operation.hpp"

namespace syncline::plugin {

struct LiveInstance::Write final : LiveInstance::Operation {
    Write(WriteBatch given, const Manifest& manifest, std::function<void(WriteResult)> then)
        : Operation(given.stream, given.timeout),
          batch(std::move(given)),
          grants(manifest.data.identities),
          has_model(is_of_model(manifest, batch.stream)),
          outcomes(batch.records.size()),
          done(std::move(then)) {
        for (const WriteRecord& record : batch.records)
            if (record.subject.event != 0) subjects_of_records.push_back(record.subject);
    }

    static bool is_of_model(const Manifest& manifest, const std::string& stream) {
        const StreamSpec* spec = manifest.stream(stream);
        return spec != nullptr && !spec->model.empty();
    }

    Failure check(const Manifest& manifest) const override {
        const StreamSpec* spec = manifest.stream(batch.stream);
        if (!manifest.can_write || spec == nullptr || !spec->is_destination) {
            return {FailureClass::kUnsupported,
                    "the connector has no destination stream \"" + batch.stream + '"', "", -1};
        }
        if (spec->batch_records_max != 0 && batch.records.size() > spec->batch_records_max) {
            return {FailureClass::kHostBug, "the batch holds more records than the connector takes",
                    "", -1};
        }
        return {};
    }

    const char* begin_name() const override { return "write()"; }
    std::span<const Subject> subjects() const override { return subjects_of_records; }

    syncline_status begin(const Tables& tables, syncline_instance* instance, std::uint64_t handle,
                          syncline_error* error) override {
        for (const WriteRecord& record : batch.records) views.push_back(view_of(record));
        for (const auto& record : views) pointers.push_back(&record);
        view = {sizeof view, static_cast<std::uint32_t>(views.size()), to_str(batch.stream),
                pointers.data(), batch.timeout.count()};
        return tables.write->write(instance, handle, &view, error);
    }

    void cancel(const Tables& tables, syncline_instance* instance, std::uint64_t handle) override {
        tables.write->cancel(instance, handle);
    }

    void refuse(const Failure& failure) override {
        outcomes.assign(outcomes.size(), Outcome{OutcomeKind::kFailed, failure, "", ""});
    }

    // The outcomes that the connector gave, `failure` for the others, and what the platform said if
    // not all is well.
    std::function<void()> take_result(LiveInstance& instance, const Failure& failure) override {
        WriteResult result;
        const OutcomeKind rest = has_begun ? OutcomeKind::kUnknown : OutcomeKind::kNotAttempted;
        for (auto& outcome : outcomes)
            result.outcomes.push_back(outcome ? std::move(*outcome)
                                              : Outcome{rest, failure, "", ""});
        const std::shared_ptr<const HttpReply> response = std::move(answer);
        const bool is_all_done =
            std::all_of(result.outcomes.begin(), result.outcomes.end(),
                        [](const Outcome& outcome) { return outcome.kind == OutcomeKind::kDone; });
        if (response && !is_all_done) {
            result.answer = std::make_shared<const PlatformAnswer>(
                make_answer(answered_request, *response, instance.log_gate_));
        }
        take_ids(instance, result);
        return
            [then = std::move(done), told = std::move(result)]() mutable { then(std::move(told)); };
    }

    // What was put stands with the results; it is undone when nothing was done.
    void take_ids(LiveInstance& instance, WriteResult& result) {
        if (ids.empty()) return;
        const bool is_any_done =
            std::any_of(result.outcomes.begin(), result.outcomes.end(),
                        [](const Outcome& outcome) { return outcome.kind == OutcomeKind::kDone; });
        if (!is_any_done) return forget_ids(*instance.options_.own_ids, ids);
        result.ids = ids;
        // The instance may be gone by then, and another serve the account.
        result.ids_kept = [own = instance.options_.own_ids, kept = std::move(ids)] {
            forget_ids(*own, kept);
        };
    }

    syncline_write_record view_of(const WriteRecord& record) {
        syncline_write_record raw{};
        raw.struct_size = sizeof raw;
        raw.operation =
            record.operation == record::Operation::kDelete ? SYNCLINE_DELETE : SYNCLINE_UPSERT;
        raw.key = to_str(record.key);
        raw.body = to_str(body_of(record));
        raw.destination_key = to_str(record.destination_key);
        raw.body_format = SYNCLINE_BODY_JSON;
        raw.was_delivered = record.was_delivered ? 1 : 0;
        raw.is_complete = record.is_complete ? 1 : 0;
        raw.is_unknown = record.is_unknown ? 1 : 0;
        raw.changed_count = static_cast<std::uint32_t>(record.changed_fields.size());
        raw.unset_count = static_cast<std::uint32_t>(record.unset_fields.size());
        raw.changed_fields = names_of(record.changed_fields);
        raw.unset_fields = names_of(record.unset_fields);
        raw.parent_key = to_str(record.parent_key);
        raw.idempotency_key = to_str(record.idempotency_key);
        return raw;
    }

    // A record of a model is given without the identities that the manifest does not ask for.
    const std::string& body_of(const WriteRecord& record) {
        if (!has_model) return record.body;
        return bodies.emplace_back(granted_body(record.body, grants));
    }

    const syncline_str* names_of(const std::vector<std::string>& fields) {
        if (fields.empty()) return nullptr;
        auto& names = field_names.emplace_back();
        for (const std::string& field : fields) names.push_back(to_str(field));
        return names.data();
    }

    const WriteBatch batch;
    const std::vector<IdentityGrant>& grants;  // of the manifest, which outlives every operation
    const bool has_model;
    std::vector<std::optional<Outcome>> outcomes;  // as the connector has given them
    std::function<void(WriteResult)> done;
    std::vector<IdMapping> ids;  // put on behalf of it
    std::vector<Subject> subjects_of_records;

    // The batch in the connector's terms, borrowed by it until it completes.
    std::vector<syncline_write_record> views;
    std::vector<const syncline_write_record*> pointers;
    std::deque<std::vector<syncline_str>> field_names;
    std::deque<std::string> bodies;
    syncline_write_batch view{};
};

}  // namespace syncline::plugin
