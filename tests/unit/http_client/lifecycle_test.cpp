// Cancelling, closing, destroying: every completion comes exactly once.

#include <map>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using Then = Action::Then;

namespace {

// Counts what comes back for each request.
class Tally {
  public:
    http_client::Completion completion(int number) {
        return [this, number](http_client::Result result) {
            ++count_;
            outcomes_[number].push_back(outcome(result));
            maybe_processed_[number] =
                result.failure && result.failure->request_may_have_been_processed;
        };
    }
    int count() const { return count_; }
    bool maybe_processed(int number) const { return maybe_processed_.at(number); }
    const std::vector<std::string>& of(int number) { return outcomes_[number]; }

  private:
    int count_ = 0;
    std::map<int, std::vector<std::string>> outcomes_;
    std::map<int, bool> maybe_processed_;
};

using Codes = std::vector<std::string>;
const Codes kCancelled{"http_client.cancelled"};

}  // namespace

TEST_CASE("cancel: completes once, later, and tells whether the request had left",
          "[http_client][lifecycle]") {
    Tally tally;  // outlives the client, whose destructor still completes
    Fixture f;
    Peer peer(f.io, [](const Seen&) { return Action{"", Then::kHang}; });
    const auto sent = f.client->send(f.pool, post(peer.url(), "x"), tally.completion(1));
    run_until(f.io, [&] { return peer.requests() == 1; });
    const auto fresh = f.client->send(f.pool, post(peer.url(), "x"), tally.completion(2));

    for (int i = 0; i < 3; ++i) {
        f.client->cancel(sent);
        f.client->cancel(fresh);
    }
    f.client->cancel(0);
    f.client->cancel(999);
    CHECK(tally.count() == 0);
    run_until(f.io, [&] { return tally.count() >= 2; });
    f.client->cancel(sent);
    REQUIRE(outcome(f.exchange(get("http://127.0.0.1:1/\x01"))) == "http_client.url_invalid");

    CHECK(tally.of(1) == kCancelled);
    CHECK(tally.of(2) == kCancelled);
    CHECK(tally.maybe_processed(1));
    CHECK_FALSE(tally.maybe_processed(2));
    CHECK(sent != fresh);
}

TEST_CASE("limit: requests beyond the connections of a pool wait in order, and may be cancelled",
          "[http_client][lifecycle]") {
    ClientOptions options;
    options.connections_per_pool_max = 2;
    Tally tally;
    Fixture f(options);
    std::vector<std::string> order;
    Peer peer(f.io, [&](const Seen& s) {
        order.push_back(s.body);
        return s.body < "2" ? Action{"", Then::kHang} : Action{ok("")};
    });
    std::vector<http_client::RequestId> ids;
    for (int i = 0; i < 6; ++i) {
        ids.push_back(
            f.client->send(f.pool, post(peer.url(), std::to_string(i)), tally.completion(i)));
    }
    run_until(f.io, [&] { return peer.requests() == 2; });
    CHECK(peer.connections() == 2);

    f.client->cancel(ids[3]);
    f.client->cancel(ids[0]);
    run_until(f.io, [&] { return tally.count() == 5; });

    CHECK(order.size() == 5);
    CHECK(std::vector<std::string>(order.begin() + 2, order.end()) ==
          std::vector<std::string>{"2", "4", "5"});
    CHECK(tally.of(0) == kCancelled);
    CHECK(tally.of(3) == kCancelled);
    CHECK_FALSE(tally.maybe_processed(3));
    CHECK(tally.of(5) == Codes{"200"});
    CHECK(tally.of(1).empty());
}

TEST_CASE("limit: a request that waited too long for a connection was never sent",
          "[http_client][lifecycle]") {
    ClientOptions options;
    options.connections_per_pool_max = 1;
    Tally tally;
    Fixture f(options);
    Peer peer(f.io, [](const Seen&) { return Action{"", Then::kHang}; });
    Request first = post(peer.url(), "1");
    first.timeout = std::chrono::milliseconds{150};
    Request second = post(peer.url(), "2");
    second.timeout = std::chrono::milliseconds{1};
    f.client->send(f.pool, first, tally.completion(1));
    f.client->send(f.pool, second, tally.completion(2));

    run_until(f.io, [&] { return tally.count() == 2; });

    CHECK(tally.of(2) == Codes{"http_client.timeout"});
    CHECK_FALSE(tally.maybe_processed(2));
    CHECK(peer.requests() == 1);
}

