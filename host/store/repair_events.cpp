#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "store/codec.hpp"
#include "store/fact.hpp"
#include "store/message_id_groups.hpp"
#include "store/repair_work.hpp"
#include "store/state.hpp"

namespace syncline::store {
namespace {

class Events {
  public:
    Events(RepairWork& work, RepairTally& tally) : work_(work), tally_(tally) {}

    Result<void> run() {
        SYNCLINE_CHECK(check_events());
        SYNCLINE_CHECK(count_bodies());
        SYNCLINE_CHECK(match_message_ids());
        return match_outcomes();
    }

  private:
    Result<void> check_events() {
        return work_.each(Table::kEvent, "",
                          [&](const std::string& key, const std::string& value) -> Result<void> {
                              std::string_view bytes = value;
                              SYNCLINE_TRY(Fact fact, decode(bytes));
                              const auto& received = std::get<Received>(fact);
                              ++tally_.pending_events[static_cast<RouteId>(
                                  read_big_endian(std::string_view{key}.substr(0, 4)))];
                              tally_.pending_bytes += received.body.size + kPendingOverheadBytes;
                              refer_to(received.body);
                              return {};
                          });
    }

    void refer_to(const Body& body) {
        if (!body.file.empty()) ++bodies_[body.file];
    }

    Result<void> count_bodies() {
        SYNCLINE_CHECK(work_.each(
            Table::kRecord, "", [&](const std::string&, const std::string& value) -> Result<void> {
                SYNCLINE_TRY(const RecordRow row, decode_row<RecordRow>(value));
                refer_to(row.body);
                for (const Edit& edit : row.edits) refer_to(edit.body);
                return {};
            }));
        SYNCLINE_CHECK(work_.each(
            Table::kLetter, "", [&](const std::string&, const std::string& value) -> Result<void> {
                SYNCLINE_TRY(LetterRow letter, decode_row<LetterRow>(value));
                if (letter.kind != LetterKind::kEvent) return {};
                std::string_view bytes = letter.event;
                SYNCLINE_TRY(Fact fact, decode(bytes));
                refer_to(std::get<Received>(fact).body);
                return {};
            }));
        SYNCLINE_CHECK(
            work_.each(Table::kBody, "", [&](const std::string& key, const std::string&) {
                work_.overlay.erase(Table::kBody, key);
                return Result<void>{};
            }));
        for (const auto& [file, count] : bodies_)
            work_.overlay.put(Table::kBody, file, Key{}.u32(count).str());
        return {};
    }

    // A group says which ids are remembered: where one may be lost, those that came there are
    // remembered for a whole window from now.
    Result<void> match_message_ids() {
        const std::uint32_t now = minute_of(work_.input.now_ns);
        MessageIdGroups groups;
        SYNCLINE_CHECK(work_.each(Table::kDedupExpiry, "",
                                  [&](const std::string& key, const std::string& value) {
                                      if (auto group = group_of(key, value)) {
                                          group->minute = std::min(group->minute, now);
                                          group->count = 0;
                                          groups.add(*group);
                                          work_.overlay.erase(Table::kDedupExpiry, key);
                                      }
                                      return Result<void>{};
                                  }));
        if (groups.all().empty() || work_.is_damaged(Table::kDedupExpiry)) fill_gaps(groups, now);
        SYNCLINE_CHECK(
            work_.each(Table::kDedup, "", [&](const std::string&, const std::string& value) {
                const Position at{read_big_endian(std::string_view{value}.substr(0, 8))};
                if (MessageIdGroup* group = groups.find(at)) ++group->count;
                return Result<void>{};
            }));
        for (const auto& [first, group] : groups.all()) {
            if (group.count > 0)
                work_.overlay.put(Table::kDedupExpiry, group_key(group), encode(group));
        }
        return {};
    }

    void fill_gaps(MessageIdGroups& groups, std::uint32_t minute) const {
        std::vector<MessageIdGroup> gaps;
        Position from;
        for (const auto& [first, group] : groups.all()) {
            if (from < first) gaps.push_back({minute, from, Position{first.value - 1}, 0});
            from = group.last.next();
        }
        if (from <= work_.input.newest) gaps.push_back({minute, from, work_.input.newest, 0});
        for (const MessageIdGroup& gap : gaps) groups.add(gap);
    }

    // An outcome without the row that ends it would stay for ever, and the other way round.
    Result<void> match_outcomes() {
        std::set<std::string> expiring;
        SYNCLINE_CHECK(work_.each(Table::kOutcomeExpiry, "",
                                  [&](const std::string& key, const std::string&) -> Result<void> {
                                      std::string event = key.substr(4);
                                      SYNCLINE_TRY(auto found,
                                                   work_.overlay.get(Table::kOutcome, event));
                                      if (found)
                                          expiring.insert(std::move(event));
                                      else
                                          work_.overlay.erase(Table::kOutcomeExpiry, key);
                                      return {};
                                  }));
        return work_.each(Table::kOutcome, "",
                          [&](const std::string& key, const std::string& value) -> Result<void> {
                              SYNCLINE_TRY(OutcomeRow row, decode_row<OutcomeRow>(value));
                              tally_.outcomes_bytes += value.size() + kOutcomeOverheadBytes;
                              if (expiring.contains(key)) return {};
                              Key expiry = Key{}.u32(minute_of(row.received_ns)).raw(key);
                              work_.overlay.put(Table::kOutcomeExpiry, expiry, "");
                              return {};
                          });
    }

    RepairWork& work_;
    RepairTally& tally_;
    std::map<std::string, std::uint32_t> bodies_;
};

}  // namespace

Result<void> repair_events(RepairWork& work, RepairTally& tally) {
    return Events{work, tally}.run();
}

}  // namespace syncline::store
