// A store that delivers everything at once, as the store's tests and the power-loss simulator need
// it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "store/store.hpp"

namespace syncline::store {

// Translates every event into one record whose key is the event's path, for connection 11, and
// delivers it.
class Deliverer final : public Store::Observer {
  public:
    Result<std::optional<std::chrono::nanoseconds>> on_state(State& state) override {
        if (!is_open_) return std::optional<std::chrono::nanoseconds>{};
        SYNCLINE_TRY(auto events, state.take_events(1, 1000, 1 << 24));
        for (const PendingEvent& event : events) {
            TranslatedRecord record;
            record.stream = "users";
            record.key = event.received->path;
            record.body = event.received->body;
            record.targets = {{11, 0}};
            send(Translated{event.route, event.position, {std::move(record)}}, {});
        }
        SYNCLINE_TRY(auto heads, state.take_lanes(11, 1000, 0));
        for (const LaneHead& head : heads) {
            Settled result;
            result.connection = head.connection;
            result.lane = head.lane;
            result.record = head.record;
            result.attempt = head.attempt;
            send(result, head.record.event);
        }
        return std::optional<std::chrono::nanoseconds>{};
    }

    // Before start().
    void use(Store& store) { store_ = &store; }
    void set_open(bool is_open) {
        is_open_ = is_open;
        store_->wake();
    }

    std::atomic<std::uint64_t> delivered{0};     // results that are durable
    std::function<void(Position)> on_delivered;  // [journal]

  private:
    void send(Fact fact, Position settles) {
        Append append;
        append.facts.push_back(std::move(fact));
        append.on_durable = [this, settles](const Result<Position>& position) {
            if (!position.has_value() || settles == Position{}) return;
            ++delivered;
            if (on_delivered) on_delivered(settles);
        };
        store_->append(std::move(append));
    }

    Store* store_ = nullptr;
    std::atomic<bool> is_open_{true};
};

// Counts down while others wait for it.
class Tally {
  public:
    void add() {
        std::lock_guard lock{mutex_};
        ++count_;
        changed_.notify_all();
    }
    // False after a minute: a test fails instead of hanging.
    bool wait_for(std::uint64_t count) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, std::chrono::seconds{60}, [&] { return count_ >= count; });
    }
    std::uint64_t count() {
        std::lock_guard lock{mutex_};
        return count_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t count_ = 0;
};

inline Received event_of(std::string key, std::string body = "{}") {
    Received event;
    event.route = 1;
    event.path = std::move(key);
    event.body = Body::inline_text(std::move(body));
    return event;
}

// Opened, started, and stopped again at the end.
class RunningStore {
  public:
    static Store::Options options(const std::filesystem::path& directory) {
        Store::Options options;
        options.data_dir = directory;
        options.clock = &core::system_clock();
        options.version = "test";
        options.segment_bytes = 256 * 1024;
        options.map_bytes = std::uint64_t{1} << 30;
        options.commit_interval = std::chrono::milliseconds{20};
        return options;
    }

    explicit RunningStore(Store::Options options) {
        options.on_fatal = [this](const Error& error) {
            std::lock_guard lock{mutex_};
            fatal_ = error;
            fatal_calls.add();
        };
        auto opened = Store::open(std::move(options));
        if (!opened.has_value()) {
            failure = opened.error();
            return;
        }
        store = *std::move(opened);
    }
    ~RunningStore() { store.reset(); }  // its threads use what stands below
    explicit RunningStore(const std::filesystem::path& directory)
        : RunningStore(options(directory)) {}

    bool start() {
        deliverer.use(*store);
        auto started = store->start(&deliverer);
        if (!started.has_value()) failure = started.error();
        return started.has_value();
    }

    // Appends and waits until it is durable, or refused.
    Result<Position> event(std::string key, std::string body = "{}") {
        return event(event_of(std::move(key), std::move(body)));
    }
    Result<Position> event(Received fact) {
        auto done = std::make_shared<std::promise<Result<Position>>>();
        auto taken = store->append_event(std::move(fact), [done](Result<Position> position) {
            done->set_value(std::move(position));
        });
        if (!taken.has_value()) return taken.error();
        auto answer = done->get_future();
        SYNCLINE_ASSERT(answer.wait_for(std::chrono::seconds{60}) == std::future_status::ready);
        return answer.get();
    }

    // Runs on the state's thread and waits.
    template <class Question>
    auto ask(Question question) {
        using Answer = decltype(question(std::declval<State&>()));
        auto done = std::make_shared<std::promise<Answer>>();
        bool is_asked =
            store->ask([done, question](State& state) { done->set_value(question(state)); });
        if (!is_asked) throw std::runtime_error{"the store has stopped"};
        return done->get_future().get();
    }

    std::uint64_t pending(RouteId route = 1) {
        return ask([route](State& state) { return state.pending_events(route); });
    }
    ConnectionLedger ledger() {
        return ask([](State& state) {
            auto found = state.connection_ledgers().find(11);
            return found == state.connection_ledgers().end() ? ConnectionLedger{} : found->second;
        });
    }
    // Spins on the state's thread until the question says true; false after a minute.
    template <class Question>
    bool eventually(Question question) {
        auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (!question()) {
            if (std::chrono::steady_clock::now() > until) return false;
            std::this_thread::yield();
        }
        return true;
    }

    std::optional<Error> fatal() {
        std::lock_guard lock{mutex_};
        return fatal_;
    }

    Deliverer deliverer;  // outlives the store
    Tally fatal_calls;
    std::optional<Error> failure;
    std::unique_ptr<Store> store;

  private:
    std::mutex mutex_;
    std::optional<Error> fatal_;
};

}  // namespace syncline::store