TEST_CASE("close_pool: completes what runs and what waits, and leaves other pools alone",
          "[http_client][lifecycle]") {
    ClientOptions options;
    options.connections_per_pool_max = 4;
    Tally tally;
    Fixture f(options);
    const PoolId other = f.client->open_pool(loopback_policy());
    bool is_open = false;
    Peer peer(f.io, [&](const Seen&) {
        return is_open ? Action{ok("")} : Action{"", Then::kHang};
    });
    for (int i = 0; i < 10; ++i) f.client->send(f.pool, post(peer.url(), "x"), tally.completion(i));
    run_until(f.io, [&] { return peer.requests() == 4; });

    f.client->close_pool(f.pool);
    f.client->close_pool(f.pool);
    f.client->close_pool(12345);
    CHECK(tally.count() == 0);
    f.client->send(f.pool, post(peer.url(), "x"), tally.completion(10));
    is_open = true;
    CHECK(outcome(f.exchange(other, post(peer.url(), "x"))) == "200");
    run_until(f.io, [&] { return tally.count() >= 11; });

    for (int i = 0; i <= 10; ++i) CHECK(tally.of(i) == kCancelled);
    CHECK(peer.requests() == 5);
}

TEST_CASE("destructor: completes everything, and nothing comes after it",
          "[http_client][lifecycle]") {
    Tally tally;  // outlives the client, whose destructor still completes
    Fixture f;
    Peer peer(f.io, [](const Seen& s) {
        return s.body == "x" ? Action{"", Then::kHang} : Action{ok("")};
    });
    for (int i = 0; i < 40; ++i) f.client->send(f.pool, post(peer.url(), "x"), tally.completion(i));
    f.client->send(f.pool, get("bad"), tally.completion(40));
    run_until(f.io, [&] { return peer.requests() > 0; });

    f.client.reset();
    CHECK(tally.count() == 41);
    f.io.restart();
    f.io.poll();

    CHECK(tally.count() == 41);
    for (int i = 0; i < 40; ++i) CHECK(tally.of(i) == kCancelled);
    CHECK(tally.of(40) == Codes{"http_client.url_invalid"});
}

TEST_CASE("destructor: a completion may destroy the client and send in vain",
          "[http_client][lifecycle]") {
    int completed = 0;
    int refused = 0;
    bool is_destroyed = false;
    Fixture f;
    Peer peer(f.io, [](const Seen&) { return Action{ok("")}; });
    Client* client = f.client.release();
    const auto retry = [&](http_client::Result) {
        ++completed;
        if (!is_destroyed) {
            is_destroyed = true;
            delete client;
        } else if (client->send(f.pool, get(peer.url()),
                                [&](http_client::Result) { ++completed; }) == 0) {
            ++refused;  // still inside the destructor
        }
    };
    for (int i = 0; i < 5; ++i) client->send(f.pool, get(peer.url()), retry);
    run_until(f.io, [&] { return is_destroyed; });
    f.io.poll();

    CHECK(completed == 5);
    CHECK(refused == 4);
}

TEST_CASE("completion: may send, cancel and close its own pool", "[http_client][lifecycle]") {
    Tally tally;  // outlives the client, whose destructor still completes
    Fixture f;
    Peer peer(f.io, [](const Seen& s) {
        return s.body == "hang" ? Action{"", Then::kHang} : Action{ok("")};
    });
    const auto hanging = f.client->send(f.pool, post(peer.url(), "hang"), tally.completion(1));
    f.client->send(f.pool, post(peer.url(), "x"), [&](http_client::Result) {
        f.client->cancel(hanging);
        f.client->send(f.pool, post(peer.url(), "hang"), tally.completion(2));
        f.client->send(f.pool, post(peer.url(), "y"),
                       [&](http_client::Result) { f.client->close_pool(f.pool); });
    });

    run_until(f.io, [&] { return tally.count() == 2; });

    CHECK(tally.of(1) == kCancelled);
    CHECK(tally.of(2) == kCancelled);
}
