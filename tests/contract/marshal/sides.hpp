// The two sides that messages go between, as if they were two processes: the host's, with the real
// hosts and the sinks that it lends; the connector's, with the real instances and what they have
// borrowed. Neither uses an address of the other: instances, hosts, operations and sinks are
// numbers there.
//
// Concurrency: [any].
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "codec.hpp"
#include "syncline/syncline.h"

namespace syncline::marshal {

using Tables = std::map<std::string, std::shared_ptr<const void>, std::less<>>;

// Sinks that are lent for the time of a call, by number.
class Sinks {
  public:
    std::uint64_t open(const void* sink);
    void close(std::uint64_t number);
    const void* find(std::uint64_t number);  // null: it is over

  private:
    std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, const void*> open_;
};
Sinks& sinks();

// A sink that is open as long as this lives.
class OpenSink {
  public:
    explicit OpenSink(const void* sink) : number_(sinks().open(sink)) {}
    OpenSink(const OpenSink&) = delete;
    OpenSink& operator=(const OpenSink&) = delete;
    ~OpenSink() { sinks().close(number_); }
    std::uint64_t number() const { return number_; }

  private:
    std::uint64_t number_;
};

class HostSide {
  public:
    void reset();
    void add(const syncline_host& host);
    void bind(std::uint64_t instance, syncline_host_handle handle);
    void forget(std::uint64_t instance);
    void forget_host(syncline_host_handle handle);
    // Null when it is none that an instance has now.
    const syncline_host* find(syncline_host_handle handle);
    // The connector's tables, as the host sees them: for ever. Null when it has none of that id.
    const void* plugin_table(std::string_view id);

  private:
    std::mutex mutex_;
    std::map<syncline_host_handle, const syncline_host*> hosts_;
    std::map<std::uint64_t, syncline_host_handle> of_instances_;
    Tables tables_;
};
HostSide& host_side();

class ConnectorSide {
  public:
    // The real connector. Before any other call; those of an earlier one are over.
    void reset(const syncline_plugin& plugin);
    const syncline_plugin& plugin() const { return *plugin_; }

    // The host as an instance sees it, until remove() or, without an instance, drop_host().
    const syncline_host* add_host(const syncline_host& stand_in);
    void drop_host(syncline_host_handle handle);
    std::uint64_t add(syncline_instance* instance, syncline_host_handle host);
    syncline_instance* find(std::uint64_t number);  // null: there is none
    void remove(std::uint64_t number);
    // The host's tables, as an instance sees them. Null when the host has none of that id.
    const void* host_table(syncline_host_handle handle, std::string_view id);

    // What an operation has borrowed.
    void borrow(std::uint64_t instance, std::uint64_t operation, std::shared_ptr<Arena> arena);
    void give_back(std::uint64_t instance, std::uint64_t operation);
    void give_back_to(syncline_host_handle host, std::uint64_t operation);
    // The result of the last fetch() of a blocking connector.
    void keep_fetched(syncline_host_handle host, std::shared_ptr<Arena> arena);
    void drop_fetched(std::uint64_t instance);

  private:
    struct Host {
        syncline_host table{};
        Tables tables{};
        std::map<std::uint64_t, std::shared_ptr<Arena>> borrowed{};
        std::shared_ptr<Arena> fetched{};
    };
    struct Instance {
        syncline_instance* self = nullptr;
        syncline_host_handle host = 0;
    };
    Host* host_of(std::uint64_t instance);  // mutex_ is held; null: there is none

    std::mutex mutex_;
    const syncline_plugin* plugin_ = nullptr;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Instance> instances_;
    std::map<syncline_host_handle, std::unique_ptr<Host>> hosts_;
};
ConnectorSide& connector_side();

// Brings a message to the other side and its answer back.
std::string deliver(std::string message);

// The descriptor that stands in for that of a real connector: all of it goes through messages. One
// connector at a time.
syncline_plugin marshalled(const syncline_plugin& real);

}  // namespace syncline::marshal
