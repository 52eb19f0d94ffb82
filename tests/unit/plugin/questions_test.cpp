// Checks and discoveries, what the host makes of those that break the rules, and the check of a
// version that is to serve.
#include <mutex>
#include <thread>

#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/credential_check.hpp"
#include "plugin/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

using Asked = std::pair<Failure, std::string>;
constexpr std::chrono::milliseconds kAskLimit{30'000};

// A platform that answers at once.
class AnsweringHttp final : public HttpTransport {
  public:
    std::uint64_t send(HttpRequest request, std::function<void(HttpReply)> done) override {
        HttpReply reply = answer(request);
        const std::lock_guard lock{mutex_};
        threads_.emplace_back([reply = std::move(reply), done = std::move(done)] { done(reply); });
        return threads_.size();
    }
    void cancel(std::uint64_t) override {}
    // Its last owner may be one of the threads.
    void join() {
        for (std::thread& thread : threads_) thread.join();
    }

    std::function<HttpReply(const HttpRequest&)> answer;

  private:
    std::mutex mutex_;
    std::vector<std::thread> threads_;
};

HttpReply reply_of(int status, std::string body = "{}") {
    HttpReply reply;
    reply.has_response = status != 0;
    reply.status = status;
    reply.body = std::move(body);
    if (status == 0) reply.failure = {FailureClass::kTransient, "no way there", "", -1};
    return reply;
}

// One account of the connector in service; the platform answers by path.
struct Place {
    Site site;
    std::map<std::string, HttpReply> platform{
        {"/me", reply_of(200)}, {"/you", reply_of(401)}, {"/streams", reply_of(200, R"(["a"])")}};
    std::shared_ptr<AnsweringHttp> http = std::make_shared<AnsweringHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> account;

    ~Place() {
        catalog.reset();
        http->join();
    }
    explicit Place(const std::string& connector = "asker", const std::string& mode = "") {
        site.install(connector);
        catalog = Catalog::open(site.options()).value();
        InstanceOptions options;
        options.account = "shop";
        if (connector == "asker") options.settings["base_url"] = "http://127.0.0.1";
        if (!mode.empty()) options.settings["mode"] = mode;
        http->answer = [this](const HttpRequest& request) {
            return platform.at(request.url.substr(std::string{"http://127.0.0.1"}.size()));
        };
        options.http = http;
        account = catalog->start(connector, options).value();
    }
    Failure check(std::chrono::milliseconds limit = kAskLimit) const {
        Waiter<Failure> waiter;
        account->check(limit, waiter.callback());
        return waiter.get();
    }
    Asked discover() const {
        Waiter<Asked> waiter;
        account->discover(kAskLimit, [done = waiter.callback()](Failure failure, std::string told) {
            done({std::move(failure), std::move(told)});
        });
        return waiter.get();
    }
    std::string version() const {
        Waiter<std::vector<Translation>> waiter;
        auto request = std::make_shared<WebhookRequest>();
        account->translate({request}, waiter.callback());
        return waiter.get().at(0).records.at(0).key;
    }
    void replace_by(const std::string& name) {
        site.install(name, "new");
        std::filesystem::rename(site.file("new"), site.file("asker"));
        catalog->refresh(std::stop_token{});
    }
};

}  // namespace

TEST_CASE("questions: a check says what the platform says", "[plugin][ask]") {
    Place place;
    CHECK(place.account->manifest().can_check);
    CHECK(place.check().failure_class == FailureClass::kNone);
    place.platform["/me"] = reply_of(401);
    CHECK(place.check().failure_class == FailureClass::kAuthDenied);
    place.platform["/me"] = reply_of(0);
    CHECK(place.check().failure_class == FailureClass::kTransient);
    CHECK(place.account->misbehaviours() == 0);
}

TEST_CASE("questions: a discovery brings streams with their fields", "[plugin][ask]") {
    Place place;
    const Asked asked = place.discover();
    CHECK(asked.first.failure_class == FailureClass::kNone);
    CHECK(asked.second == R"([{"name":"a","fields":[{"name":"id","type":"string",)"
                          R"("required":false,"key":true}]}])");
    place.platform["/streams"] = reply_of(500);
    CHECK(place.discover().first.failure_class == FailureClass::kTransient);
}

