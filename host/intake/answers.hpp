// Senders who wait for the outcome of their event (rule 14).
//
// Purpose: an event is durable first, like every other; then its sender is told what became of it,
// in the words of the source's connector or in the host's own. Late, held up or interrupted, the
// answer is the event's id, and the work goes on.
// Lifecycle: admit() before the event is stored, wait() when it is durable, stop() ends all
// waiting. Concurrency: [io]; the state and the connector complete through it. Limits: kWaitingMax
// senders, kWaitingBytesMax of their requests; each waits `answer_timeout`.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/clock.hpp"
#include "http_server/server.hpp"
#include "intake/route.hpp"
#include "store/store.hpp"

namespace syncline::intake {

inline constexpr std::size_t kWaitingMax = 4096;
inline constexpr std::size_t kWaitingBytesMax = 64 * 1024 * 1024;

class Answers {
  public:
    struct Sender;

    Answers(boost::asio::io_context& io, store::Store& store, const core::Clock& clock);
    ~Answers();

    // A place for the sender of `event`; null when there is none. `bytes`: the most that its
    // request may hold.
    std::shared_ptr<Sender> admit(std::shared_ptr<const Route> route, const store::Received& event,
                                  std::size_t bytes);
    // The event is durable.
    void wait(std::shared_ptr<Sender> sender, store::Position event,
              http_server::Responder respond);
    // Everybody gets the event's id and 503, also who comes later.
    void stop();

  private:
    struct Places {
        std::atomic<std::size_t> senders{0}, bytes{0};
    };

    void give_up(std::uint64_t ticket);
    void interrupt(std::uint64_t ticket);
    void tell(std::uint64_t ticket, store::OutcomeTold told);
    void word(std::uint64_t ticket, Sender& sender, store::OutcomeTold told);
    void finish(std::uint64_t ticket, http_server::Response response);

    boost::asio::io_context& io_;
    store::Store& store_;
    const core::Clock& clock_;
    const std::shared_ptr<Places> places_ = std::make_shared<Places>();
    std::unordered_map<std::uint64_t, std::shared_ptr<Sender>> waiting_;  // by ticket
    std::uint64_t last_ticket_ = 0;
    bool is_stopping_ = false;
};

// What is known of a sender while it waits.
struct Answers::Sender {
    Sender(std::shared_ptr<const Route> its_route, std::shared_ptr<Places> its_places,
           std::size_t its_bytes);
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    const std::shared_ptr<const Route> route;
    const std::shared_ptr<Places> places;
    const std::size_t bytes;
    std::string message_id;
    plugin::WebhookRequest request;  // its body is set when it is decoded
    std::chrono::steady_clock::time_point until;
    std::int64_t deadline_ns = 0;  // the same as wall-clock time
    struct Waiting;
    std::unique_ptr<Waiting> waiting;  // from wait() on
};

}  // namespace syncline::intake
