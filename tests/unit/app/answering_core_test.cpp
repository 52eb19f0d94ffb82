#include "app/answering_core.hpp"

#include <unistd.h>

#include <future>
#include <sstream>
#include <thread>
#include <vector>

#include "core/thread_name.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

cpu_set_t cores_of(pid_t thread) {
    cpu_set_t cores;
    REQUIRE(::sched_getaffinity(thread, sizeof cores, &cores) == 0);
    return cores;
}

bool are_equal(const cpu_set_t& one, const cpu_set_t& other) {
    return CPU_EQUAL(&one, &other);
}

// A thread that does nothing but to be there.
struct Idler {
    explicit Idler(const char* name)
        : thread([this, name] {
              core::name_this_thread(name);
              id.set_value(::gettid());
              ended.get_future().wait();
          }) {}
    ~Idler() {
        ended.set_value();
        thread.join();
    }
    std::promise<pid_t> id;
    std::promise<void> ended;
    std::thread thread;
};

}  // namespace

TEST_CASE("answering core: apart while it has much to do and there is something to gain", "[app]") {
    CHECK(shall_answer_apart({0.5, 0.6, 0.3}, 2, false));
    CHECK(shall_answer_apart({0.5, 1.8, 0.3}, 4, false));
    CHECK_FALSE(shall_answer_apart({0.5, 0.1, 0.3}, 1, false));
    CHECK_FALSE(shall_answer_apart({0.3, 0.1, 0.3}, 2, false));  // little to do
    CHECK_FALSE(shall_answer_apart({0.5, 0.7, 0.3}, 2, false));  // much is made of each request
    CHECK_FALSE(shall_answer_apart({0.5, 0.6, 0.1}, 2, false));  // no core stands idle
    CHECK_FALSE(shall_answer_apart({0.5, 0.6}, 2, false));       // or nobody knows
    SECTION("once it is, it needs less to stay") {
        CHECK(shall_answer_apart({0.3, 0.1, 0.3}, 2, true));
        CHECK(shall_answer_apart({0.5, 0.7, 0.3}, 2, true));
        CHECK(shall_answer_apart({0.5, 0.5, 0.1}, 2, true));
        CHECK(shall_answer_apart({0.5, 0.5}, 2, true));
        CHECK_FALSE(shall_answer_apart({0.1, 0.1, 0.3}, 2, true));
        CHECK_FALSE(shall_answer_apart({0.5, 0.9, 0.3}, 2, true));
        CHECK_FALSE(shall_answer_apart({0.5, 0.5, 0.01}, 2, true));  // the other core is full
    }
}

TEST_CASE("answering core: a core's idle time is what it waited, for a disk as well", "[app]") {
    std::istringstream stat{R"(cpu  9 9 9 900 900 9
cpu0 100 0 50 700 30 1 1 0 0 0
cpu1 100 0 50 5000 5000 1 1 0 0 0
cpu12 100 0 50 20 50 1 1 0 0 0
intr 77 1 2 3 4
)"};
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(0, &cores);
    CPU_SET(12, &cores);
    CHECK(idle_time(stat, cores) == Approx(800.0 / static_cast<double>(::sysconf(_SC_CLK_TCK))));
}

TEST_CASE("answering core: it is the core where most interrupts of devices arrive", "[app]") {
    const auto chosen = [](std::vector<std::size_t> allowed) {
        std::istringstream interrupts{R"(           CPU0       CPU1       CPU4
  9:          3          0          0   IO-APIC   9-fasteoi   acpi
 36:          0        799        700   PCI-MSIX  1-edge      virtio1-req.0
 41:        477          0         90   PCI-MSIX  1-edge      virtio3-rx
LOC:     999999          0          0   Local timer interrupts
ERR:          7
)"};
        cpu_set_t cores;
        CPU_ZERO(&cores);
        for (const std::size_t core : allowed) CPU_SET(core, &cores);
        return most_interrupted(interrupts, cores);
    };
    CHECK(chosen({0, 1, 2, 4}) == 1);
    CHECK(chosen({0, 4}) == 4);
    CHECK(chosen({0}) == 0);
    CHECK(chosen({2}) == std::nullopt);
    std::istringstream nothing;
    cpu_set_t all;
    CPU_ZERO(&all);
    CPU_SET(0, &all);
    CHECK(most_interrupted(nothing, all) == std::nullopt);
}

TEST_CASE("answering core: the two threads get a core that no other thread uses", "[app]") {
    const cpu_set_t before = cores_of(0);
    if (CPU_COUNT(&before) < 2) {
        WARN("with one core nothing can be apart");
        SUCCEED();
        return;
    }
    Idler journal{"journal"}, other{"state"};
    const pid_t journal_id = journal.id.get_future().get(), other_id = other.id.get_future().get();
    store::JournalThread journal_thread;
    journal_thread.id = journal_id;
    boost::asio::io_context io;
    AnsweringCore core{io, journal_thread};

    core.set_apart(true);
    const cpu_set_t own = cores_of(0), rest = cores_of(other_id);
    CHECK(CPU_COUNT(&own) == 1);
    CHECK(are_equal(cores_of(journal_id), own));
    CHECK(CPU_COUNT(&rest) == CPU_COUNT(&before) - 1);
    cpu_set_t together;
    CPU_OR(&together, &own, &rest);
    CHECK(are_equal(together, before));

    SECTION("threads that come later are moved at the next look") {
        Idler later{"later"};  // begins where its maker is
        const pid_t later_id = later.id.get_future().get();
        CHECK(are_equal(cores_of(later_id), own));
        core.set_apart(true);
        CHECK(are_equal(cores_of(later_id), rest));
        core.set_apart(false);
    }
    SECTION("in the end everything is as it was") {
        core.stop();
        CHECK(are_equal(cores_of(0), before));
    }
    for (const pid_t thread : {pid_t{0}, journal_id, other_id})
        CHECK(are_equal(cores_of(thread), before));
}