TEST_CASE("questions: a connector without the capability is not asked", "[plugin][ask]") {
    Place place{"chaos"};
    CHECK(place.check().failure_class == FailureClass::kUnsupported);
    CHECK(place.discover().first.failure_class == FailureClass::kUnsupported);
}

TEST_CASE("questions: a broken rule fails the question, and is told", "[plugin][ask]") {
    const std::pair<const char*, const char*> cases[] = {
        {"no_outcome", "the connector gave no outcome"},
        {"no_class", "an outcome's error has no class"},
        {"short_error", "an outcome's error"},
        {"twice", "an operation has a second outcome"},
        {"throws", "an exception escaped from"},
    };
    for (const auto& [mode, words] : cases) {
        INFO(mode);
        Place place{"rude", mode};
        for (const Failure& failure : {place.check(), place.discover().first}) {
            CHECK(failure.failure_class == FailureClass::kPluginBug);
            CHECK_THAT(failure.message, Catch::Contains(words));
        }
    }
    for (const char* mode : {"no_json", "no_list", "no_names", "bad_fields", "flood"}) {
        INFO(mode);
        Place place{"rude", mode};
        const Asked asked = place.discover();
        CHECK(asked.first.failure_class == FailureClass::kPluginBug);
        CHECK(asked.second.empty());
        CHECK(place.account->misbehaviours() == 1);
    }
}

TEST_CASE("questions: completions out of turn change nothing", "[plugin][ask]") {
    for (const char* mode : {"completes_twice", "inside"}) {
        INFO(mode);
        Place place{"rude", mode};
        CHECK(place.check().failure_class == FailureClass::kNone);
        place.check();  // so that the connector has come back from the call
        CHECK(place.account->misbehaviours() >= 1);
    }
}

TEST_CASE("questions: one that refuses or hangs is answered all the same", "[plugin][ask]") {
    Place refusing{"rude", "refuses"};
    CHECK(refusing.check().failure_class == FailureClass::kConfig);
    CHECK(refusing.account->misbehaviours() == 0);
    Place hanging{"rude", "hangs"};
    CHECK(hanging.check(std::chrono::milliseconds{20}).failure_class == FailureClass::kCancelled);
}

TEST_CASE("swap: a version that finds the credentials bad does not come into service",
          "[plugin][swap][ask]") {
    Place place;
    place.replace_by("asker_you");
    CHECK(place.version() == "1.0.0");
    CHECK(place.catalog->swaps().taken.value() == 0);
    CHECK(place.catalog->swaps().refused.value() == 1);
    CHECK(place.check().failure_class == FailureClass::kNone);
}

TEST_CASE("swap: a version is not refused for what the platform says to both, or does not say",
          "[plugin][swap][ask]") {
    for (const auto& [me, you] : {std::pair{401, 401}, std::pair{200, 0}, std::pair{0, 0},
                                  std::pair{200, 429}, std::pair{200, 200}}) {
        INFO(me << " " << you);
        Place place;
        place.platform["/me"] = reply_of(me);
        place.platform["/you"] = reply_of(you);
        place.replace_by("asker_you");
        CHECK(place.version() == "2.0.0");
        CHECK(place.catalog->swaps().taken.value() == 1);
    }
}

TEST_CASE("swap: a version that can't be compared with the one that serves has to be good",
          "[plugin][swap][ask]") {
    Place place;
    place.platform["/me"] = reply_of(503);
    place.replace_by("asker_you");
    CHECK(place.version() == "1.0.0");
}

TEST_CASE("swap: a stop ends the check of a version", "[plugin][swap][ask]") {
    Place place{"rude", "hangs"};
    std::stop_source stop;
    stop.request_stop();
    const auto checked =
        check_credentials({{"shop", place.account, place.account}}, kAskLimit, stop.get_token());
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().is(kCheckFailed));
}
