// The state beside a small model of lanes and ledger, through thousands of random facts.
#include <deque>
#include <map>
#include <random>
#include <set>

#include "samples.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

struct ModelLane {
    std::set<RecordId> waiting;
    std::optional<RecordId> head;
    std::uint32_t attempts = 0;
    std::int64_t due_ns = 0;
    bool is_in_flight = false;
};

class Model {
  public:
    explicit Model(std::uint32_t seed) : random_(seed) {}

    void step() {
        switch (random_() % 12) {
            case 0:
            case 1:
                receive();
                break;
            case 2:
            case 3:
                translate();
                break;
            case 4:
            case 5:
                take();
                break;
            case 6:
            case 7:
            case 8:
                settle();
                break;
            case 9:
                command();
                break;
            case 10:
                move_to_disk();
                break;
            default:
                now_ns_ += static_cast<std::int64_t>(random_() % 50);
        }
    }

    void check() {
        for (ConnectionId connection : {kCrm, kShop}) {
            auto ledger = test_.state->connection_ledgers().find(connection);
            if (ledger == test_.state->connection_ledgers().end()) continue;
            std::uint64_t pending = 0;
            for (const auto& [id, lane] : lanes_) {
                if (id.first == connection) pending += lane.waiting.size() + (lane.head ? 1 : 0);
            }
            CHECK(ledger->second.pending == pending);
            CHECK(ledger->second.dead == dead_[connection]);
            CHECK(ledger->second.delivered == delivered_[connection]);
            CHECK(ledger->second.balances());
        }
        auto route = test_.state->route_ledgers().find(kRoute);
        if (route != test_.state->route_ledgers().end()) {
            CHECK(route->second.balances());
            CHECK(route->second.pending == events_.size());
        }
        CHECK(test_.letters().size() == letters_.size());
    }

    // Everything can still be worked off, and nothing is left behind.
    void drain() {
        while (!events_.empty()) translate();
        for (int round = 0; round < 100'000 && has_pending(); ++round) {
            now_ns_ += 1000;
            take();
            while (!flying_.empty()) settle_front(Settlement::kDelivered);
        }
        CHECK(!has_pending());
        while (!letters_.empty()) discard(letters_.begin()->first);
        check();
        for (Table table : {Table::kEvent, Table::kRecord, Table::kLane, Table::kQueue,
                            Table::kReady, Table::kDue, Table::kLetter}) {
            INFO(name_of(table));
            CHECK(test_.rows(table) == 0);
        }
        CHECK(test_.state->pending_bytes() == 0);
    }

  private:
    using LaneId = std::pair<ConnectionId, std::string>;
    struct DeadLetter {
        LaneId lane;
        RecordId record;
    };

    void receive() { events_.push_back(test_.apply(received())); }

    void translate() {
        if (events_.empty()) return;
        auto at = events_.begin() + static_cast<std::ptrdiff_t>(random_() % events_.size());
        Translated fact{kRoute, *at, {}};
        events_.erase(at);
        for (std::uint32_t i = 0, count = random_() % 4; i < count; ++i) {
            std::vector<ConnectionId> targets;
            if (random_() % 4 != 0) targets.push_back(kCrm);
            if (random_() % 2 != 0) targets.push_back(kShop);
            std::string key = "k" + std::to_string(random_() % 6);
            fact.records.push_back(to_deliver(key, targets));
            for (ConnectionId target : targets) add(LaneId{target, key}, RecordId{fact.event, i});
        }
        test_.apply(std::move(fact));
    }

    void add(const LaneId& id, RecordId record) {
        ModelLane& lane = lanes_[id];
        if (lane.head) {
            lane.waiting.insert(record);
        } else {
            lane = ModelLane{};
            lane.head = record;
        }
    }

