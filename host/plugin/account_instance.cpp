#include "plugin/account_instance.hpp"

#include <algorithm>
#include <utility>

#include "core/assert.hpp"

namespace syncline::plugin {

AccountInstance::AccountInstance(std::shared_ptr<Instance> first)
    : manifests_{first->manifest()},
      manifest_(&manifests_.back()),
      current_(std::make_shared<Tenure>()) {
    current_->instance = std::move(first);
}

// ---- Calls

std::shared_ptr<AccountInstance::Tenure> AccountInstance::enter() {
    const std::lock_guard lock{mutex_};
    ++current_->open;
    return current_;
}

void AccountInstance::leave(Tenure& tenure) {
    const std::lock_guard lock{mutex_};
    SYNCLINE_ASSERT(tenure.open > 0);
    if (--tenure.open == 0) changed_.notify_all();
}

// A version that left a call open gets no others, before anybody has judged it.
bool AccountInstance::is_on_trial() const {
    return trial_ && trial_->tenure->instance->overdue() == 0;
}

AccountInstance::Seats AccountInstance::seats() {
    Seats seats{current_, nullptr, {}};
    ++current_->open;
    if (!is_on_trial()) return seats;
    seats.tried = trial_->tenure;
    ++seats.tried->open;
    seats.pair = {current_->instance, seats.tried->instance, trial_->tally, trial_->share_percent};
    return seats;
}

AccountInstance::Seats AccountInstance::enter_seats() {
    const std::lock_guard lock{mutex_};
    return seats();
}

template <class... Values>
std::function<void(Values...)> AccountInstance::counted(Seats seats,
                                                        std::function<void(Values...)> done) {
    return [self = shared_from_this(), seats = std::move(seats),
            done = std::move(done)](Values... values) {
        done(std::move(values)...);
        self->leave(*seats.tenure);
        if (seats.tried) self->leave(*seats.tried);
    };
}

void AccountInstance::handshake(WebhookRequest request,
                                std::function<void(Failure, WebhookReply)> done) {
    const auto tenure = enter();
    tenure->instance->handshake(std::move(request),
                                counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

void AccountInstance::write(WriteBatch batch, std::function<void(WriteResult)> done) {
    const Seats seats = enter_seats();
    auto told = counted(seats, std::move(done));
    if (seats.tried) return write_both(seats.pair, std::move(batch), std::move(told));
    seats.tenure->instance->write(std::move(batch), std::move(told));
}

void AccountInstance::fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) {
    const Seats seats = enter_seats();
    auto told = counted(seats, std::move(done));
    if (seats.tried) return fetch_both(seats.pair, std::move(batch), std::move(told));
    seats.tenure->instance->fetch(std::move(batch), std::move(told));
}

void AccountInstance::read(ReadRequest request, std::function<void(ReadResult)> done) {
    const auto tenure = enter();
    tenure->instance->read(std::move(request),
                           counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

void AccountInstance::check(std::chrono::milliseconds timeout, std::function<void(Failure)> done) {
    const auto tenure = enter();
    tenure->instance->check(timeout, counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

void AccountInstance::discover(std::chrono::milliseconds timeout,
                               std::function<void(Failure, std::string)> done) {
    const auto tenure = enter();
    tenure->instance->discover(timeout, counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

void AccountInstance::work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds timeout,
                           std::function<void(WorkResult)> done) {
    const auto tenure = enter();
    tenure->instance->work(due_ns, timeout, counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

void AccountInstance::save_state(std::function<void(SavedState)> done) {
    const auto tenure = enter();
    tenure->instance->save_state(counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

void AccountInstance::verify(WebhookRequest request, core::Secret secret,
                             std::function<void(Failure)> done) {
    const auto tenure = enter();
    tenure->instance->verify(std::move(request), std::move(secret),
                             counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

void AccountInstance::answer(WebhookRequest request, Answer outcome,
                             std::function<void(Failure, WebhookReply)> done) {
    const auto tenure = enter();
    tenure->instance->answer(std::move(request), std::move(outcome),
                             counted(Seats{tenure, nullptr, {}}, std::move(done)));
}

// ---- Translations

void AccountInstance::translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                                std::function<void(std::vector<Translation>)> done) {
    {
        const std::lock_guard lock{mutex_};
        waiting_.push_back({std::move(requests), std::move(done)});
    }
    begin_translations();
}

// Translations of one instance come in their order by themselves; of two they do not.
bool AccountInstance::may_begin(bool is_shared) const {
    if (translations_ == 0) return true;
    return !is_shared && translating_on_ == current_.get();
}

// One thread empties the queue, so that calls arrive in their order.
void AccountInstance::begin_translations() {
    std::unique_lock lock{mutex_};
    if (is_beginning_) return;
    is_beginning_ = true;
    while (!waiting_.empty()) {
        const bool is_shared = is_on_trial() && has_tried(waiting_.front());
        if (!may_begin(is_shared)) {
            if (!held_since_) held_since_ = std::chrono::steady_clock::now();
            break;
        }
        if (held_since_) {
            held_ = std::max(held_, std::chrono::nanoseconds{std::chrono::steady_clock::now() -
                                                             *std::exchange(held_since_, {})});
        }
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        Seats taken = is_shared ? seats() : Seats{current_, nullptr, {}};
        if (!is_shared) ++current_->open;
        ++translations_;
        translating_on_ = is_shared ? nullptr : current_.get();
        lock.unlock();
        auto done = [self = shared_from_this(), taken,
                     done = std::move(next.done)](std::vector<Translation> translations) {
            done(std::move(translations));
            self->end_translation(taken);
        };
        if (is_shared)
            translate_both(taken.pair, std::move(next.requests), std::move(done));
        else
            taken.tenure->instance->translate(std::move(next.requests), std::move(done));
        lock.lock();
    }
    is_beginning_ = false;
}

void AccountInstance::end_translation(const Seats& seats) {
    {
        const std::lock_guard lock{mutex_};
        --translations_;
    }
    leave(*seats.tenure);
    if (seats.tried) leave(*seats.tried);
    begin_translations();
}

// A blocking connector's thread would hold up all that follows.
bool AccountInstance::has_tried(const Waiting& call) const {
    if (current_->instance->manifest().is_blocking) return false;
    return std::any_of(call.requests.begin(), call.requests.end(), [&](const auto& request) {
        return is_tried(*request, trial_->share_percent);
    });
}

// ---- Change and end

std::shared_ptr<AccountInstance::Tenure> AccountInstance::change(std::shared_ptr<Instance> next) {
    auto tenure = std::make_shared<Tenure>();
    tenure->instance = std::move(next);
    {
        const std::lock_guard lock{mutex_};
        if (is_stopped_) return nullptr;
        past_misbehaviours_ += current_->instance->misbehaviours();
        std::swap(current_, tenure);
        use_manifest(current_->instance->manifest());
        ended_ = tenure;
        held_ = {};
    }
    return tenure;
}

void AccountInstance::use_manifest(const Manifest& manifest) {
    if (manifest.streams == manifests_.back().streams) return;
    manifest_ = &manifests_.emplace_back(manifest);
}

bool AccountInstance::begin_trial(std::shared_ptr<Instance> next, std::shared_ptr<TrialTally> tally,
                                  std::uint32_t share_percent) {
    auto tenure = std::make_shared<Tenure>();
    tenure->instance = std::move(next);
    const std::lock_guard lock{mutex_};
    if (is_stopped_) return false;
    trial_ = Trial{std::move(tenure), std::move(tally), share_percent};
    return true;
}

std::shared_ptr<AccountInstance::Tenure> AccountInstance::end_trial(bool takes_over) {
    const std::lock_guard lock{mutex_};
    if (!trial_ || is_stopped_) return nullptr;
    std::shared_ptr<Tenure> ended = std::exchange(trial_, std::nullopt)->tenure;
    if (takes_over) {
        std::swap(current_, ended);
        use_manifest(current_->instance->manifest());
    }
    held_ = {};
    past_misbehaviours_ += ended->instance->misbehaviours();
    ended_ = ended;
    return ended;
}

void AccountInstance::forget_ended() {
    const std::lock_guard lock{mutex_};
    ended_.reset();
}

bool AccountInstance::await_idle(const Tenure& tenure,
                                 std::chrono::steady_clock::time_point deadline,
                                 const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    return changed_.wait_until(lock, stop, deadline, [&] { return tenure.open == 0; });
}

std::chrono::nanoseconds AccountInstance::held() const {
    const std::lock_guard lock{mutex_};
    return held_;
}

std::shared_ptr<Instance> AccountInstance::serving() const {
    const std::lock_guard lock{mutex_};
    return current_->instance;
}

std::uint64_t AccountInstance::misbehaviours() const {
    const std::lock_guard lock{mutex_};
    const std::uint64_t now = past_misbehaviours_ + current_->instance->misbehaviours();
    return trial_ ? now + trial_->tenure->instance->misbehaviours() : now;
}

// Translations that still wait for an old instance go to the one that is stopped, which says so.
void AccountInstance::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
    std::vector<std::shared_ptr<Tenure>> last;
    {
        const std::lock_guard lock{mutex_};
        is_stopped_ = true;
        last.push_back(current_);
        if (ended_ != nullptr) last.push_back(ended_);
        if (trial_) last.push_back(trial_->tenure);
    }
    const auto left = std::make_shared<std::atomic<std::size_t>>(last.size());
    for (const auto& tenure : last) {
        tenure->instance->stop(deadline, [left, stopped] {
            if (--*left == 0) stopped();
        });
    }
}

}  // namespace syncline::plugin
