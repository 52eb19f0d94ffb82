#include "plugin/probe.hpp"

#include <atomic>
#include <future>
#include <utility>

#include "plugin/deadlines.hpp"
#include "plugin/errc.hpp"
#include "plugin/fit_settings.hpp"
#include "plugin/generation.hpp"
#include "plugin/library.hpp"
#include "plugin/live_instance.hpp"

namespace syncline::plugin {
namespace {

constexpr std::chrono::milliseconds kCallLimit{60'000};
constexpr std::chrono::milliseconds kGrace{1'000};
constexpr std::chrono::milliseconds kStopLimit{5'000};

constexpr const char* kNothingGoesOut = "a version that is tried out reaches nothing outside";

// There is no platform: every request fails as if it had not gone out.
class NoNetwork final : public HttpTransport {
  public:
    explicit NoNetwork(Deadlines& deadlines) : deadlines_(deadlines) {}

    std::uint64_t send(HttpRequest, std::function<void(HttpReply)> done) override {
        deadlines_.call_after(core::nanoseconds{0}, [done = std::move(done)] {
            HttpReply reply;
            reply.failure.failure_class = FailureClass::kTransient;
            reply.failure.message = kNothingGoesOut;
            done(std::move(reply));
        });
        return ++last_id_;
    }
    void cancel(std::uint64_t) override {}

  private:
    Deadlines& deadlines_;
    std::atomic<std::uint64_t> last_id_{0};
};

class NoFiles final : public FileAppender {
  public:
    bool append(std::filesystem::path, std::string, std::function<void(Result<void>)>) override {
        return false;
    }
};

class NoIds final : public IdMap {
  public:
    explicit NoIds(Deadlines& deadlines) : deadlines_(deadlines) {}

    void get(std::string, std::vector<std::string>,
             std::function<void(Result<std::vector<std::string>>)> done) override {
        deadlines_.call_after(core::nanoseconds{0}, [done = std::move(done)] {
            done(Error{kStartFailed, kNothingGoesOut});
        });
    }

  private:
    Deadlines& deadlines_;
};

void stop(LiveInstance& instance) {
    const auto promise = std::make_shared<std::promise<void>>();
    auto stopped = promise->get_future();
    instance.stop(kStopLimit, [promise] { promise->set_value(); });
    stopped.wait();  // the instance keeps to the limit
}

Result<void> serve(const std::shared_ptr<Generation>& generation, InstanceOptions account) {
    SYNCLINE_CHECK(fit_settings(*generation, account.settings));
    SYNCLINE_TRY(auto instance, LiveInstance::start(generation, std::move(account)));
    stop(*instance);
    return {};
}

}  // namespace

Result<void> probe_library(const std::filesystem::path& library,
                           std::vector<InstanceOptions> accounts, const core::Clock& clock) {
    SYNCLINE_TRY(const auto directory, DropDirectory::open(library.parent_path()));
    SYNCLINE_TRY(auto examined, examine_library(directory, library.filename().string()));
    const auto deadlines = std::make_shared<Deadlines>(clock);
    Generation::Options options;
    options.manifest = std::move(examined.manifest);
    options.manifest_text = std::move(examined.manifest_text);
    options.path = library;
    options.clock = &clock;
    options.deadlines = deadlines;
    options.call_limit = kCallLimit;
    options.cancel_grace = kGrace;
    SYNCLINE_TRY(const auto generation, Generation::load(std::move(options)));
    const auto http = std::make_shared<NoNetwork>(*deadlines);
    const auto files = std::make_shared<NoFiles>();
    const auto ids = std::make_shared<NoIds>(*deadlines);
    Result<void> served;
    for (InstanceOptions& account : accounts) {
        account.http = http;
        account.files = files;
        account.ids = ids;
        served = serve(generation, std::move(account));
        if (!served) break;
    }
    const bool is_left =
        generation->close() == Unloading::kKept && generation->manifest().can_unload;
    deadlines->stop();
    if (served && is_left)
        return Error{kStartFailed, "its instance did not stop", "report it to its author"};
    return served;
}

}  // namespace syncline::plugin
