// What a version hands to the next one: settings and state. Requests that the connector signs, and
// turns of its own work.
#include <algorithm>

#include "core/hash.hpp"
#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "plugin/probe.hpp"
#include "plugin/succession.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

InstanceOptions steward_options(const std::string& name) {
    InstanceOptions options;
    options.account = "shop";
    options.settings["name"] = name;
    options.settings["base_url"] = "http://127.0.0.1";
    options.secrets.emplace("key", core::Secret{std::string_view{"a key"}});
    return options;
}

// One account of version 1 in service; new versions are tried as the hub tries them, though in this
// process.
struct Household {
    Site site;
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> account;

    explicit Household(const std::string& name = "Ann", const std::string& first = "steward",
                       const TrialPolicy& trial = {}) {
        site.install(first, "steward");
        Catalog::Options options = site.options();
        options.trial = trial;
        options.probe = [](const std::filesystem::path& library,
                           const std::vector<InstanceOptions>& accounts, const std::stop_token&) {
            return probe_library(library, accounts, core::system_clock());
        };
        catalog = Catalog::open(std::move(options)).value();
        InstanceOptions instance = steward_options(name);
        instance.http = http;
        account = catalog->start("steward", std::move(instance)).value();
    }
    void replace_by(const std::string& name) {
        site.install(name, "new");
        std::filesystem::rename(site.file("new"), site.file("steward"));
        catalog->refresh(std::stop_token{});
    }
    // {"version", "title", "count"} of what answers.
    boost::json::object event() const { return event_of(*account); }
    static boost::json::object event_of(Instance& instance) {
        Waiter<std::vector<Translation>> waiter;
        instance.translate({std::make_shared<const WebhookRequest>()}, waiter.callback());
        const record::Record record = waiter.get().at(0).records.at(0);
        boost::json::object seen = record::parse_json(record.body)->as_object();
        seen["version"] = record.key;
        return seen;
    }
    bool was_refused() const {
        return catalog->swaps().taken.value() == 0 && catalog->swaps().refused.value() == 1;
    }
};

boost::json::object seen(const char* version, const char* title, int count) {
    return {{"title", title}, {"count", count}, {"version", version}};
}

}  // namespace

TEST_CASE("succession: settings that do not fit a new version are migrated, and its state goes on",
          "[plugin][swap][succession]") {
    Household household;
    household.event();
    CHECK(household.event() == seen("1.0.0", "Ann", 2));
    household.replace_by("steward_2");
    CHECK(household.event() == seen("2.0.0", "Ann", 3));
    CHECK(household.catalog->swaps().taken.value() == 1);
}

TEST_CASE("succession: an account that came during a trial is migrated as well",
          "[plugin][swap][succession][trial]") {
    Household household{"Ann", "steward", {50, {}}};
    household.replace_by("steward_2");
    InstanceOptions options = steward_options("Bob");
    options.http = household.http;
    const auto late = household.catalog->start("steward", std::move(options)).value();
    CHECK(Household::event_of(*late) == seen("1.0.0", "Bob", 1));
    household.catalog->refresh(std::stop_token{});  // the trial is over at once
    CHECK(household.catalog->swaps().taken.value() == 1);
    CHECK(Household::event_of(*late) == seen("2.0.0", "Bob", 1));
}

TEST_CASE("succession: a migration that takes its time holds up nobody", "[plugin][succession]") {
    Site site;
    site.install("steward_waits", "steward");
    const auto catalog = site.open();
    InstanceOptions fits = steward_options("Ann");
    fits.settings.erase("name");
    fits.settings["title"] = "Ann";
    const auto first = catalog->start("steward", std::move(fits)).value();
    const auto gate = site.root.path() / "gate";
    write_file(gate, "");
    auto prepared = std::async(std::launch::async, [&] {
        std::vector<AccountWish> wishes{{"steward", steward_options(gate.string()), nullptr}};
        return catalog->prepare(std::move(wishes), std::stop_token{}).has_value();
    });
    for (int i = 1; i <= 3; ++i) CHECK(Household::event_of(*first) == seen("2.0.0", "Ann", i));
    std::filesystem::remove(gate);
    CHECK(prepared.get());
}