    void take() {
        ConnectionId connection = random_() % 2 == 0 ? kCrm : kShop;
        std::size_t count = 1 + random_() % 5;
        std::multiset<std::pair<std::int64_t, RecordId>> free;
        for (auto& [id, lane] : lanes_) {
            if (id.first != connection || !lane.head || lane.is_in_flight || lane.due_ns > now_ns_)
                continue;
            free.emplace(lane.due_ns, *lane.head);
        }
        CHECK((!free.empty() && !test_.state->has_ready(connection, now_ns_).value()) == false);
        auto heads = test_.take(connection, count, now_ns_);
        REQUIRE(heads.size() == std::min(count, free.size()));
        for (const LaneHead& head : heads) {
            ModelLane& lane = lanes_.at(LaneId{connection, head.row->key});
            REQUIRE(lane.head == head.record);
            CHECK(!lane.is_in_flight);
            CHECK(head.attempt == lane.attempts + 1);
            CHECK(lane.due_ns <= now_ns_);
            lane.is_in_flight = true;
            flying_.push_back(head);
        }
    }

    void settle() {
        if (flying_.empty()) return;
        std::swap(flying_.front(), flying_[random_() % flying_.size()]);
        constexpr Settlement kAll[] = {Settlement::kDelivered, Settlement::kUnchanged,
                                       Settlement::kFiltered,  Settlement::kSuperseded,
                                       Settlement::kDead,      Settlement::kRetry};
        settle_front(kAll[random_() % 6]);
    }

    void settle_front(Settlement how) {
        LaneHead head = flying_.front();
        flying_.pop_front();
        LaneId id{head.connection, head.row->key};
        ModelLane& lane = lanes_.at(id);
        Settled fact = result_of(head, how);
        if (random_() % 10 == 0) {  // a late result comes first
            Settled late = fact;
            late.attempt += random_() % 2 == 0 ? 1 : 0xffffffff;
            test_.apply(late);
        }
        fact.due_ns = now_ns_ + static_cast<std::int64_t>(random_() % 60) - 10;
        Position at = test_.apply(fact);
        lane.is_in_flight = false;
        if (how == Settlement::kRetry) {
            ++lane.attempts;
            lane.due_ns = std::max<std::int64_t>(fact.due_ns, 1);
            return;
        }
        if (how == Settlement::kDelivered) ++delivered_[head.connection];
        if (how == Settlement::kDead) {
            ++dead_[head.connection];
            letters_[at.value] = DeadLetter{id, head.record};
        }
        std::set<RecordId> waiting = std::move(lane.waiting);
        lane = ModelLane{};
        if (!waiting.empty()) {
            lane.head = *waiting.begin();
            waiting.erase(waiting.begin());
            lane.waiting = std::move(waiting);
        }
    }

    void command() {
        if (letters_.empty()) return;
        auto at = letters_.begin();
        std::advance(at, random_() % letters_.size());
        if (random_() % 2 == 0) return discard(at->first);
        test_.apply(Command{CommandKind::kReplayLetter, at->first, false, 0});
        --dead_[at->second.lane.first];
        add(at->second.lane, at->second.record);
        letters_.erase(at);
    }

    void discard(std::uint64_t letter) {
        test_.apply(Command{CommandKind::kDiscardLetter, letter, false, 0});
        --dead_[letters_.at(letter).lane.first];
        letters_.erase(letter);
    }

    void move_to_disk() {
        switch (random_() % 16) {
            case 0:
                restart();
                break;
            case 1:
            case 2:
                test_.commit();
                break;
            default:
                break;
        }
    }

    void restart() {
        test_.restart();
        flying_.clear();
        for (auto& [id, lane] : lanes_) lane.is_in_flight = false;
    }

    bool has_pending() const {
        for (const auto& [id, lane] : lanes_) {
            if (lane.head) return true;
        }
        return false;
    }

    std::mt19937 random_;
    StateUnderTest test_;
    std::int64_t now_ns_ = 1000;
    std::vector<Position> events_;
    std::map<LaneId, ModelLane> lanes_;
    std::deque<LaneHead> flying_;
    std::map<std::uint64_t, DeadLetter> letters_;
    std::map<ConnectionId, std::uint64_t> dead_, delivered_;
};

}  // namespace

TEST_CASE("state: agrees with a model of lanes and ledger through random facts",
          "[store][state][model]") {
    for (std::uint32_t seed = 1; seed <= 8; ++seed) {
        INFO("seed " << seed);
        Model model{seed};
        for (int step = 0; step < 2500; ++step) {
            model.step();
            if (step % 100 == 0) model.check();
        }
        model.drain();
    }
}
