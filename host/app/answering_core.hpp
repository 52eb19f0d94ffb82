// A core for the threads that a sender's answer waits for, while they are busy.
//
// Purpose: two threads stand between a request and its acknowledgement, the one that does the
//   network's work and the journal's. When many more are ready to run, the kernel often puts one of
//   the two behind another thread although a core idles, above all in a virtual machine, where an
//   idle core looks as if it were taken. So, as nginx and Redis can be told to
//   (worker_cpu_affinity, server_cpulist), the hub keeps the two on one core and everybody else on
//   the others. Figures are in tests/bench/README.md.
// When: only while the two have much to do, each of the other cores would not get much more, and
//   the kernel leaves a part of all cores idle. With few requests, with much to make of each, or
//   with a single core, all threads run everywhere. So they do for half a minute when the other
//   cores were full, whoever filled them: what was acknowledged must not stay behind.
// Limits: cores that the process may not use (taskset, a container's cpuset) stay unused. Where the
//   kernel refuses, nothing is changed.
#pragma once

#include <sched.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <istream>
#include <optional>

#include "store/journal.hpp"

namespace syncline::app {

// Processor time since the last look, in cores.
struct CoreUse {
    double answering = 0;
    double others = 0;
    // Of the cores that the others may use, each; since the second busy look.
    std::optional<double> idle = {};
};

// Whether the answering threads shall have a core of `cores` to themselves.
bool shall_answer_apart(const CoreUse& use, unsigned cores, bool is_apart);

// How long the cores have had nothing to do, in seconds, by the text of /proc/stat.
double idle_time(std::istream& stat, const cpu_set_t& cores);

// The core of `allowed` on which most interrupts of devices arrive, by the text of
// /proc/interrupts: what waits for a disk or a network is woken best there. None if the text says
// nothing of them.
std::optional<std::size_t> most_interrupted(std::istream& interrupts, const cpu_set_t& allowed);

// [io]
class AnsweringCore {
  public:
    // The journal's thread must outlive this.
    AnsweringCore(boost::asio::io_context& io, const store::JournalThread& journal)
        : timer_(io), journal_(journal) {}

    // Looks twice a second until stop(). On the thread that runs the io_context.
    void start();
    void stop();  // for good

    // All threads of the process as they were, or apart; what the timer does when it is time to.
    void set_apart(bool is_apart);

  private:
    void look();
    bool know_allowed();
    cpu_set_t cores_of_others() const;
    CoreUse use_since_last_look();

    boost::asio::steady_timer timer_;
    const store::JournalThread& journal_;
    cpu_set_t allowed_{};  // before they were apart
    bool is_apart_ = false, is_over_ = false;
    std::size_t core_ = 0;  // while they are
    std::chrono::nanoseconds looked_{0}, answering_used_{0}, all_used_{0};
    std::optional<double> idle_s_;  // at the last look, of the cores that the others use
    std::chrono::nanoseconds together_until_{0};
};

}  // namespace syncline::app
