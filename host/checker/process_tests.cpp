// Tests of what a connector does to the process that it is a guest of.
#include "checker/errc.hpp"
#include "checker/process_facts.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"

namespace syncline::checker {
namespace {

// Loading is looked at by itself; here it is the instance's life and work.
template <class Compare>
Result<Verdict> compare(const Subject& subject, const Compare& difference) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    const ProcessFacts before = ProcessFacts::now();
    SYNCLINE_CHECK(tour(subject));
    const std::string what = difference(before, ProcessFacts::now());
    return what.empty() ? passed() : failed("the connector " + what);
}

Result<Verdict> threads(const Subject& subject) {
    return compare(subject, [](const ProcessFacts& before, const ProcessFacts& after) {
        return before.threads_difference(after);
    });
}

Result<Verdict> descriptors(const Subject& subject) {
    return compare(subject, [](const ProcessFacts& before, const ProcessFacts& after) {
        return before.descriptors_difference(after);
    });
}

Result<Verdict> handlers(const Subject& subject) {
    return compare(subject, [](const ProcessFacts& before, const ProcessFacts& after) {
        return before.handlers_difference(after);
    });
}

Result<Verdict> surroundings(const Subject& subject) {
    return compare(subject, [](const ProcessFacts& before, const ProcessFacts& after) {
        return before.surroundings_difference(after);
    });
}

Result<Verdict> borrowed(const Subject& subject) {
    SYNCLINE_CHECK(tour(subject, {.lending = Lending::kRevoked}));
    return passed();
}

Result<Verdict> text_ends(const Subject& subject) {
    SYNCLINE_CHECK(tour(subject, {.lending = Lending::kTight}));
    return passed();
}

constexpr Test kProcessTests[] = {
    {"process-threads", 5, "no thread is left running",
     "it runs on when the library is gone, and takes the hub down",
     "make no threads; the host's post() and coroutines are for what comes later", threads},
    {"process-descriptors", 5, "no file or socket is left open",
     "the hub runs out of descriptors and accepts nothing any more",
     "close what you open, or use the host's http and file", descriptors},
    {"process-signals", 5, "no signal handler is changed",
     "the hub can't be stopped in order, or is killed by a lost connection", "leave signals alone",
     handlers},
    {"process-surroundings", 5, "working directory, umask, locale and environment stay",
     "other parts of the hub read and write elsewhere, or numbers change their spelling",
     "leave them alone; format numbers without the locale", surroundings},
    {"memory-borrowed", 5, "nothing is read that is not lent any more",
     "memory of others is read, and the hub goes down some day (here a fault was provoked)",
     "copy what is needed beyond the call, or beyond complete()", borrowed},
    {"memory-text-ends", 5, "texts are read to their length and no further",
     "texts do not end with NUL: memory of others is read (here a fault was provoked)",
     "use ptr and len; never strlen, strcpy or %s", text_ends},
};

}  // namespace

std::span<const Test> process_tests() {
    return kProcessTests;
}

}  // namespace syncline::checker
