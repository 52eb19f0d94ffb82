#include "plugin/live_instance.hpp"

#include <unordered_map>
#include <utility>

#include "core/assert.hpp"
#include "core/log.hpp"
#include "plugin/errc.hpp"
#include "plugin/live_operation.hpp"
#include "plugin/settings_text.hpp"

namespace syncline::plugin {
namespace {

constexpr std::size_t kLogTextBytesMax = 1024;
constexpr std::uint32_t kLogFieldsMax = 16;

// The instances that connectors may name by their host handle. Never destroyed: a stuck thread may
// still ask.
struct Registry {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::weak_ptr<LiveInstance>> instances;
};

Registry& registry() {
    static auto* instance = new Registry;
    return *instance;
}

core::LogLevel level_of(syncline_severity severity) {
    switch (severity) {
        case SYNCLINE_LOG_DEBUG:
            return core::LogLevel::kDebug;
        case SYNCLINE_LOG_INFO:
            return core::LogLevel::kInfo;
        case SYNCLINE_LOG_ERROR:
            return core::LogLevel::kError;
        default:
            return core::LogLevel::kWarning;
    }
}

// The operator's own words are the grant: the value of a setting, letter by letter.
std::vector<std::string> files_granted(const Manifest& manifest,
                                       const boost::json::object& settings) {
    std::vector<std::string> files;
    for (const std::string& name : manifest.allowed_files) {
        const boost::json::value* setting = settings.if_contains(name);
        if (setting != nullptr && setting->is_string()) files.emplace_back(setting->get_string());
    }
    return files;
}

}  // namespace

std::uint64_t next_handle() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

std::shared_ptr<LiveInstance> find_instance(syncline_host_handle handle) {
    const std::lock_guard lock{registry().mutex};
    const auto found = registry().instances.find(handle);
    return found == registry().instances.end() ? nullptr : found->second.lock();
}

void register_instance(std::uint64_t handle, std::weak_ptr<LiveInstance> instance) {
    const std::lock_guard lock{registry().mutex};
    registry().instances.emplace(handle, std::move(instance));
}

void unregister_instance(std::uint64_t handle) {
    const std::lock_guard lock{registry().mutex};
    registry().instances.erase(handle);
}

// ---- Start

LiveInstance::LiveInstance(std::shared_ptr<Generation> generation, InstanceOptions options,
                           Duty duty)
    : generation_(std::move(generation)),
      worker_(generation_->worker(duty)),
      options_(std::move(options)),
      granted_files_(files_granted(generation_->manifest(), options_.settings)),
      channel_("connector:" + generation_->manifest().id),
      host_handle_(next_handle()),
      host_(make_host_table(host_handle_)),
      log_gate_(*generation_->options().clock, generation_->manifest().settings_schema,
                options_.settings) {
    if (options_.own_ids == nullptr) options_.own_ids = std::make_shared<OwnIds>();
}

Result<std::shared_ptr<LiveInstance>> LiveInstance::start(std::shared_ptr<Generation> generation,
                                                          InstanceOptions options,
                                                          const std::stop_token& stop, Duty duty) {
    const std::shared_ptr<LiveInstance> instance{
        new LiveInstance{std::move(generation), std::move(options), duty}};
    register_instance(instance->host_handle_, instance);
    instance->worker_->admit(instance);

    Gather<Failure> outcome{1};
    const std::function<void(Failure)> tell = outcome.expect(0);
    std::uint64_t call = 0;
    {
        const std::lock_guard lock{instance->mutex_};
        call = instance->calls_.insert(tell);
    }
    const bool is_posted = instance->worker_->post([instance, tell, call] {
        Failure failure = instance->start_up();
        if (instance->finish(call)) tell(std::move(failure));
    });
    if (!is_posted) instance->evict();
    const bool is_in_time =
        !instance->manifest().is_blocking || instance->interrupt_start(outcome, stop);
    // Ends in any case: a thread that is stuck is given up, which evicts the instance.
    Failure failure = outcome.wait();
    if (failure.failure_class == FailureClass::kNone && !is_in_time) {
        instance->stop(instance->generation_->options().cancel_grace, [] {});
        failure = {FailureClass::kDeadline, "the start was interrupted", "", -1};
    }
    if (failure.failure_class == FailureClass::kNone) return instance;
    return Error{kStartFailed,
                 std::string{to_string(failure.failure_class)} + ": " + failure.message}
        .at(instance->options_.account);
}

// Its worker would wait for as long as a platform lets it. False: its time was over.
bool LiveInstance::interrupt_start(Gather<Failure>& outcome, const std::stop_token& stop) {
    const Generation::Options& limits = generation_->options();
    if (outcome.wait(limits.call_limit, stop).at(0)) return true;
    interrupt(std::nullopt);
    if (!outcome.wait(limits.cancel_grace, {}).at(0)) worker_->seize();
    return false;
}

Failure LiveInstance::start_up() {
    const syncline_plugin& plugin = *generation_->tables().plugin;
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    const Failure escaped{FailureClass::kPluginBug, "an exception escaped from the connector", "",
                          -1};
    const OnBehalf behalf{*this, 0};
    if (!call_connector("create()", [&] { instance_ = plugin.create(&host_); })) {
        clear_failed_start();
        return escaped;
    }
    if (instance_ == nullptr) {
        clear_failed_start();
        return {FailureClass::kTransient, "the connector has no memory for an instance", "", -1};
    }
    const bool has_returned = call_connector("init() or start()", [&] {
        {
            const core::Secret settings = settings_text(options_.settings);
            options_.settings = record::LockedObject{};
            status = plugin.init(instance_, to_str(settings.reveal()), &error);
        }
        if (status == SYNCLINE_OK) status = restore_state(error);
        if (status == SYNCLINE_OK) status = plugin.start(instance_, &error);
    });
    if (has_returned && status == SYNCLINE_OK) {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kStarting) state_ = State::kRunning;
        return {};
    }
    call_connector("destroy()", [&] { plugin.destroy(instance_); });
    clear_failed_start();
    if (!has_returned) return escaped;
    Failure failure = copy_failure(status, error);
    failure.message = log_gate_.without_secrets(std::move(failure.message));
    return failure;
}

