#include "plugin/paced_transport.hpp"

#include <mutex>

#include "fake_http.hpp"
#include "fixtures.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;
using namespace std::chrono_literals;

namespace {

HttpRequest request_to(std::string url, std::chrono::milliseconds timeout = 60s) {
    HttpRequest request;
    request.method = "GET";
    request.url = std::move(url);
    request.timeout = timeout;
    return request;
}

// A platform behind a paced transport.
struct Pace {
    syncline::test::FakeClock clock;
    std::shared_ptr<Deadlines> deadlines = std::make_shared<Deadlines>(clock);
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::shared_ptr<Pacer> pacer = make_pacer(clock, deadlines);
    std::shared_ptr<HttpTransport> paced;

    explicit Pace(RequestLimits limits) : paced(make_paced(http, limits, pacer)) {}
    ~Pace() {
        deadlines->stop();
        // What is open keeps the transport that keeps the platform.
        while (http->open_count() > 0) http->cancel(http->wait());
    }
    // Moves the clock on the thread that waits for it, and returns when all that is due was called.
    void advance(core::nanoseconds by) {
        Waiter<int> moved, called;
        deadlines->call_after(0ns, [&, done = moved.callback()] {
            clock.advance(by);
            done(1);
        });
        moved.get();
        deadlines->call_after(0ns, [done = called.callback()] { done(1); });
        called.get();
    }
    std::size_t sent() const { return http->requests.size(); }
};

}  // namespace

TEST_CASE("pace: without limits the transport is the one that was given", "[plugin][pace]") {
    Pace pace{{}};
    CHECK(pace.paced == pace.http);
}

TEST_CASE("pace: as many requests are open as may be, the next begins when one ends",
          "[plugin][pace]") {
    Pace pace{{0, 2}};
    Waiter<HttpReply> first, second, third;
    pace.paced->send(request_to("/1"), first.callback());
    pace.paced->send(request_to("/2"), second.callback());
    pace.paced->send(request_to("/3"), third.callback());
    CHECK(pace.sent() == 2);

    pace.http->answer(1, response(200, "one"));

    CHECK(first.get().body == "one");
    REQUIRE(pace.sent() == 3);
    CHECK(pace.http->requests[2].url == "/3");
    pace.http->answer(3, response(200, "three"));
    CHECK(third.get().body == "three");
}

TEST_CASE("pace: requests begin evenly, and in their order", "[plugin][pace]") {
    Pace pace{{4, 0}};
    std::vector<Waiter<HttpReply>> waiters(3);
    for (int i = 0; i < 3; ++i)
        pace.paced->send(request_to("/" + std::to_string(i)),
                         waiters[static_cast<std::size_t>(i)].callback());
    CHECK(pace.sent() == 1);
    pace.advance(249ms);
    CHECK(pace.sent() == 1);
    pace.advance(1ms);
    CHECK(pace.sent() == 2);
    pace.advance(250ms);
    REQUIRE(pace.sent() == 3);
    CHECK(pace.http->requests[2].url == "/2");
}

TEST_CASE("pace: one that waits can be cancelled, and nothing of it has left", "[plugin][pace]") {
    Pace pace{{0, 1}};
    Waiter<HttpReply> first, second;
    pace.paced->send(request_to("/1"), first.callback());
    const auto waiting = pace.paced->send(request_to("/2"), second.callback());

    pace.paced->cancel(waiting);

    const HttpReply reply = second.get();
    CHECK(reply.failure.failure_class == FailureClass::kCancelled);
    CHECK_FALSE(reply.may_have_been_processed);
    CHECK(pace.sent() == 1);
    pace.paced->cancel(waiting);
    CHECK(pace.http->open_count() == 1);
}

TEST_CASE("pace: one that is open is cancelled at the platform", "[plugin][pace]") {
    Pace pace{{0, 1}};
    Waiter<HttpReply> waiter;
    const auto id = pace.paced->send(request_to("/1"), waiter.callback());
    pace.paced->cancel(id);
    CHECK(waiter.get().failure.failure_class == FailureClass::kCancelled);
    CHECK(pace.http->open_count() == 0);
}

TEST_CASE("pace: a wait ends with the request's timeout", "[plugin][pace]") {
    Pace pace{{0, 1}};
    Waiter<HttpReply> first, second;
    pace.paced->send(request_to("/1"), first.callback());
    pace.paced->send(request_to("/2", 5s), second.callback());

    pace.advance(5s);

    CHECK(second.get().failure.failure_class == FailureClass::kDeadline);
    CHECK(pace.sent() == 1);
}

TEST_CASE("pace: two versions of a connector share what the platform allows", "[plugin][pace]") {
    Pace pace{{1, 1}};
    const auto other = make_paced(pace.http, {2, 2}, pace.pacer);
    Waiter<HttpReply> first, second, third;
    pace.paced->send(request_to("http://x/1"), first.callback());
    other->send(request_to("http://x/2"), second.callback());
    other->send(request_to("http://x/3"), third.callback());
    CHECK(pace.sent() == 1);
    pace.advance(1s);  // what the first may
    CHECK(pace.sent() == 2);
    pace.advance(1s);
    CHECK(pace.sent() == 2);  // the other may have two open
    pace.http->answer(1, response(200, ""));
    first.get();
    pace.advance(1s);
    CHECK(pace.sent() == 3);
}
