// Tests of unloading: what is left when a newer version takes over.
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>

#include "checker/errc.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"

namespace syncline::checker {
namespace {

constexpr int kReloads = 50;
constexpr int kWarmUps = 10;
constexpr std::int64_t kGrowthMax = 4 * 1024 * 1024;

std::int64_t resident_bytes() {
    std::ifstream statm{"/proc/self/statm"};
    std::int64_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * ::sysconf(_SC_PAGESIZE);
}

Result<void> live_once(const Subject& subject, const Loaded& loaded) {
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    if (subject.manifest->can_webhook) host.translate(sample_requests().front());
    if (const auto streams = destinations(subject))
        host.write(sample_write(streams->front(), accepts()));
    if (!host.end()) return Error{kNotApplicable, "it does not stop; see `life-stops`"};
    return {};
}

// Its code runs on a thread that ends before it is unloaded, as in the hub: what that thread has
// of the library would keep it mapped.
Result<void> reload(const Subject& subject) {
    std::optional<Loaded> loaded;
    Result<void> result;
    std::thread generation{[&] {
        auto opened = Loaded::open(subject);
        if (!opened) {
            result = std::move(opened).error();
            return;
        }
        loaded.emplace(std::move(*opened));
        result = live_once(subject, *loaded);
    }};
    generation.join();
    return result;
}

Result<void> need_unloading(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return Error{kNotApplicable, "a sanitizer keeps libraries mapped"};
#endif
    if (!manifest->can_unload)
        return Error{kNotApplicable, "the manifest says \"unload\": \"never\""};
    return {};
}

Result<Verdict> unmapped(const Subject& subject) {
    SYNCLINE_CHECK(need_unloading(subject));
    SYNCLINE_CHECK(reload(subject));
    return is_mapped(subject.library) ? failed("the library is mapped still after it was unloaded")
                                      : passed();
}

Result<Verdict> fifty(const Subject& subject) {
    SYNCLINE_CHECK(need_unloading(subject));
    std::int64_t before = 0;
    for (int i = 0; i < kReloads; ++i) {
        if (i == kWarmUps) before = resident_bytes();
        SYNCLINE_CHECK(reload(subject));
    }
    const std::int64_t grown = resident_bytes() - before;
    if (grown < kGrowthMax) return passed();
    return failed(std::to_string(kReloads - kWarmUps) + " reloads left " +
                  std::to_string(grown / 1024) + " KiB in memory");
}

constexpr Test kUnloadingTests[] = {
    {"unload-unmapped", 9, "after the last instance the library can be unloaded",
     "each new version stays in memory beside the old ones",
     "link with plugin-api's version script; keep no thread-local objects beyond their threads; "
     "or say \"unload\": \"never\"",
     unmapped},
    {"unload-fifty", 9, "fifty times loading and unloading leave nothing behind",
     "a hub whose connectors are often replaced grows",
     "free in destructors what constructors of static objects allocate", fifty},
};

}  // namespace

std::span<const Test> unloading_tests() {
    return kUnloadingTests;
}

}  // namespace syncline::checker
