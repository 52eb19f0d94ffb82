// A connector that hands over to its next version: it counts what it translates, and has a setting
// that is called `name` in version 1 and `title` from then on. It signs its requests, and works at
// times of its own: GET BASE/renew.
//   STEWARD_VERSION      "1.0.0" or above
//   STEWARD_FORM         of its state
//   STEWARD_RESTORES     what becomes of a state: kTaken, kGarbled
//   STEWARD_MIGRATES     what becomes of settings: kRenamed, kUnfit, kRegranted, kRefused,
//                        kWaits (as long as the file `name` is there)
#include <unistd.h>

#include <charconv>
#include <string>
#include <thread>
#include <utility>

#include "syncline/connector.hpp"

#if !defined(STEWARD_VERSION)
#define STEWARD_VERSION "1.0.0"
#define STEWARD_SETTING "name"
#else
#define STEWARD_SETTING "title"
#endif
#if !defined(STEWARD_FORM)
#define STEWARD_FORM "steward.count"
#endif
#if !defined(STEWARD_RESTORES)
#define STEWARD_RESTORES kTaken
#endif
#if !defined(STEWARD_MIGRATES)
#define STEWARD_MIGRATES kRenamed
#endif

namespace {

enum class Restores { kTaken, kGarbled };
enum class Migrates { kRenamed, kUnfit, kRegranted, kRefused, kWaits };

class Steward final : public syncline::Connector,
                      public syncline::WebhookReceiver,
                      public syncline::StateKeeper,
                      public syncline::PeriodicWorker,
                      public syncline::RequestSigner {
  public:
    static syncline::json::Value migrate_settings(syncline::json::Value settings) {
        constexpr Migrates kHow = Migrates::STEWARD_MIGRATES;
        if (kHow == Migrates::kRefused)
            throw syncline::Failure{SYNCLINE_E_CONFIG, "of no version that it knows"};
        const std::string* name = settings.find_string("name");
        if (name == nullptr) throw syncline::Failure{SYNCLINE_E_CONFIG, "there is no `name`"};
        while (kHow == Migrates::kWaits && ::access(name->c_str(), F_OK) == 0)
            std::this_thread::yield();
        const std::string* url = settings.find_string("base_url");
        syncline::json::Writer migrated;
        migrated.begin_object();
        migrated.member(kHow == Migrates::kUnfit ? "heading" : "title", *name);
        migrated.member("base_url", kHow == Migrates::kRegranted ? "http://127.0.0.2" : *url);
        migrated.end_object();
        return *syncline::json::parse(migrated.take()).value;
    }

    syncline::Status init(const syncline::Settings& settings) override {
        title_ = settings.text(STEWARD_SETTING);
        base_url_ = settings.text("base_url");
        return {};
    }

    syncline::Status translate(const syncline::WebhookRequest&,
                               syncline::RecordSink& records) override {
        ++count_;
        syncline::json::Writer body;
        body.begin_object().member("title", title_).member("count", count_).end_object();
        const std::string text = body.take();
        records.add({.stream = "things", .key = STEWARD_VERSION, .body = text});
        return {};
    }

    syncline::State save() override {
        if (title_ == "mute") throw syncline::Failure{SYNCLINE_E_UNSUPPORTED, "nothing to say"};
        if (title_ == "huge") return {STEWARD_FORM, 1, std::string(2'000'000, '1')};
        return {STEWARD_FORM, 1, std::to_string(count_)};
    }
    syncline::Status restore(const syncline::State& state) override {
        if (!state.is(STEWARD_FORM, 1)) return syncline::unknown_state();
        const char* end = state.bytes.data() + state.bytes.size();
        const auto read = std::from_chars(state.bytes.data(), end, count_);
        const bool is_garbled = Restores::STEWARD_RESTORES == Restores::kGarbled;
        if (read.ptr != end || is_garbled)
            return syncline::Failure{SYNCLINE_E_PLUGIN_BUG, "the count is garbled"};
        return {};
    }

    syncline::Task<std::int64_t> work(std::int64_t due_ns) override {
        const std::string when = due_ns == SYNCLINE_NO_TIME ? "first" : std::to_string(due_ns);
        const syncline::Response response =
            co_await syncline::http::get(base_url_ + "/renew?due=" + when);
        if (response.status() == 204) co_return SYNCLINE_NO_TIME;
        if (!response.is_success()) throw response.refusal("the platform");
        std::int64_t next_ns = 0;
        std::from_chars(response.body().data(), response.body().data() + response.body().size(),
                        next_ns);
        co_return next_ns;
    }

    syncline::Status sign(syncline::OutgoingRequest& request) override {
        const std::string text = std::string{request.method()} + std::string{request.url()} +
                                 std::string{request.body()};
        request.set("X-Signature", syncline::to_hex(secret("key").hmac(SYNCLINE_SHA256, text)));
        return {};
    }

  private:
    std::string title_, base_url_;
    std::int64_t count_ = 0;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Steward, R"json({
    "id": "steward", "version": ")json" STEWARD_VERSION R"json(", "name": "Steward",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 3}, "style": "async",
    "capabilities": ["webhook", "migrate", "state", "periodic"], "auth": ["custom"],
    "streams": [{"name": "things", "source": true}],
    "allowed_hosts": [{"from_setting": "base_url"}],
    "secrets": [{"name": "key", "reason": "signs requests"}],
    "settings": {"type": "object", "required": [")json" STEWARD_SETTING R"json(", "base_url"],
                 "additionalProperties": false,
                 "properties": {")json" STEWARD_SETTING R"json(": {"type": "string"},
                                "base_url": {"type": "string"}}}
})json")
