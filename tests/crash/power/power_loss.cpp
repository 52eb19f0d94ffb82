// The power-loss simulator: runs a store, rebuilds what a power cut may have left at random
// moments, and opens each.
//
//   power_loss [--images N] [--seed S] [--lying-disk]
//
// Prints `images N, lost L, unopenable U`; the exit code is 0 when both are 0. With --lying-disk
// the journal's flushes do nothing, and the exit code is 0 when losses are reported: the simulator
// has teeth.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "core/log.hpp"
#include "recorder.hpp"
#include "store/tables.hpp"
#include "support/store_harness.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

struct Arguments {
    unsigned images = 1000;
    std::uint64_t seed = 1;
    bool is_lying = false;
};

// What somebody was promised, and when.
struct Promise {
    std::size_t moment = 0;
    Position event;
    std::string key;
    bool is_delivered = false;  // false: received
};

// Flushes cost nothing: the images are opened by the thousand, and never lose power themselves.
struct NoFlush final : test::DiskHooks {
    bool is_sync_lie(int) override { return true; }
};

constexpr ConnectionId kConnection = 11;
constexpr unsigned kEventsARun = 250;

class Workload {
  public:
    Workload(test::Recorder& recorder, std::uint64_t seed) : recorder_(recorder), random_(seed) {}

    // Opens, receives and delivers a while, and stops.
    bool run(const std::filesystem::path& directory) {
        RunningStore run{options(directory)};
        run.deliverer.on_delivered = [this](Position event) { promise(event, {}, true); };
        if (!run.store || !run.start()) {
            std::printf("the workload can't start: %s\n", run.failure->to_string().c_str());
            return false;
        }
        Tally answered;
        for (unsigned sent = 0; sent < kEventsARun;) {
            run.deliverer.set_open(random_() % 4 != 0);
            unsigned burst = 1 + static_cast<unsigned>(random_() % 12);
            for (unsigned i = 0; i < burst; ++i, ++sent) send(run, answered);
            if (!answered.wait_for(sent)) return false;
        }
        return true;
    }

    static Store::Options options(const std::filesystem::path& directory) {
        Store::Options options = RunningStore::options(directory);
        options.segment_bytes = 128 * 1024;
        options.history_bytes_max = 3 * options.segment_bytes;
        options.map_bytes = std::uint64_t{256} << 20;
        options.commit_interval = std::chrono::milliseconds{5};
        options.allow_unsafe_filesystem = true;
        return options;
    }

    const std::vector<Promise>& promises() const { return promises_; }
    void forget_after(std::size_t moment) {
        std::erase_if(promises_, [&](const Promise& promise) { return promise.moment > moment; });
    }

  private:
    void send(RunningStore& run, Tally& answered) {
        std::string key = random_() % 3 == 0 ? "hot-" + std::to_string(random_() % 4)
                                             : "key-" + std::to_string(++keys_);
        Received event = event_of(key, std::string(random_() % 6000, 'x'));
        if (random_() % 60 == 0) {
            auto body = run.store->bodies().keep(std::string(kInlineBodyBytesMax + 1, 'b'));
            if (body.has_value()) event.body = *std::move(body);
        }
        auto taken = run.store->append_event(std::move(event),
                                             [this, key, &answered](Result<Position> position) {
                                                 if (position.has_value())
                                                     promise(*position, key, false);
                                                 answered.add();
                                             });
        if (!taken.has_value()) answered.add();
    }

    void promise(Position event, std::string key, bool is_delivered) {
        std::lock_guard lock{mutex_};
        promises_.push_back(Promise{recorder_.now(), event, std::move(key), is_delivered});
    }

    test::Recorder& recorder_;
    std::mt19937_64 random_;
    std::uint64_t keys_ = 0;
    std::mutex mutex_;
    std::vector<Promise> promises_;
};

// ---- In the child that looks at an image --------------------------------------------------------

std::string check_body(const Store& opened, const Body& body) {
    auto text = const_cast<Store&>(opened).bodies().read(body);
    return text.has_value() && text->size() == body.size ? "" : "its body is gone";
}

// An empty string when the promise is kept.
std::string check_promise(const Store& opened, State& state, const Promise& promise,
                          const std::map<std::uint64_t, std::string>& keys) {
    std::string lane = lane_key(keys.at(promise.event.value));
    auto key_map = state.key_map(kConnection, lane);
    if (key_map.has_error()) return key_map.error().to_string();
    RecordId id{promise.event, 0};
    if (*key_map && (*key_map)->last >= id) return {};
    if (promise.is_delivered) return "a delivery is forgotten";
    auto record = state.overlay().get(Table::kRecord, record_key(id));
    if (record.has_error()) return record.error().to_string();
    if (*record) {
        auto row = decode_row<RecordRow>(**record);
        return row.has_value() ? check_body(opened, row->body) : row.error().to_string();
    }
    auto event = state.overlay().get(Table::kEvent, event_key(1, promise.event));
    if (event.has_error()) return event.error().to_string();
    if (!*event) return "an event is lost";
    std::string_view bytes = **event;
    auto fact = decode(bytes);
    if (fact.has_error()) return fact.error().to_string();
    return check_body(opened, std::get<Received>(*fact).body);
}

std::string check_state(const Store& opened, State& state, const std::vector<Promise>& promises,
                        std::size_t moment, Position began) {
    std::map<std::uint64_t, std::string> keys;
    for (const Promise& promise : promises) {
        if (!promise.is_delivered) keys[promise.event.value] = promise.key;
    }
    for (const Promise& promise : promises) {
        if (promise.moment > moment) continue;
        if (promise.event >= began) return "a position is used twice";
        if (!keys.contains(promise.event.value)) continue;
        if (std::string fault = check_promise(opened, state, promise, keys); !fault.empty()) {
            return to_string(promise.event) + ": " + fault;
        }
    }
    for (const auto& [id, ledger] : state.route_ledgers()) {
        if (!ledger.balances()) return "a route's ledger does not balance";
    }
    for (const auto& [id, ledger] : state.connection_ledgers()) {
        if (!ledger.balances()) return "a connection's ledger does not balance";
    }
    return {};
}

