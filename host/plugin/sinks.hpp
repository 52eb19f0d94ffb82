// Where a connector's output of one call goes. A sink lives for the call, on the generation's
// thread; its handle means nothing before, after, or on another thread.
// Concurrency: [work], the generation's thread, for the duration of one call.
#pragma once

#include <string>
#include <vector>

#include "plugin/copy_in.hpp"
#include "plugin/live_instance.hpp"

namespace syncline::plugin {

class RecordSink {
  public:
    explicit RecordSink(LiveInstance& instance);
    RecordSink(const RecordSink&) = delete;
    RecordSink& operator=(const RecordSink&) = delete;
    ~RecordSink();

    const syncline_record_sink* table() const { return &table_; }
    const Problem& problem() const { return problem_; }
    std::vector<record::Record> take() { return std::move(records_); }

    // The one that this thread's current call feeds, if this is its handle.
    static RecordSink* find(syncline_sink_handle handle);
    syncline_sink_answer add(const syncline_record* record);

  private:
    LiveInstance& instance_;
    syncline_record_sink table_{};
    std::vector<record::Record> records_;
    std::size_t bytes_ = 0;
    Problem problem_;
};

class ReplySink {
  public:
    ReplySink();
    ReplySink(const ReplySink&) = delete;
    ReplySink& operator=(const ReplySink&) = delete;
    ~ReplySink();

    const syncline_reply_sink* table() const { return &table_; }
    const Problem& problem() const { return problem_; }
    bool has_reply() const { return has_reply_; }
    WebhookReply take() { return std::move(reply_); }

    static ReplySink* find(syncline_sink_handle handle);
    void set(const syncline_webhook_reply* reply);

  private:
    syncline_reply_sink table_{};
    WebhookReply reply_;
    bool has_reply_ = false;
    Problem problem_;
};

}  // namespace syncline::plugin