TEST_CASE("succession: what a migration may not do keeps a version out",
          "[plugin][swap][succession]") {
    for (const char* name : {"steward_unfit", "steward_regranted", "steward_refused"}) {
        INFO(name);
        Household household;
        household.replace_by(name);
        CHECK(household.was_refused());
        CHECK(household.event() == seen("1.0.0", "Ann", 1));
    }
}

TEST_CASE("succession: settings of old are migrated at a start as well", "[plugin][succession]") {
    Household household{"Ann", "steward_2"};
    CHECK(household.event() == seen("2.0.0", "Ann", 1));

    Site site;
    site.install("steward_regranted", "steward");
    const auto started = site.open()->start("steward", steward_options("Ann"));
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().is(kSettingsInvalid));
    CHECK_THAT(started.error().to_string(), Catch::Contains("changes `base_url`"));
}

TEST_CASE("succession: a version that does not know the state starts without",
          "[plugin][swap][succession]") {
    Household household;
    household.event();
    household.replace_by("steward_deaf");
    CHECK(household.event() == seen("2.0.0", "Ann", 1));
}

TEST_CASE("succession: a version that finds the state garbled does not come into service",
          "[plugin][swap][succession]") {
    Household household;
    household.event();
    household.replace_by("steward_garbled");
    CHECK(household.was_refused());
    CHECK(household.event() == seen("1.0.0", "Ann", 2));
}

TEST_CASE("succession: a version that has no state to give is no hindrance",
          "[plugin][swap][succession]") {
    for (const char* name : {"mute", "huge"}) {
        INFO(name);
        Household household{name};
        household.event();
        household.replace_by("steward_2");
        CHECK(household.event() == seen("2.0.0", name, 1));
    }
}

TEST_CASE("succession: what carries a webhook's proof can't change while the hub runs",
          "[plugin][succession]") {
    // The hub strips what the manifest named when it began: another version's would be stored.
    Manifest now;
    now.verifies_webhooks = true;
    now.proof_headers = {"X-Sign"};
    std::vector<InstanceOptions> none;
    CHECK(prepare_succession(now, now, none).has_value());
    Manifest next = now;
    next.proof_headers = {"X-Signature"};
    CHECK(prepare_succession(now, next, none).error().is(kNeedsRestart));
    next = now;
    next.proof_parameters = {"token"};
    CHECK(prepare_succession(now, next, none).error().is(kNeedsRestart));
}

TEST_CASE("signing: each request gets the connector's own headers", "[plugin][sign]") {
    Household household;
    Waiter<WorkResult> waiter;
    household.account->work(42, std::chrono::seconds{30}, waiter.callback());
    const std::uint64_t exchange = household.http->wait();
    const HttpRequest& sent = household.http->requests.at(0);
    const std::string signature = core::to_hex(
        core::hmac(core::HmacDigest::kSha256, "a key", "GEThttp://127.0.0.1/renew?due=42"));
    const std::pair<std::string, std::string> expected{"X-Signature", signature};
    CHECK(std::count(sent.headers.begin(), sent.headers.end(), expected) == 1);
    household.http->answer(exchange, response(204, ""));
    CHECK(waiter.get().failure.failure_class == FailureClass::kNone);
}

TEST_CASE("work: a turn says when the next one is due, or why it failed", "[plugin][work]") {
    Household household;
    const auto turn = [&](const HttpReply& reply) {
        Waiter<WorkResult> waiter;
        household.account->work(std::nullopt, std::chrono::seconds{30}, waiter.callback());
        household.http->answer(household.http->wait(), reply);
        return waiter.get();
    };
    const WorkResult next = turn(response(200, "1234567890"));
    CHECK(next.failure.failure_class == FailureClass::kNone);
    CHECK(next.next_due_ns == 1'234'567'890);
    CHECK_FALSE(turn(response(204, "")).next_due_ns.has_value());
    CHECK(turn(response(503, "")).failure.failure_class == FailureClass::kTransient);
    CHECK(household.http->requests.at(0).url == "http://127.0.0.1/renew?due=first");
    CHECK(household.account->misbehaviours() == 0);
}
