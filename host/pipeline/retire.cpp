// The end of a delivery whose plan is no more, while its connection, perhaps, goes on with another.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/assert.hpp"
#include "pipeline/delivery.hpp"

namespace syncline::pipeline {

void Delivery::retire() {
    is_retired_ = true;
    boost::asio::post(strand_, [self = shared_from_this()] {
        self->timer_.cancel();
        self->fetch_timer_.cancel();
        self->take_back({});
    });
}

// What has not gone out, as if it had never been taken. Facts of the same lanes may be on their way
// to the state, so that it is given back when everything else of this delivery is settled there.
void Delivery::take_back(std::vector<store::LaneHead> heads) {
    for (store::LaneHead& head : fetching_.take_waiting()) heads.push_back(std::move(head));
    std::size_t count = heads.size();
    std::vector<std::string> lanes;
    for (store::LaneHead& head : heads)
        if (!head.is_follower) lanes.push_back(std::move(head.lane));
    for (Prepared& item : filling_) {
        count += 1 + item.left;
        if (!item.head.is_follower) lanes.push_back(std::move(item.head.lane));
    }
    filling_.clear();
    filling_bytes_ = filling_awaited_ = 0;
    if (count == 0) return;
    const bool is_asked =
        store_.ask([self = shared_from_this(), count, back = std::move(lanes)](store::State&) {
            self->records_back_ += count;
            self->lanes_back_.insert(self->lanes_back_.end(), back.begin(), back.end());
        });
    if (is_asked) store_.wake();
}

Result<void> Delivery::give_back_rest(store::State& state) {
    SYNCLINE_ASSERT(records_out_ >= records_back_);
    if (records_back_ == 0 || records_out_ > records_back_) return {};
    records_out_ = records_back_ = 0;
    for (const std::string& lane : std::exchange(lanes_back_, {}))
        SYNCLINE_CHECK(state.give_back(plan_.id, lane));
    return {};
}

}  // namespace syncline::pipeline
