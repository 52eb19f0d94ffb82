// What a connector finds behind the pointers of the strict host.
#pragma once

#include <map>
#include <string>

#include "checker/strict_host.hpp"

namespace syncline::checker {

class StrictHost::Functions {
  public:
    // The hosts that there are, by handle. Concurrency: [any].
    static syncline_host_handle enroll(StrictHost& host);
    static void forget(StrictHost& host);

    // While it lives, the connector is inside a call of this host's.
    class Current {
      public:
        explicit Current(StrictHost& host);
        Current(const Current&) = delete;
        Current& operator=(const Current&) = delete;
        ~Current();

      private:
        StrictHost* const before_;
    };
    // While it lives, what comes into the sink goes to this host.
    class Sink {
      public:
        Sink(StrictHost& host, syncline_sink_handle handle);
        Sink(const Sink&) = delete;
        Sink& operator=(const Sink&) = delete;
        ~Sink();

      private:
        const syncline_sink_handle handle_;
    };

    static const std::map<std::string, const void*>& tables();
    static std::string identity(const plugin::HttpRequest& request);

    static const void* SYNCLINE_CALL get_table(syncline_host_handle host, syncline_str id);
    static syncline_status SYNCLINE_CALL post(syncline_host_handle host, std::uint64_t user_id);
    static void SYNCLINE_CALL stopped(syncline_host_handle host);

    static syncline_sink_answer SYNCLINE_CALL take_record(syncline_sink_handle sink,
                                                          const syncline_record* record);
    static void SYNCLINE_CALL take_reply(syncline_sink_handle sink,
                                         const syncline_webhook_reply* reply);

    static void SYNCLINE_CALL log(syncline_host_handle host, syncline_severity severity,
                                  syncline_str message, const syncline_pair* fields,
                                  std::uint32_t field_count);
    static std::int64_t SYNCLINE_CALL now_ns(syncline_host_handle host);
    static std::int64_t SYNCLINE_CALL monotonic_ns(syncline_host_handle host);

    static syncline_status SYNCLINE_CALL send(syncline_host_handle host,
                                              const syncline_http_request* request,
                                              std::uint64_t user_id, syncline_http_handle* handle,
                                              syncline_error* error);
    static void SYNCLINE_CALL cancel(syncline_host_handle host, syncline_http_handle handle);
    static syncline_status SYNCLINE_CALL fetch(syncline_host_handle host,
                                               const syncline_http_request* request,
                                               const syncline_http_result** result,
                                               syncline_error* error);

    static syncline_status SYNCLINE_CALL outcome(syncline_host_handle host,
                                                 syncline_write_handle operation,
                                                 std::uint32_t record_index,
                                                 const syncline_outcome* outcome);
    static syncline_status SYNCLINE_CALL complete(syncline_host_handle host,
                                                  syncline_write_handle operation);

    static syncline_status SYNCLINE_CALL checked(syncline_host_handle host,
                                                 syncline_check_handle operation,
                                                 const syncline_error* error);
    static syncline_status SYNCLINE_CALL check_complete(syncline_host_handle host,
                                                        syncline_check_handle operation);
    static syncline_status SYNCLINE_CALL discovered(syncline_host_handle host,
                                                    syncline_discover_handle operation,
                                                    syncline_str streams_json,
                                                    const syncline_error* error);
    static syncline_status SYNCLINE_CALL discover_complete(syncline_host_handle host,
                                                           syncline_discover_handle operation);

    static syncline_status SYNCLINE_CALL worked(syncline_host_handle host,
                                                syncline_periodic_handle operation,
                                                std::int64_t next_due_ns,
                                                const syncline_error* error);
    static syncline_status SYNCLINE_CALL work_complete(syncline_host_handle host,
                                                       syncline_periodic_handle operation);

    static syncline_status SYNCLINE_CALL append(syncline_host_handle host, syncline_str path,
                                                syncline_str bytes, std::uint64_t user_id,
                                                syncline_error* error);
    static syncline_status SYNCLINE_CALL compile(syncline_host_handle host, syncline_str text,
                                                 syncline_expr_handle* expression,
                                                 syncline_error* error);
    static syncline_status SYNCLINE_CALL evaluate(syncline_host_handle host,
                                                  syncline_expr_handle expression,
                                                  syncline_str input_json,
                                                  const syncline_text_sink* sink,
                                                  syncline_error* error);
    static syncline_status SYNCLINE_CALL find_secret(syncline_host_handle host, syncline_str name,
                                                     syncline_secret_handle* secret,
                                                     syncline_error* error);
    static syncline_status SYNCLINE_CALL show_secret(syncline_host_handle host,
                                                     syncline_secret_handle secret,
                                                     const syncline_text_sink* sink,
                                                     syncline_error* error);
    static syncline_status SYNCLINE_CALL hmac(syncline_host_handle host,
                                              syncline_secret_handle secret,
                                              syncline_digest algorithm, syncline_str bytes,
                                              std::uint8_t* digest);
    static syncline_status SYNCLINE_CALL get_ids(syncline_host_handle host, syncline_str name_space,
                                                 const syncline_str* keys, std::uint32_t key_count,
                                                 std::uint64_t user_id, syncline_error* error);
    static syncline_status SYNCLINE_CALL put_id(syncline_host_handle host,
                                                syncline_write_handle operation,
                                                syncline_str name_space, syncline_str key,
                                                syncline_str value, syncline_error* error);

  private:
    enum class Tag { kInstance, kAny };
    static StrictHost* enter(syncline_host_handle handle, const char* function,
                             Tag tag = Tag::kInstance);
    static syncline_status refuse(StrictHost& host, Rule rule, std::string what,
                                  syncline_error* error, syncline_status status);
    // Whether a request may be sent; the refusal's status otherwise.
    static syncline_status admit(StrictHost& host, const syncline_http_request* request,
                                 plugin::HttpRequest& copy, syncline_error* error);
    // The table of which a function is called, and whether the manifest promises its other half.
    struct Caller {
        const char* table;
        bool is_declared;
        const char* function;
    };
    static StrictHost::Operation* find_operation(StrictHost& host, std::uint64_t operation,
                                                 const Caller& caller);
    static StrictHost::Operation* find_write(StrictHost& host, std::uint64_t operation,
                                             const char* function);
    static syncline_status complete_operation(StrictHost& host, std::uint64_t operation,
                                              const Caller& caller);
    // For the tables of which an operation has one outcome: whether the manifest promises `id`.
    static syncline_status complete_question(syncline_host_handle handle, std::uint64_t operation,
                                             const char* id, bool plugin::Manifest::*promise);
    static syncline_status take_answer(StrictHost& host, std::uint64_t operation,
                                       const Caller& caller, const syncline_error* error);
};

}  // namespace syncline::checker
