#include "plugin/sinks.hpp"

namespace syncline::plugin {
namespace {

thread_local RecordSink* current_record_sink = nullptr;
thread_local ReplySink* current_reply_sink = nullptr;

// A stale handle stops the connector: nobody takes what it yields.
syncline_sink_answer SYNCLINE_CALL add_record(syncline_sink_handle handle,
                                              const syncline_record* record) noexcept {
    RecordSink* sink = RecordSink::find(handle);
    return sink == nullptr ? SYNCLINE_SINK_STOP : sink->add(record);
}

void SYNCLINE_CALL set_reply(syncline_sink_handle handle,
                             const syncline_webhook_reply* reply) noexcept {
    if (ReplySink* sink = ReplySink::find(handle)) sink->set(reply);
}

}  // namespace

RecordSink::RecordSink(LiveInstance& instance) : instance_(instance) {
    table_.struct_size = sizeof table_;
    table_.handle = next_handle();
    table_.record = add_record;
    current_record_sink = this;
}

RecordSink::~RecordSink() {
    current_record_sink = nullptr;
}

RecordSink* RecordSink::find(syncline_sink_handle handle) {
    RecordSink* sink = current_record_sink;
    return sink != nullptr && sink->table_.handle == handle ? sink : nullptr;
}

syncline_sink_answer RecordSink::add(const syncline_record* record) {
    if (!problem_.empty()) return SYNCLINE_SINK_STOP;
    if (records_.size() >= record::kRecordsPerEventMax) {
        problem_ =
            "an event became more than " + std::to_string(record::kRecordsPerEventMax) + " records";
        return SYNCLINE_SINK_STOP;
    }
    record::Record copy;
    problem_ = copy_record(record, instance_.manifest(), copy);
    bytes_ += copy.key.size() + copy.body.size();
    if (problem_.empty() && bytes_ > kTranslationBytesMax) {
        problem_ = "an event became more than " + std::to_string(kTranslationBytesMax) + " bytes";
    }
    if (!problem_.empty()) return SYNCLINE_SINK_STOP;
    records_.push_back(std::move(copy));
    return SYNCLINE_SINK_GO_ON;
}

ReplySink::ReplySink() {
    table_.struct_size = sizeof table_;
    table_.handle = next_handle();
    table_.reply = set_reply;
    current_reply_sink = this;
}

ReplySink::~ReplySink() {
    current_reply_sink = nullptr;
}

ReplySink* ReplySink::find(syncline_sink_handle handle) {
    ReplySink* sink = current_reply_sink;
    return sink != nullptr && sink->table_.handle == handle ? sink : nullptr;
}

void ReplySink::set(const syncline_webhook_reply* reply) {
    WebhookReply copy;
    problem_ = copy_reply(reply, copy);
    has_reply_ = problem_.empty();
    reply_ = std::move(copy);
}

}  // namespace syncline::plugin
