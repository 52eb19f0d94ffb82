// A transport that remembers what a connector sent through it and what came back, to make a
// cassette of it (plugin-api/include/syncline/testing/cassette.hpp), which the fake host replays.
//
// No secret gets into it: what the hub itself adds to requests is not seen here; values that are
// watched (core/redact.hpp) are hidden in every encoding; and so is what has the name of a secret:
// headers, parameters of queries and forms, and texts of 8 bytes and more in JSON.
//
// Limits: 1,000 exchanges of together 16 MiB; later ones are passed on, and left out.
// Concurrency: [any]
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "plugin/services.hpp"

namespace syncline::app {

class Recorder final : public plugin::HttpTransport, public std::enable_shared_from_this<Recorder> {
  public:
    explicit Recorder(std::shared_ptr<plugin::HttpTransport> to) : to_(std::move(to)) {}

    std::uint64_t send(plugin::HttpRequest request,
                       std::function<void(plugin::HttpReply)> done) override;
    void cancel(std::uint64_t id) override { to_->cancel(id); }

    // Of the exchanges that have ended, in the order in which they began.
    boost::json::object cassette() const;
    // Some were left out.
    bool is_cut() const;

  private:
    struct Exchange {
        plugin::HttpRequest request;
        plugin::HttpReply reply;
        bool has_ended = false;
    };

    const std::shared_ptr<plugin::HttpTransport> to_;
    mutable std::mutex mutex_;
    std::vector<Exchange> exchanges_;
    std::size_t bytes_ = 0;
    bool is_cut_ = false;
};

}  // namespace syncline::app
