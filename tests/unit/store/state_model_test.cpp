// The state beside a small model of lanes and ledger, through thousands of random facts.
#include <deque>
#include <map>
#include <random>
#include <set>

#include "record/diff.hpp"
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
    bool is_parked = false;
};

// What kShop has of a key, which may be a parent of what goes to kCrm.
enum class Presence { kNever, kThere, kDeleted };

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
            std::uint64_t pending = 0, parked = 0;
            for (const auto& [id, lane] : lanes_) {
                if (id.first != connection) continue;
                (lane.is_parked ? parked : pending) += lane.waiting.size() + (lane.head ? 1 : 0);
            }
            CHECK(ledger->second.pending == pending);
            CHECK(ledger->second.parked == parked);
            CHECK(ledger->second.superseded == superseded_[connection]);
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
        bring_all_parents();
        for (int round = 0; round < 100'000 && has_pending(); ++round) {
            now_ns_ += 1000;
            take();
            while (!flying_.empty()) settle_front(Settlement::kDelivered, false);
        }
        CHECK(!has_pending());
        while (!letters_.empty()) discard(letters_.begin()->first);
        check();
        for (Table table : {Table::kEvent, Table::kRecord, Table::kLane, Table::kQueue,
                            Table::kReady, Table::kDue, Table::kParked, Table::kLetter}) {
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
            std::string key = "k" + std::to_string(random_() % 6);
            TranslatedRecord record = to_deliver(key, {});
            if (random_() % 4 != 0) record.targets.push_back({kCrm, 0});
            if (random_() % 2 != 0) record.targets.push_back({kShop, 0});
            constexpr record::Operation kOperations[] = {
                record::Operation::kUpsert, record::Operation::kUpsert, record::Operation::kDelete,
                record::Operation::kFetch};
            record.operation = kOperations[random_() % 4];
            record.is_mergeable = random_() % 2 == 0;
            if (!record.targets.empty() && record.targets[0].connection == kCrm &&
                random_() % 3 == 0) {
                record.targets[0].parent = kShop;
                record.parent_key = "k" + std::to_string(random_() % 6);
            }
            records_[RecordId{fact.event, i}] = record;
            for (Target target : record.targets)
                add(LaneId{target.connection, key}, RecordId{fact.event, i}, false);
            fact.records.push_back(std::move(record));
        }
        test_.apply(std::move(fact));
    }

    void bring_all_parents() {
        Translated fact{kRoute, test_.apply(received()), {}};
        for (std::uint32_t i = 0; i < 6; ++i) {
            std::string key = "k" + std::to_string(i);
            fact.records.push_back(to_deliver(key, {kShop}));
            records_[RecordId{fact.event, i}] = fact.records.back();
            add(LaneId{kShop, key}, RecordId{fact.event, i}, false);
        }
        test_.apply(std::move(fact));
    }

    void add(const LaneId& id, RecordId record, bool is_forced) {
        ModelLane& lane = lanes_[id];
        if (is_forced) forced_.insert({id.first, record});
        if (!lane.head) {
            lane = ModelLane{};
            lane.head = record;
            lane.is_parked = must_wait(id, record);
            return;
        }
        if (!lane.waiting.empty() && gives_way(id.first, *lane.waiting.rbegin(), record)) {
            lane.waiting.erase(std::prev(lane.waiting.end()));
            ++superseded_[id.first];
        }
        lane.waiting.insert(record);
    }

    bool gives_way(ConnectionId connection, RecordId older, RecordId newer) const {
        if (older > newer || forced_.contains({connection, older})) return false;
        const TranslatedRecord &a = records_.at(older), &b = records_.at(newer);
        if (a.operation != b.operation) return false;
        if (a.operation == record::Operation::kFetch) return true;
        return a.operation == record::Operation::kUpsert && a.is_mergeable && b.is_mergeable;
    }

    bool must_wait(const LaneId& id, RecordId record) {
        const TranslatedRecord& made = records_.at(record);
        if (id.first != kCrm || made.parent_key.empty()) return false;
        Presence presence = presence_[made.parent_key];
        bool is_deletion = made.operation == record::Operation::kDelete;
        return presence == Presence::kNever || (presence == Presence::kDeleted && !is_deletion);
    }

    void take() {
        ConnectionId connection = random_() % 2 == 0 ? kCrm : kShop;
        std::size_t count = 1 + random_() % 5;
        std::size_t lane_max = random_() % 2 == 0 ? 1 : 3;
        std::size_t free = 0;
        for (auto& [id, lane] : lanes_) {
            if (id.first == connection && lane.head && !lane.is_in_flight && !lane.is_parked &&
                lane.due_ns <= now_ns_)
                ++free;
        }
        CHECK((free != 0 && !test_.state->has_ready(connection, now_ns_).value()) == false);
        auto taken = test_.state->take_lanes(connection, count, now_ns_, lane_max);
        REQUIRE(taken.has_value());
        std::size_t lanes = 0;
        for (const LaneHead& head : *taken) {
            ModelLane& lane = lanes_.at(LaneId{connection, head.row->key});
            if (head.is_follower) {
                follow(head, lane);
                continue;
            }
            ++lanes;
            REQUIRE(lane.head == head.record);
            CHECK(head.row->body.text == body_of(head.connection, head.record));
            CHECK(!lane.is_in_flight);
            CHECK(!lane.is_parked);
            CHECK(head.attempt == lane.attempts + 1);
            CHECK(lane.due_ns <= now_ns_);
            lane.is_in_flight = true;
            flying_.push_back({head});
        }
        REQUIRE(taken->size() <= count);
        REQUIRE((lanes == free || taken->size() == count));
        REQUIRE((lane_max > 1 || lanes == taken->size()));
    }

    void follow(const LaneHead& head, const ModelLane& lane) {
        std::deque<LaneHead>& chain = flying_.back();
        CHECK(chain.back().lane == head.lane);
        RecordId last = chain.size() == 1 ? RecordId{} : chain.back().record;
        REQUIRE(lane.waiting.upper_bound(last) != lane.waiting.end());
        CHECK(*lane.waiting.upper_bound(last) == head.record);
        CHECK(head.row->body.text == body_of(head.connection, head.record));
        CHECK(head.attempt == 1);
        CHECK(head.row->operation != record::Operation::kFetch);
        CHECK(!head.row->is_mergeable);
        chain.push_back(head);
    }

    void settle() {
        if (flying_.empty()) return;
        std::swap(flying_.front(), flying_[random_() % flying_.size()]);
        constexpr Settlement kAll[] = {Settlement::kDelivered, Settlement::kUnchanged,
                                       Settlement::kFiltered,  Settlement::kSuperseded,
                                       Settlement::kDead,      Settlement::kRetry};
        settle_front(kAll[random_() % 6], random_() % 3 == 0);
    }

    // The first of a chain; the others follow in order, unless it was not delivered.
    void settle_front(Settlement how, bool is_deletion) {
        LaneHead head = flying_.front().front();
        flying_.front().pop_front();
        LaneId id{head.connection, head.row->key};
        ModelLane& lane = lanes_.at(id);
        Settled fact = result_of(head, how);
        if (is_deletion) fact.row_hash = record::deleted_hash();
        if (random_() % 10 == 0) {  // a late result comes first
            Settled late = fact;
            late.attempt += random_() % 2 == 0 ? 1 : 0xffffffff;
            test_.apply(late);
        }
        fact.due_ns = now_ns_ + static_cast<std::int64_t>(random_() % 60) - 10;
        Position at = test_.apply(fact);
        bool is_over =
            flying_.front().empty() || how == Settlement::kRetry || how == Settlement::kDead;
        // A letter that was replayed may have gone before the others of the chain.
        if (lane.head == head.record) follow_result(id, lane, fact, at);
        if (!is_over) return;
        flying_.pop_front();
        lane.is_in_flight = false;
        if (head.is_chained)
            REQUIRE(test_.state->give_back(head.connection, head.lane).has_value());
    }

    void follow_result(const LaneId& id, ModelLane& lane, const Settled& fact, Position at) {
        Settlement how = fact.settlement;
        lane.is_parked = false;
        if (how == Settlement::kDelivered || how == Settlement::kUnchanged)
            bring(id, fact.row_hash == record::deleted_hash());
        if (how == Settlement::kRetry) {
            ++lane.attempts;
            lane.due_ns = std::max<std::int64_t>(fact.due_ns, 1);
            return;
        }
        if (how == Settlement::kDelivered) ++delivered_[id.first];
        if (how == Settlement::kSuperseded) ++superseded_[id.first];
        if (how == Settlement::kDead) {
            ++dead_[id.first];
            letters_[at.value] = DeadLetter{id, fact.record};
        }
        forced_.erase({id.first, fact.record});
        lane.head.reset();
        lane.attempts = 0;
        lane.due_ns = 0;
        if (lane.waiting.empty()) return;
        lane.head = *lane.waiting.begin();
        lane.waiting.erase(lane.waiting.begin());
        lane.is_parked = must_wait(id, *lane.head);
    }

    void bring(const LaneId& parent, bool is_deletion) {
        if (parent.first != kShop) return;
        presence_[parent.second] = is_deletion ? Presence::kDeleted : Presence::kThere;
        if (is_deletion) return;
        for (auto& [id, lane] : lanes_) {
            if (lane.is_parked && records_.at(*lane.head).parent_key == parent.second)
                lane.is_parked = false;
        }
    }

    void command() {
        if (letters_.empty()) return;
        auto at = letters_.begin();
        std::advance(at, random_() % letters_.size());
        if (random_() % 3 == 0) return edit(at->first, at->second);
        if (random_() % 2 == 0) return discard(at->first);
        bool is_forced = random_() % 2 == 0;
        test_.apply(Command{CommandKind::kReplayLetter, at->first, is_forced, 0});
        --dead_[at->second.lane.first];
        add(at->second.lane, at->second.record, is_forced);
        letters_.erase(at);
    }

    void edit(std::uint64_t letter, const DeadLetter& dead) {
        std::string body(random_() % 40, 'e');
        test_.apply(Command{CommandKind::kEditLetter, letter, false, 0, Body::inline_text(body)});
        const bool is_fetch = records_.at(dead.record).operation == record::Operation::kFetch;
        CHECK(test_.rejection.has_value() == is_fetch);
        if (!is_fetch) edits_[{dead.lane.first, dead.record}] = body;
    }

    std::string body_of(ConnectionId connection, RecordId record) const {
        auto edit = edits_.find({connection, record});
        return edit == edits_.end() ? records_.at(record).body.text : edit->second;
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
    std::map<RecordId, TranslatedRecord> records_;  // all that ever were
    std::set<std::pair<ConnectionId, RecordId>> forced_;
    std::map<std::pair<ConnectionId, RecordId>, std::string> edits_;
    std::map<std::string, Presence> presence_;
    std::deque<std::deque<LaneHead>> flying_;  // chains, most of one record
    std::map<std::uint64_t, DeadLetter> letters_;
    std::map<ConnectionId, std::uint64_t> dead_, delivered_, superseded_;
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
