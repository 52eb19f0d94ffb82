// A host that does only what a test says, also against the rules: the counterpart of FakeHost, for
// what the C++ layer makes of a host that misbehaves or goes away.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "syncline/connector.hpp"
#include "syncline/syncline.h"

namespace syncline::test {

// The descriptor of a connector class, in the test's own process.
template <typename Type>
const syncline_plugin& plugin_of() {
    static const syncline_plugin plugin = detail::describe<Type>(syncline_str SYNCLINE_STR("{}"));
    return plugin;
}

class BareHost {
  public:
    explicit BareHost(const syncline_plugin& of, bool has_ids = false)
        : plugin(of), has_ids_(has_ids) {
        host_ = {sizeof host_, SYNCLINE_ABI_MINOR, handle(), &get_table, &post, &stopped};
        log_ = {sizeof log_, 0, &log};
        clock_ = {sizeof clock_, 0, &now, &now};
        http_ = {sizeof http_, 0, &send, &cancel, nullptr};
        write_ = {sizeof write_, 0, &outcome, &complete};
        ids_ = {sizeof ids_, 0, &look_up, nullptr};
        instance = plugin.create(&host_);
        error = detail::empty_error();
        status = plugin.init(instance, borrow("{}"), &error);
        if (status == SYNCLINE_OK) status = plugin.start(instance, &error);
    }
    BareHost(const BareHost&) = delete;
    BareHost& operator=(const BareHost&) = delete;
    ~BareHost() { destroy(); }

    void destroy() {
        if (instance == nullptr) return;
        plugin.destroy(instance);
        instance = nullptr;
    }
    // One operation, number 7, with one record.
    syncline_status write() {
        error = detail::empty_error();
        return table<syncline_plugin_write>(SYNCLINE_WRITE_ID).write(instance, 7, &batch_, &error);
    }
    void respond(std::uint64_t user_id) {
        syncline_http_result result{};
        result.struct_size = sizeof result;
        result.has_response = 1;
        result.status = 200;
        table<syncline_plugin_http>(SYNCLINE_HTTP_ID).done(instance, user_id, &result);
    }
    template <typename Table>
    const Table& table(std::string_view id) const {
        return *static_cast<const Table*>(plugin.get_table(borrow(id)));
    }

    const syncline_plugin& plugin;
    syncline_instance* instance = nullptr;
    syncline_status status = SYNCLINE_OK;  // of init() and start()
    syncline_error error{};
    std::function<void(std::uint64_t user_id)> on_send = {};  // from inside send()
    bool takes_posts = true;

    std::vector<std::uint64_t> sent = {};     // user ids
    std::vector<std::uint64_t> lookups = {};  // user ids
    std::vector<syncline_http_handle> cancelled = {};
    std::vector<std::uint64_t> posts = {};
    std::vector<syncline_outcome_kind> outcomes = {};
    std::vector<std::string> log_lines = {};
    int completions = 0;

  private:
    std::uint64_t handle() { return reinterpret_cast<std::uintptr_t>(this); }
    static BareHost& self(std::uint64_t handle) {
        return *reinterpret_cast<BareHost*>(static_cast<std::uintptr_t>(handle));
    }
    static const void* get_table(syncline_host_handle host, syncline_str id) {
        BareHost& own = self(host);
        if (view(id) == SYNCLINE_LOG_ID) return &own.log_;
        if (view(id) == SYNCLINE_CLOCK_ID) return &own.clock_;
        if (view(id) == SYNCLINE_HTTP_ID) return &own.http_;
        if (view(id) == SYNCLINE_IDMAP_ID) return own.has_ids_ ? &own.ids_ : nullptr;
        return &own.write_;
    }
    static syncline_status post(syncline_host_handle host, std::uint64_t user_id) {
        if (!self(host).takes_posts) return SYNCLINE_E_STALE;
        self(host).posts.push_back(user_id);
        return SYNCLINE_OK;
    }
    static void stopped(syncline_host_handle) {}
    static void log(syncline_host_handle host, syncline_severity, syncline_str message,
                    const syncline_pair*, std::uint32_t) {
        self(host).log_lines.emplace_back(view(message));
    }
    static std::int64_t now(syncline_host_handle) { return 0; }
    static syncline_status send(syncline_host_handle host, const syncline_http_request*,
                                std::uint64_t user_id, syncline_http_handle* exchange,
                                syncline_error*) {
        *exchange = 100 + user_id;
        self(host).sent.push_back(user_id);
        if (self(host).on_send) self(host).on_send(user_id);
        return SYNCLINE_OK;
    }
    static void cancel(syncline_host_handle host, syncline_http_handle exchange) {
        self(host).cancelled.push_back(exchange);
    }
    static syncline_status look_up(syncline_host_handle host, syncline_str, const syncline_str*,
                                   std::uint32_t, std::uint64_t user_id, syncline_error*) {
        self(host).lookups.push_back(user_id);
        return SYNCLINE_OK;
    }
    static syncline_status outcome(syncline_host_handle host, syncline_write_handle, std::uint32_t,
                                   const syncline_outcome* raw) {
        self(host).outcomes.push_back(raw->kind);
        return SYNCLINE_OK;
    }
    static syncline_status complete(syncline_host_handle host, syncline_write_handle) {
        ++self(host).completions;
        return SYNCLINE_OK;
    }

    syncline_host host_{};
    syncline_host_log log_{};
    syncline_host_clock clock_{};
    syncline_host_http http_{};
    syncline_host_write write_{};
    syncline_host_idmap ids_{};
    bool has_ids_ = false;
    syncline_write_record record_{sizeof record_,
                                  SYNCLINE_UPSERT,
                                  {"k", 1},
                                  {"{}", 2},
                                  {"", 0},
                                  SYNCLINE_BODY_JSON,
                                  0,
                                  1,
                                  0,
                                  0,
                                  0,
                                  nullptr,
                                  nullptr,
                                  {"", 0},
                                  {"k", 1}};
    const syncline_write_record* records_[1] = {&record_};
    syncline_write_batch batch_{sizeof batch_, 1, {"things", 6}, records_, 60'000};
};

}  // namespace syncline::test