// What it may have sent is called off; its answers find nothing.
void LiveInstance::clear_failed_start() {
    cancel_exchanges(std::nullopt);
    unregister_instance(host_handle_);
    instance_ = nullptr;
    {
        const std::lock_guard lock{mutex_};
        state_ = State::kOver;
        exchanges_.clear();
        appends_.clear();
    }
    worker_->release(this);
    generation_->leave(*worker_);
}

// ---- Calls

std::optional<Failure> LiveInstance::refusal() const {
    if (state_ == State::kOver || state_ == State::kStopping) {
        return Failure{FailureClass::kCancelled, "the connector's instance is stopped", "", -1};
    }
    if (calls_.size() + operations_.size() >= kOpenCallsMax) {
        return Failure{FailureClass::kTransient, "too many calls wait for the connector", "", -1};
    }
    return std::nullopt;
}

void LiveInstance::enqueue(std::function<void(std::uint64_t)> begin,
                           std::function<void(Failure)> abandon) {
    std::function<void()> refused;
    {
        const std::lock_guard lock{mutex_};
        const auto failure = refusal();
        if (!failure) {
            // Should the thread be seized, the entry is completed by evict().
            const std::uint64_t call = calls_.insert(std::move(abandon));
            worker_->post([self = shared_from_this(), begin = std::move(begin), call] {
                if (self->is_open(call)) begin(call);
            });
            return;
        }
        refused = [abandon = std::move(abandon), failure = *failure] { abandon(failure); };
        if (state_ != State::kOver) {
            // In order with what is posted by others, so that nothing comes after `stopped`.
            worker_->complete(std::move(refused));
            return;
        }
    }
    worker_->complete(std::move(refused));
}

bool LiveInstance::is_open(std::uint64_t call) {
    const std::lock_guard lock{mutex_};
    return calls_.find(call) != nullptr;
}

// True for one caller alone: the one who may complete the call.
bool LiveInstance::finish(std::uint64_t call) {
    const std::lock_guard lock{mutex_};
    return calls_.erase(call);
}

bool LiveInstance::is_stopping() {
    const std::lock_guard lock{mutex_};
    return state_ == State::kStopping || state_ == State::kOver;
}

syncline_status LiveInstance::post(std::uint64_t user_id) {
    const std::lock_guard lock{mutex_};
    if (state_ == State::kOver || has_reported_stopped_) return SYNCLINE_E_STALE;
    if (open_posts_ >= kPostsMax) return SYNCLINE_E_TRANSIENT;
    ++open_posts_;
    const bool is_posted =
        worker_->post([self = shared_from_this(), user_id, operation = current_operation_] {
            {
                const std::lock_guard relock{self->mutex_};
                --self->open_posts_;
                if (self->state_ == State::kOver) return;
            }
            const OnBehalf behalf{*self, operation};
            const auto& plugin = *self->generation_->tables().plugin;
            if (!call_connector("posted()", [&] { plugin.posted(self->instance_, user_id); })) {
                self->misbehaved("an exception escaped from posted()");
            }
        });
    return is_posted ? SYNCLINE_OK : SYNCLINE_E_STALE;
}

// ---- Stop

void LiveInstance::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
    bool is_beginning = false;
    {
        const std::lock_guard lock{mutex_};
        if (state_ != State::kOver) {
            stop_callbacks_.push_back(std::move(stopped));
            if (state_ == State::kStopping) return;
            state_ = State::kStopping;
            is_beginning = true;
            worker_->post([self = shared_from_this()] { self->begin_stop(); });
            generation_->options().deadlines->call_after(deadline, [weak = weak_from_this()] {
                const auto self = weak.lock();
                if (self == nullptr) return;
                self->worker_->insist(
                    [self] { self->give_up("it did not stop within the deadline"); });
            });
        }
    }
    if (!is_beginning) return worker_->complete(std::move(stopped));
    // A blocking connector may be waiting: what it waits for ends.
    if (manifest().is_blocking) interrupt(std::nullopt);
}

