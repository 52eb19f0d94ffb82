#include "admin/scrape.hpp"

#include "admin/errc.hpp"
#include "unit/admin/fixture.hpp"

using namespace syncline;
using namespace syncline::admin;
using Catch::Matchers::Contains;
using test::World;

TEST_CASE("metrics page: rows of one name stand together, with help and type", "[admin][metrics]") {
    MetricsPage page;
    core::Counter counted;
    counted.add(7);
    page.counter("a_total", "Things.", {{"route", "one"}}, counted);
    page.gauge("b_bytes", "Room.", {}, 2.5);
    page.counter("a_total", "Things.", {{"route", "two"}}, 3);
    CHECK(page.text() ==
          "# HELP syncline_a_total Things.\n"
          "# TYPE syncline_a_total counter\n"
          "syncline_a_total{route=\"one\"} 7\n"
          "syncline_a_total{route=\"two\"} 3\n"
          "# HELP syncline_b_bytes Room.\n"
          "# TYPE syncline_b_bytes gauge\n"
          "syncline_b_bytes 2.5\n");
}

TEST_CASE("metrics page: a histogram has every bound, and the count as the last",
          "[admin][metrics]") {
    MetricsPage page;
    core::Histogram histogram{core::kShortTimes};
    histogram.observe(std::chrono::milliseconds{2});
    histogram.observe(std::chrono::seconds{20});
    page.histogram("t_seconds", "Time.", {{"route", "r"}}, histogram);
    const std::string text = page.text();
    CHECK_THAT(text, Contains("# TYPE syncline_t_seconds histogram\n"));
    CHECK_THAT(text, Contains("syncline_t_seconds_count{route=\"r\"} 2\n"));
    CHECK_THAT(text, Contains("syncline_t_seconds_sum{route=\"r\"} 20.002"));
    CHECK_THAT(text, Contains("syncline_t_seconds_bucket{route=\"r\",le=\"0.001\"} 0\n"));
    CHECK_THAT(text, Contains("syncline_t_seconds_bucket{route=\"r\",le=\"0.0025\"} 1\n"));
    CHECK_THAT(text, Contains("syncline_t_seconds_bucket{route=\"r\",le=\"10\"} 1\n"));
    CHECK_THAT(text, Contains("syncline_t_seconds_bucket{route=\"r\",le=\"+Inf\"} 2\n"));
}

TEST_CASE("metrics page: a name with quotes and line breaks stays one label", "[admin][metrics]") {
    MetricsPage page;
    page.gauge("g", "G.", {{"route", "a\"b\\c\nd"}}, 1);
    CHECK_THAT(page.text(), Contains("syncline_g{route=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST_CASE("scrape: the ledger is told, with what the other modules have counted",
          "[admin][metrics]") {
    World world{[](MetricsPage& page) { page.gauge("elsewhere", "Of others.", {}, 1); }};
    world.bury();
    const http_server::Response response = world.run(*world.begin("GET", "/metrics"));
    CHECK(response.status == 200);
    CHECK(response.headers ==
          http_server::Headers{{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}});
    for (const char* row : {"syncline_received_events_total{route=\"shop\"} 2\n",
                            "syncline_translated_events_total{route=\"shop\"} 1\n",
                            "syncline_dead_events{route=\"shop\"} 1\n",
                            "syncline_routed_records_total{connection=\"orders\"} 1\n",
                            "syncline_dead_records{connection=\"orders\"} 1\n",
                            "syncline_ledger_balanced 1\n", "syncline_journal_epoch 1\n",
                            "syncline_applied_facts_total 8\n", "syncline_elsewhere 1\n"})
        CHECK_THAT(response.body, Contains(row));
}

TEST_CASE("scrape: what waits for a connection that is gone is parked", "[admin][metrics]") {
    World world;
    world.append(store::Named{store::NameKind::kConnection, 1, true, "orders"});
    store::Received event;
    event.route = 1;
    const store::Position received = world.append(event);
    store::TranslatedRecord record;
    record.key = "k";
    record.targets = {{1, 0}};
    world.append(store::Translated{1, received, {record}});
    CHECK_THAT(world.run(*world.begin("GET", "/metrics")).body,
               Contains("syncline_pending_records{connection=\"orders\"} 1\n") &&
                   Contains("syncline_parked_records{connection=\"orders\"} 0\n"));
    world.append(store::Named{store::NameKind::kConnection, 1, false, "orders"});
    CHECK_THAT(world.run(*world.begin("GET", "/metrics")).body,
               Contains("syncline_pending_records{connection=\"orders\"} 0\n") &&
                   Contains("syncline_parked_records{connection=\"orders\"} 1\n"));
}

TEST_CASE("scrape: one at a time, and others are served meanwhile", "[admin][metrics]") {
    std::promise<void> go_on;
    std::shared_future<void> gate = go_on.get_future().share();
    World world{[gate](MetricsPage&) { gate.wait(); }};
    auto first = world.begin("GET", "/metrics");
    CHECK(world.code_of("GET", "/metrics") == "503 admin.scrape_running");
    CHECK(world.ask("GET", "/healthz").first == 200);
    CHECK_FALSE(first->response);
    go_on.set_value();
    CHECK(world.run(*first).status == 200);
    CHECK(world.run(*world.begin("GET", "/metrics")).status == 200);
}

TEST_CASE("scrape: a state that does not answer is not waited for", "[admin][metrics]") {
    World world;
    std::promise<void> go_on;
    std::shared_future<void> gate = go_on.get_future().share();
    REQUIRE(world.store->ask([gate](store::State&) { gate.wait(); }));
    Scrape scrape{world.io, *world.store, {}, std::chrono::milliseconds{20}};
    std::optional<Error> error;
    scrape.start([&](Result<std::string> page) { error = page.error(); });
    world.io.restart();
    auto work = boost::asio::make_work_guard(world.io);
    world.io.run_one_for(test::kPatience);
    go_on.set_value();
    REQUIRE(error);
    CHECK(error->is(kScrapeLate));
}

TEST_CASE("scrape: a store that has stopped is said", "[admin][metrics][stop]") {
    World world;
    world.store->stop();
    CHECK(world.code_of("GET", "/metrics") == "503 admin.stopping");
}
