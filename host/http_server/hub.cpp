#include "http_server/hub.hpp"

#include <algorithm>

namespace syncline::http_server {
namespace {

using std::chrono::milliseconds;

// Often enough for the shortest deadline, never busy.
milliseconds sweep_interval(const Limits& limits) {
    const milliseconds shortest =
        std::min({limits.header_timeout, limits.body_grace, limits.request_timeout,
                  limits.idle_timeout, limits.response_timeout});
    return std::clamp(shortest / 4, milliseconds{5}, milliseconds{250});
}

// For each member that is still there; members may leave meanwhile.
template <class Visit>
void for_each(Hub::Members& members, Visit visit) {
    for (auto at = members.begin(); at != members.end();) {
        const auto member = at->lock();
        ++at;
        if (member) visit(*member);
    }
}

}  // namespace

Hub::Hub(boost::asio::io_context& io, Handler& handler, const Limits& limits,
         std::unique_ptr<TlsKeeper> tls)
    : io_(io),
      handler_(handler),
      limits_(limits),
      tls_(std::move(tls)),
      sweep_interval_(sweep_interval(limits)),
      sweep_timer_(std::in_place, io) {}

bool Hub::has_room(const std::string& peer) const {
    if (open_ >= limits_.connections_max) return false;
    if (peer.empty() || limits_.connections_per_ip_max == 0) return true;
    const auto found = per_peer_.find(peer);
    return found == per_peer_.end() || found->second < limits_.connections_per_ip_max;
}

Hub::Members::iterator Hub::add(const std::shared_ptr<Member>& member, const std::string& peer) {
    accepted_.add();
    ++open_;
    ++per_peer_[peer];
    members_.push_back(member);
    arm_sweep();
    return std::prev(members_.end());
}

void Hub::remove(Members::iterator at, const std::string& peer) {
    members_.erase(at);
    --open_;
    const auto found = per_peer_.find(peer);
    if (--found->second == 0) per_peer_.erase(found);
    // A stopped server leaves nothing behind that keeps the io_context running.
    if (is_stopping_ && members_.empty() && sweep_timer_) sweep_timer_->cancel();
}

void Hub::stop() {
    is_stopping_ = true;
    for_each(members_, [](Member& member) { member.on_stop(); });
}

void Hub::abandon() {
    is_stopping_ = true;
    for_each(members_, [](Member& member) { member.abandon(); });
    sweep_timer_.reset();
}

void Hub::arm_sweep() {
    if (is_sweep_armed_ || !sweep_timer_) return;
    is_sweep_armed_ = true;
    sweep_timer_->expires_after(sweep_interval_);
    sweep_timer_->async_wait([self = shared_from_this()](const boost::system::error_code&) {
        self->is_sweep_armed_ = false;
        self->sweep();
    });
}

void Hub::sweep() {
    const auto now = SteadyClock::now();
    for_each(members_, [now](Member& member) { member.check_deadline(now); });
    if (!members_.empty()) arm_sweep();
}

}  // namespace syncline::http_server