void LiveInstance::begin_stop() {
    std::vector<std::uint64_t> operations;
    {
        const std::lock_guard lock{mutex_};
        if (state_ != State::kStopping) return;
        for (const auto& [handle, operation] : operations_) operations.push_back(handle);
    }
    const auto& plugin = *generation_->tables().plugin;
    const OnBehalf behalf{*this, 0};
    if (!call_connector("stop()", [&] { plugin.stop(instance_); })) {
        misbehaved("an exception escaped from stop()");
    }
    for (const std::uint64_t handle : operations) cancel(handle);
    cancel_exchanges(std::nullopt);
}

void LiveInstance::stopped() {
    bool is_too_early = false;
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kStopping && !has_reported_stopped_) {
            has_reported_stopped_ = true;
            is_too_early = has_work_open();
            destroy_if_idle();
            if (!is_too_early) return;
        }
    }
    if (!is_too_early) {
        misbehaved("stopped() was called though the host had not asked, or twice");
        return;
    }
    // It may not be destroyed, and it will complete nothing more.
    misbehaved("stopped() was called with exchanges, appends or operations open");
    worker_->post([self = shared_from_this()] { self->give_up("it left work open"); });
}

bool LiveInstance::has_work_open() const {
    return !operations_.empty() || !exchanges_.empty() || !appends_.empty() || open_lookups_ != 0;
}

void LiveInstance::destroy_if_idle() {
    if (state_ != State::kStopping || !has_reported_stopped_ || is_destroy_posted_) return;
    if (has_work_open()) return;
    is_destroy_posted_ = true;
    worker_->post([self = shared_from_this()] { self->destroy(); });
}

void LiveInstance::destroy() {
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kOver) return;
    }
    const auto& plugin = *generation_->tables().plugin;
    const OnBehalf behalf{*this, 0};
    if (!call_connector("destroy()", [&] { plugin.destroy(instance_); })) {
        misbehaved("an exception escaped from destroy()");
    }
    unregister_instance(host_handle_);
    instance_ = nullptr;
    std::vector<std::function<void()>> callbacks;
    {
        const std::lock_guard lock{mutex_};
        state_ = State::kOver;
        callbacks.swap(stop_callbacks_);
    }
    for (auto& callback : callbacks) worker_->complete(std::move(callback));
    worker_->release(this);
    generation_->leave(*worker_);
}

void LiveInstance::give_up(std::string_view why) {
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kOver) return;
    }
    generation_->mark_stuck();
    core::log_error(channel_, "an instance is left behind; its library stays loaded until restart",
                    {{"account", options_.account}, {"why", why}});
    leave_behind(
        {FailureClass::kPluginBug, "the connector was left behind: " + std::string{why}, "", -1});
}

void LiveInstance::evict() {
    ++overdue_;
    leave_behind({FailureClass::kPluginBug, "the connector does not return from a call", "", -1});
}

void LiveInstance::leave_behind(const Failure& failure) {
    Calls calls;
    std::vector<std::function<void()>> completions;
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kOver) return;
        state_ = State::kOver;
        std::swap(calls, calls_);
        for (auto& [handle, operation] : operations_) {
            if (!operation->is_reported) completions.push_back(report(*operation, failure));
            left_behind_.push_back(operation);
        }
        operations_.clear();
        for (auto& callback : stop_callbacks_) completions.push_back(std::move(callback));
        stop_callbacks_.clear();
    }
    unregister_instance(host_handle_);
    cancel_exchanges(std::nullopt);
    // Behind the completions that are on their way: `stopped` comes last.
    for (auto& [handle, abandon] : calls) {
        worker_->complete([abandon = std::move(abandon), failure] { abandon(failure); });
    }
    for (auto& completion : completions) worker_->complete(std::move(completion));
}

// ---- Log

void LiveInstance::log(syncline_severity severity, syncline_str message,
                       const syncline_pair* fields, std::uint32_t count) {
    const core::LogLevel level = level_of(severity);
    std::uint64_t suppressed = 0;
    if (!core::log_enabled(level) || !log_gate_.admit(suppressed)) return;
    const auto said = [this](const syncline_str& text, std::size_t bytes_max) {
        return log_gate_.without_secrets(printable(text, bytes_max), core::TextEnd::kCut);
    };
    std::string detail;
    for (std::uint32_t i = 0; fields != nullptr && i < std::min(count, kLogFieldsMax); ++i) {
        if (i != 0) detail += ' ';
        detail += said(fields[i].name, 64) + '=' + said(fields[i].value, kLogTextBytesMax);
    }
    core::log(level, channel_, said(message, kLogTextBytesMax),
              {{"account", options_.account}, {"fields", detail}, {"suppressed", suppressed}});
}

void LiveInstance::misbehaved(std::string_view rule) {
    ++misbehaviours_;
    std::uint64_t suppressed = 0;
    if (!log_gate_.admit(suppressed)) return;
    core::log_warning(channel_, "the connector broke a rule of the interface",
                      {{"account", options_.account},
                       {"rule", log_gate_.without_secrets(std::string{rule})},
                       {"suppressed", suppressed}});
}

}  // namespace syncline::plugin
