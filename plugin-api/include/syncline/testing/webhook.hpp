// The fake host's calls of the capability "webhook".
#ifndef SYNCLINE_TESTING_WEBHOOK_HPP
#define SYNCLINE_TESTING_WEBHOOK_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"
#include "syncline/testing/instance.hpp"
#include "syncline/testing/values.hpp"

namespace syncline::testing::fake {

struct RawRequest {
    explicit RawRequest(const Request& from) {
        for (const auto& [name, value] : from.headers)
            headers.push_back({borrow(name), borrow(value)});
        request.struct_size = sizeof request;
        request.header_count = static_cast<std::uint32_t>(headers.size());
        request.method = borrow(from.method);
        request.path = borrow(from.path);
        request.query = borrow(from.query);
        request.headers = headers.data();
        request.body = borrow(from.body);
    }
    std::vector<syncline_pair> headers;
    syncline_webhook_request request{};
};

class Webhook {
  public:
    explicit Webhook(const Instance& instance) : instance_(instance) {}

    Reply handshake(const Request& request) const {
        const RawRequest raw{request};
        return reply([&](const syncline_reply_sink& sink, syncline_error& error) {
            return table().handshake(instance_.self, &raw.request, &sink, &error);
        });
    }

    Reply answer(const Request& request, const std::vector<AnswerRecord>& records) const {
        const RawRequest raw{request};
        std::vector<syncline_answer_record> made(records.size());
        std::vector<syncline_error> errors(records.size());
        std::vector<const syncline_answer_record*> pointers;
        for (std::size_t i = 0; i < records.size(); ++i) {
            errors[i] = detail::to_c(records[i].failure);
            const bool is_failed = records[i].kind == SYNCLINE_ANSWER_FAILED;
            made[i] = {sizeof made[i],
                       records[i].kind,
                       borrow(records[i].stream),
                       borrow(records[i].key),
                       borrow(records[i].destination_key),
                       borrow(records[i].reply),
                       is_failed ? &errors[i] : nullptr};
            pointers.push_back(&made[i]);
        }
        const syncline_answer answer{sizeof answer, static_cast<std::uint32_t>(made.size()),
                                     borrow("event-1"), pointers.data()};
        return reply([&](const syncline_reply_sink& sink, syncline_error& error) {
            return table().answer(instance_.self, &raw.request, &answer, &sink, &error);
        });
    }

    Translation translate(const Request& request) const {
        const RawRequest raw{request};
        Translation result;
        const syncline_record_sink sink{sizeof(syncline_record_sink), 0, to_handle(&result),
                                        &on_record};
        syncline_error error = detail::empty_error();
        result.status = table().translate(instance_.self, &raw.request, &sink, &error);
        if (result.status == SYNCLINE_OK) return result;
        result.failure = detail::from_c(error);
        result.records.clear();
        return result;
    }

  private:
    const syncline_plugin_webhook& table() const {
        return instance_.table<syncline_plugin_webhook>(SYNCLINE_WEBHOOK_ID);
    }

    template <typename Call>
    static Reply reply(const Call& call) {
        Reply reply;
        const syncline_reply_sink sink{sizeof(syncline_reply_sink), 0, to_handle(&reply),
                                       &on_reply};
        syncline_error error = detail::empty_error();
        reply.status = call(sink, error);
        if (reply.status != SYNCLINE_OK) reply.failure = detail::from_c(error);
        return reply;
    }

    static void on_reply(syncline_sink_handle handle, const syncline_webhook_reply* raw) {
        Reply& reply = from_handle<Reply>(handle);
        reply.http_status = raw->status;
        reply.content_type = view(raw->content_type);
        reply.body = view(raw->body);
    }
    static syncline_sink_answer on_record(syncline_sink_handle handle, const syncline_record* raw) {
        from_handle<Translation>(handle).records.push_back(
            {std::string{view(raw->stream)}, raw->operation, std::string{view(raw->key)},
             std::string{view(raw->body)}, raw->occurred_ns, std::string{view(raw->parent_stream)},
             std::string{view(raw->parent_key)}});
        return SYNCLINE_SINK_GO_ON;
    }

    const Instance& instance_;
};

}  // namespace syncline::testing::fake

#endif
