// A core for the threads that a sender's answer waits for, while they are busy.
//
// Purpose: two threads stand between a request and its acknowledgement, the one that does the
//   network's work and the journal's. When many more are ready to run, the kernel often puts one of
//   the two behind another thread although a core idles, above all in a virtual machine, where an
//   idle core looks as if it were taken. So, as nginx and Redis can be told to
//   (worker_cpu_affinity, server_cpulist), the hub keeps the two on one core and everybody else on
//   the others. Figures are in tests/bench/README.md.
// When: only while the two have much to do and each of the other cores would not get much more:
// with
//   few requests, with much to make of each, or with a single core, all threads run everywhere.
// Limits: cores that the process may not use (taskset, a container's cpuset) stay unused. Where the
//   kernel refuses, nothing is changed.
#pragma once

#include <sched.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <vector>

namespace syncline::app {

// Processor time since the last look, in cores.
struct CoreUse {
    double answering = 0;
    double others = 0;
};

// Whether the answering threads shall have a core of `cores` to themselves.
bool shall_answer_apart(const CoreUse& use, unsigned cores, bool is_apart);

// [io]
class AnsweringCore {
  public:
    explicit AnsweringCore(boost::asio::io_context& io) : timer_(io) {}

    // Looks twice a second until stop(), on the thread that runs the io_context, when the journal's
    // runs.
    void start();
    void stop();

    // All threads of the process as they were, or apart; what the timer does when it is time to.
    void set_apart(bool is_apart);

  private:
    void look();
    bool know_allowed();
    CoreUse use_since_last_look();

    boost::asio::steady_timer timer_;
    std::vector<pid_t> answering_;
    cpu_set_t allowed_{};  // before they were apart
    bool is_apart_ = false;
    std::chrono::nanoseconds looked_{0}, answering_used_{0}, all_used_{0};
};

}  // namespace syncline::app