enum Verdict : int { kGood = 0, kLost = 1, kUnopenable = 2 };

[[noreturn]] void look_at(const std::filesystem::path& image, const std::vector<Promise>& promises,
                          std::size_t moment) {
    static NoFlush no_flush;
    test::set_disk_hooks(&no_flush);
    auto* run = new RunningStore{Workload::options(image)};  // the process ends without it
    if (run->store) run->deliverer.use(*run->store), run->deliverer.set_open(false);
    if (!run->store || !run->start()) {
        std::printf("unopenable: %s\n", run->failure->to_string().c_str());
        std::fflush(stdout);
        ::_exit(kUnopenable);
    }
    Position began = run->store->status().applied;
    std::string fault = run->ask(
        [&](State& state) { return check_state(*run->store, state, promises, moment, began); });
    if (!fault.empty()) std::printf("lost: %s\n", fault.c_str());
    std::fflush(stdout);
    ::_exit(fault.empty() ? kGood : kLost);
}

// ---- The whole ----

struct Tallies {
    unsigned images = 0, lost = 0, unopenable = 0;
};

void judge(const test::Recorder& recorder, const Workload& work, std::size_t from, std::size_t to,
           unsigned images, std::mt19937_64& random, const std::filesystem::path& image,
           Tallies& tallies) {
    for (unsigned i = 0; i < images; ++i) {
        std::size_t moment = from + random() % (to - from + 1);
        recorder.build_cut(moment, random, image);
        std::fflush(stdout);
        pid_t child = ::fork();
        if (child == 0) look_at(image, work.promises(), moment);
        int status = 0;
        ::waitpid(child, &status, 0);
        ++tallies.images;
        int verdict = WIFEXITED(status) ? WEXITSTATUS(status) : kUnopenable;
        if (!WIFEXITED(status)) std::printf("the process died of signal %d\n", WTERMSIG(status));
        if (verdict == kLost) ++tallies.lost;
        if (verdict != kLost && verdict != kGood) ++tallies.unopenable;
        if (verdict != kGood)
            std::printf("  ... image %u, cut at step %zu of %zu\n", tallies.images, moment, to);
    }
}

// One life: two starts that end well, then a kill in the middle of the second and a third start on
// what it left. Power is cut anywhere.
bool live(const Arguments& arguments, std::uint64_t seed, unsigned images, Tallies& tallies) {
    test::TempDir directory;
    for (const char* name : {"one", "two", "image"}) {
        for (const char* folder : {"journal", "state", "bodies"})
            std::filesystem::create_directories(directory / name / folder);
    }
    std::mt19937_64 random{seed};
    test::Recorder recorder{directory / "one"};
    recorder.set_lying(arguments.is_lying);
    Workload work{recorder, seed};
    test::set_disk_hooks(&recorder);
    bool has_run = work.run(directory / "one");
    std::size_t second = recorder.now();
    has_run = has_run && work.run(directory / "one");
    test::set_disk_hooks(nullptr);
    if (!has_run) return false;
    judge(recorder, work, 0, recorder.now(), images / 2, random, directory / "image", tallies);

    std::size_t killed = second + random() % (recorder.now() - second);
    recorder.build_all(killed, directory / "two");
    recorder.go_on_from(killed, directory / "two");
    work.forget_after(killed);
    test::set_disk_hooks(&recorder);
    has_run = work.run(directory / "two");
    test::set_disk_hooks(nullptr);
    if (!has_run) return false;
    judge(recorder, work, killed, recorder.now(), images - images / 2, random, directory / "image",
          tallies);
    return true;
}

bool parse(int count, char** values, Arguments& arguments) {
    for (int i = 1; i < count; ++i) {
        bool has_value = i + 1 < count;
        if (std::strcmp(values[i], "--lying-disk") == 0) {
            arguments.is_lying = true;
        } else if (std::strcmp(values[i], "--images") == 0 && has_value) {
            arguments.images = static_cast<unsigned>(std::strtoul(values[++i], nullptr, 10));
        } else if (std::strcmp(values[i], "--seed") == 0 && has_value) {
            arguments.seed = std::strtoull(values[++i], nullptr, 10);
        } else {
            return false;
        }
    }
    return arguments.images > 0;
}

}  // namespace

int main(int count, char** values) {
    Arguments arguments;
    if (!parse(count, values, arguments)) {
        std::fprintf(stderr, "usage: power_loss [--images N] [--seed S] [--lying-disk]\n");
        return 2;
    }
    core::set_log_level(core::LogLevel::kError);
    // Memory is as good a disk as any to one who records what is flushed.
    if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 0);
    constexpr unsigned kImagesALife = 100;
    Tallies tallies;
    for (std::uint64_t life = 0; tallies.images < arguments.images; ++life) {
        unsigned images = std::min(kImagesALife, arguments.images - tallies.images);
        if (!live(arguments, arguments.seed * 1'000'003 + life, images, tallies)) return 1;
    }
    std::printf("images %u, lost %u, unopenable %u\n", tallies.images, tallies.lost,
                tallies.unopenable);
    if (arguments.is_lying) return tallies.lost + tallies.unopenable > 0 ? 0 : 1;
    return tallies.lost + tallies.unopenable == 0 ? 0 : 1;
}
