// The mark by which a stuck connector is found.
#include "plugin/busy_mark.hpp"

#include "support/catch.hpp"

using namespace syncline;
using namespace std::chrono_literals;

TEST_CASE("busy mark: a task's time counts from the first look that finds it", "[plugin][busy]") {
    plugin::BusyMark mark;
    CHECK(mark.busy_for(5s) == 0s);
    mark.enter();
    CHECK(mark.busy_for(10s) == 0s);
    CHECK(mark.busy_for(13s) == 3s);
    mark.leave();
    CHECK(mark.busy_for(14s) == 0s);
}

TEST_CASE("busy mark: many short tasks are not one long one", "[plugin][busy]") {
    plugin::BusyMark mark;
    mark.enter();
    CHECK(mark.busy_for(10s) == 0s);
    mark.leave();
    mark.enter();
    CHECK(mark.busy_for(20s) == 0s);
    CHECK(mark.busy_for(21s) == 1s);
}
