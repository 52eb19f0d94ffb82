// The parts of a record's way that have goals of their own, in nanoseconds of processor time.
// Prints one JSON object, which `run` compares with the goals.
#include <lmdb.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "measure.hpp"
#include "pipeline/decide.hpp"
#include "plugin/busy_mark.hpp"
#include "plugin/generation.hpp"
#include "profile.hpp"
#include "store/overlay.hpp"
#include "store/rows.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace syncline;

constexpr std::uint64_t kSeed = 42;
constexpr int kKeys = 1'000'000;
constexpr int kDirtyKeys = 10'000;
constexpr int kKeysPerCommit = 100'000;
constexpr store::ConnectionId kConnection = 1;

std::size_t sink = 0;  // keeps the work from being optimised away

template <class T>
T must(Result<T> result) {
    if (!result.has_value()) {
        std::fprintf(stderr, "bench_micro: %s\n", result.error().to_string().c_str());
        std::exit(1);
    }
    return std::move(*result);
}
void must(const Result<void>& result) {
    if (!result.has_value()) std::exit(1);
}
void must_lmdb(int code) {
    if (code == 0) return;
    std::fprintf(stderr, "bench_micro: %s\n", mdb_strerror(code));
    std::exit(1);
}

// A function of a connector: reached through a pointer that the compiler does not know.
syncline_status connector_function(syncline_instance*, const syncline_str*) {
    return SYNCLINE_OK;
}
syncline_status (*volatile connector_pointer)(syncline_instance*,
                                              const syncline_str*) = connector_function;

// What stands around a call: the mark by which a stuck connector is found, and the barrier for
// exceptions.
double guarded_call() {
    constexpr int kCalls = 2'000'000;
    plugin::BusyMark busy;
    const syncline_str blob{bench::kProfile.data(), bench::kProfile.size()};
    return bench::measure(kCalls,
                          [&] {
                              syncline_status status = SYNCLINE_OK;
                              busy.enter();
                              const bool has_returned = plugin::call_connector(
                                  "write()", [&] { status = connector_pointer(nullptr, &blob); });
                              busy.leave();
                              sink += has_returned && status == SYNCLINE_OK;
                          })
        .median;
}

std::string key_of(int number) {
    char lane[32];
    std::snprintf(lane, sizeof lane, "audience-%d/user-%08d", number % 10, number);
    return store::lane_row_key(kConnection, lane).str();
}

std::string row_of(int number) {
    store::KeyMapRow row;
    row.last = {store::Position::of(1, static_cast<std::uint64_t>(number)), 0};
    row.row_hash.bytes.fill(static_cast<unsigned char>(number));
    return store::encode(row);
}

// The rows of many users, and some of them in a random order.
class KeyMap {
  public:
    KeyMap() {
        options_.directory = folder_.path();
        options_.map_bytes = std::uint64_t{1} << 30;
        auto database = must(store::Database::open(options_));
        for (int number = 0; number < kKeys;) {
            auto write = must(database->begin_write());
            for (int end = number + kKeysPerCommit; number < end; ++number) {
                must(write.put(store::Table::kKeyMap, key_of(number), row_of(number)));
            }
            must(write.commit());
        }
        std::mt19937_64 random{1};
        for (int i = 0; i < kKeys; ++i)
            wanted_.push_back(key_of(static_cast<int>(random() % kKeys)));
    }

    double raw_ns() {
        MDB_env* environment = nullptr;
        must_lmdb(mdb_env_create(&environment));
        must_lmdb(mdb_env_set_maxdbs(environment, store::kTableCount));
        must_lmdb(mdb_env_set_mapsize(environment, options_.map_bytes));
        must_lmdb(mdb_env_open(environment, folder_.path().c_str(), MDB_RDONLY | MDB_NOTLS, 0600));
        MDB_txn* transaction = nullptr;
        must_lmdb(mdb_txn_begin(environment, nullptr, MDB_RDONLY, &transaction));
        MDB_dbi table = 0;
        must_lmdb(mdb_dbi_open(transaction, name_of(store::Table::kKeyMap), 0, &table));
        const double ns = time([&](const std::string& key) {
            MDB_val wanted{key.size(), const_cast<char*>(key.data())};
            MDB_val found{};
            must_lmdb(mdb_get(transaction, table, &wanted, &found));
            sink += found.mv_size;
        });
        mdb_txn_abort(transaction);
        mdb_env_close(environment);
        return ns;
    }

