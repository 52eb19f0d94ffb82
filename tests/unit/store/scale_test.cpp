// What a record costs must not depend on how many others wait.
#include <algorithm>
#include <functional>

#include "samples.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr unsigned kRecords = 8'000;

// Rows of the database that the work looked at; a search that steps over what was erased counts
// each.
std::uint64_t reads(StateUnderTest& test, const std::function<void()>& work) {
    std::uint64_t before = test.database->reads();
    work();
    return test.database->reads() - before;
}

void fill(StateUnderTest& test, const std::function<std::string(unsigned)>& key) {
    for (unsigned i = 0; i < kRecords; i += 100) {
        std::vector<std::string> keys;
        for (unsigned j = i; j < i + 100; ++j) keys.push_back(key(j));
        test.event(keys);
    }
    test.commit();  // the backlog stands in the database, below what follows
}

// Delivers `count` records, as many at a time as there are.
void deliver(StateUnderTest& test, unsigned count) {
    for (unsigned done = 0; done < count;) {
        auto heads = test.take(kCrm, std::min<std::size_t>(64, count - done));
        REQUIRE(!heads.empty());
        for (const LaneHead& head : heads) test.apply(result_of(head, Settlement::kDelivered));
        done += static_cast<unsigned>(heads.size());
    }
}

}  // namespace

TEST_CASE("scale: the last record of a backlog costs what the first did", "[store][scale][A20]") {
    for (bool is_one_key : {false, true}) {
        StateUnderTest test;
        fill(test,
             [&](unsigned i) { return is_one_key ? std::string{"hot"} : "k" + std::to_string(i); });
        INFO("one key: " << is_one_key);
        // Nothing is committed in between: what was erased stands in the way of every search.
        std::uint64_t first = reads(test, [&] { deliver(test, kRecords / 8); });
        deliver(test, kRecords * 6 / 8);
        std::uint64_t last = reads(test, [&] { deliver(test, kRecords / 8); });
        INFO(first << " reads, then " << last);
        CHECK(last < 2 * first);
        CHECK(test.ledger().delivered == kRecords);
    }
}

TEST_CASE("scale: a start does not look at the backlog", "[store][scale][A22]") {
    StateUnderTest test;
    fill(test, [](unsigned i) { return "k" + std::to_string(i); });
    for (unsigned i = 0; i < 1000; ++i) test.apply(received());
    test.commit();
    test.restart();
    CHECK(test.database->reads() < 50);
    CHECK(test.take(kCrm, 5).size() == 5);
    CHECK(test.events().size() == 1000);
    CHECK(test.ledger().pending == kRecords);
}