    // With changes of other rows in memory, as in a hub at work.
    double overlay_ns() {
        auto database = must(store::Database::open(options_));
        database->renew();
        store::Overlay overlay{*database};
        for (int i = 0; i < kDirtyKeys; ++i) {
            overlay.put(store::Table::kKeyMap, key_of(kKeys + i), row_of(i), true);
        }
        return time([&](const std::string& key) {
            sink += must(overlay.get(store::Table::kKeyMap, key))->size();
        });
    }

  private:
    template <class Lookup>
    double time(Lookup lookup) {
        std::size_t next = 0;
        return bench::measure(100'000,
                              [&] {
                                  lookup(wanted_[next]);
                                  next = (next + 1) % wanted_.size();
                              })
            .median;
    }

    test::TempDir folder_;
    store::Database::Options options_;
    std::vector<std::string> wanted_;
};

// A profile through filter, mapping and diff; changed or the same as what was sent before.
class Profiles {
  public:
    Profiles() {
        plan_.when.emplace(must(expr::Program::compile(".consent.newsletter")));
        for (auto [field, source] : std::initializer_list<std::pair<const char*, const char*>>{
                 {"external_id", ".id"},
                 {"email", ".email | ascii_downcase"},
                 {"name", "\"\\(.first_name) \\(.last_name)\""},
                 {"city", ".address.city"},
                 {"country", ".address.country // \"DE\""},
                 {"points", ".loyalty.points + 100"},
                 {"is_gold", ".loyalty.tier == \"gold\""},
                 {"newsletter", ".consent.newsletter"},
                 {"first_tag", ".tags[0]"},
                 {"total", "if .last_order then .last_order.total else 0 end"}}) {
            plan_.map.emplace_back(field, must(expr::Program::compile(source)));
        }
        head_.record = {store::Position::of(1, 10), 0};
        store::RecordRow row{};
        row.operation = record::Operation::kUpsert;
        head_.row = std::make_shared<const store::RecordRow>(std::move(row));
        head_.key_map.emplace();
        head_.key_map->last = {store::Position::of(1, 9), 0};
    }

    double changed_us() {
        head_.key_map->row_hash = {};
        return time();
    }
    double unchanged_us() {
        auto decision = pipeline::decide(plan_, head_, bench::kProfile, kSeed);
        head_.key_map->row_hash = std::get<pipeline::Send>(decision).fingerprint.row;
        return time();
    }

  private:
    double time() {
        return bench::measure(
                   20'000,
                   [&] { sink += pipeline::decide(plan_, head_, bench::kProfile, kSeed).index(); })
                   .median /
               1000;
    }

    pipeline::ConnectionPlan plan_;
    store::LaneHead head_;
};

}  // namespace

int main() {
    const double call_ns = guarded_call();
    Profiles profiles;
    const double changed_us = profiles.changed_us();
    const double unchanged_us = profiles.unchanged_us();
    KeyMap key_map;
    // In turns, so that a slower moment of the machine meets both.
    double raw_ns = key_map.raw_ns();
    double overlay_ns = key_map.overlay_ns();
    raw_ns = (raw_ns + key_map.raw_ns()) / 2;
    overlay_ns = (overlay_ns + key_map.overlay_ns()) / 2;
    std::printf(
        "{\"guarded_call_ns\":%.2f,\"decide_changed_us\":%.2f,\"decide_unchanged_us\":%.2f,"
        "\"key_map_raw_ns\":%.0f,\"key_map_overlay_ns\":%.0f}\n",
        call_ns, changed_us, unchanged_us, raw_ns, overlay_ns);
    return sink == 0 ? 1 : 0;
}
