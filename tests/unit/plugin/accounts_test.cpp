// Accounts come, and are given other settings, while the hub runs.
#include <future>
#include <thread>

#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "plugin/version_notes.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

boost::json::object mode_of(const char* name) {
    boost::json::object settings;
    settings["mode"] = name;
    return settings;
}

// One account of chaos in service.
struct Serving {
    Site site;
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> account;

    explicit Serving(const char* mode = "http", Probe probe = {},
                     std::chrono::milliseconds drain_limit = std::chrono::seconds{30},
                     const TrialPolicy& trial = {}) {
        site.install("chaos");
        Catalog::Options options = site.options();
        options.probe = std::move(probe);
        options.drain_limit = drain_limit;
        options.trial = trial;
        catalog = Catalog::open(options).value();
        account = catalog->start("chaos", options_of("shop", mode)).value();
    }

    InstanceOptions options_of(const std::string& name, const char* mode) const {
        InstanceOptions options;
        options.account = name;
        options.settings = mode_of(mode);
        options.http = http;
        options.streams = {"things"};
        return options;
    }
    AccountWish other_settings(const char* mode) const {
        return {"chaos", options_of("shop", mode), account};
    }
    auto prepare(std::vector<AccountWish> wishes) const {
        return catalog->prepare(std::move(wishes), std::stop_token{});
    }
    void replace_by(const std::string& name) const {
        site.install(name, "new");
        std::filesystem::rename(site.file("new"), site.file("chaos"));
        catalog->refresh(std::stop_token{});
    }
    static std::string key_from(Instance& instance) {
        Waiter<std::vector<Translation>> waiter;
        auto request = std::make_shared<WebhookRequest>();
        request->body = "{}";
        instance.translate({std::move(request)}, waiter.callback());
        const auto translations = waiter.get();
        const Translation& only = translations.at(0);
        return only.records.empty() ? only.failure.message : only.records.at(0).key;
    }
    std::unique_ptr<Waiter<WriteResult>> write() const {
        auto waiter = std::make_unique<Waiter<WriteResult>>();
        WriteBatch batch;
        batch.stream = "things";
        batch.records.resize(1);
        batch.records[0].key = "k";
        batch.records[0].body = "{}";
        account->write(std::move(batch), waiter->callback());
        return waiter;
    }
};

constexpr const char* kRefused = "not understood";  // what the mode `refuses` says

}  // namespace

TEST_CASE("accounts: other settings serve new calls, what is in flight ends on the old ones",
          "[plugin][reload]") {
    Serving serving;
    auto before = serving.write();
    serving.http->wait_for(1);
    auto prepared = serving.prepare({serving.other_settings("refuses")});
    REQUIRE(prepared.has_value());
    CHECK((*prepared)->accounts().at(0) == serving.account);
    CHECK(Serving::key_from(*serving.account) != kRefused);  // not before it is asked to
    (*prepared)->take_over();
    CHECK(Serving::key_from(*serving.account) == kRefused);
    CHECK_FALSE(before->is_ready());
    auto retired = std::async(std::launch::async, [&] { (*prepared)->retire(std::stop_token{}); });
    serving.http->answer(1, response(200, "{}"));
    CHECK(before->get().outcomes.at(0).kind == OutcomeKind::kDone);
    retired.get();
}

TEST_CASE("accounts: what does not end on the old settings is cancelled at the limit",
          "[plugin][reload]") {
    Serving serving{"http", {}, std::chrono::milliseconds{1}};
    auto before = serving.write();
    serving.http->wait_for(1);
    auto prepared = serving.prepare({serving.other_settings("refuses")});
    REQUIRE(prepared.has_value());
    (*prepared)->take_over();
    (*prepared)->retire(std::stop_token{});
    CHECK(before->get().outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(Serving::key_from(*serving.account) == kRefused);
}

TEST_CASE("accounts: one that can't start keeps all of them as they were", "[plugin][reload]") {
    Serving serving;
    const std::string before = Serving::key_from(*serving.account);
    AccountWish wrong{"chaos", serving.options_of("second", "http"), nullptr};
    SECTION("settings that are none") {
        wrong.options.settings = boost::json::object{{"mode", 7}};
        const auto prepared = serving.prepare({serving.other_settings("refuses"), wrong});
        REQUIRE(prepared.has_error());
        CHECK(prepared.error().is(kSettingsInvalid));
        CHECK(prepared.error().where() == "account second");
    }
    SECTION("a key that the platform refuses") {
        wrong.options.settings = mode_of("bad_key");
        const auto prepared = serving.prepare({serving.other_settings("refuses"), wrong});
        REQUIRE(prepared.has_error());
        CHECK(prepared.error().is(kStartFailed));
    }
    SECTION("a connector that is not there") {
        wrong.connector = "nothing";
        const auto prepared = serving.prepare({serving.other_settings("refuses"), wrong});
        REQUIRE(prepared.has_error());
        CHECK(prepared.error().is(kUnknownConnector));
    }
    SECTION("nobody takes what was prepared") {
        REQUIRE(serving.prepare({serving.other_settings("refuses"), wrong}).has_value());
    }
    CHECK(Serving::key_from(*serving.account) == before);
}

TEST_CASE("accounts: they are tried in another process first, those of a connector together",
          "[plugin][reload]") {
    std::vector<std::string> tried;
    bool is_well = true;
    Serving serving{"http",
                    [&](const std::filesystem::path&, const std::vector<InstanceOptions>& accounts,
                        const std::stop_token&) -> Result<void> {
                        for (const InstanceOptions& account : accounts)
                            tried.push_back(account.account);
                        if (is_well) return {};
                        return Error{kProbeFailed, "it crashed"};
                    }};
    CHECK(tried.empty());
    const std::vector<AccountWish> wishes{
        serving.other_settings("refuses"),
        {"chaos", serving.options_of("second", "refuses"), nullptr}};
    is_well = false;
    const auto refused = serving.prepare(wishes);
    REQUIRE(refused.has_error());
    CHECK(refused.error().is(kProbeFailed));
    CHECK(Serving::key_from(*serving.account) != kRefused);
    is_well = true;
    REQUIRE(serving.prepare(wishes).has_value());
    CHECK(tried == std::vector<std::string>{"shop", "second", "shop", "second"});
}

TEST_CASE("accounts: a new one serves, and a new version gets its settings and those that changed",
          "[plugin][reload][swap]") {
    Serving serving;
    auto prepared = serving.prepare({serving.other_settings("refuses"),
                                     {"chaos", serving.options_of("second", "http"), nullptr}});
    REQUIRE(prepared.has_value());
    const auto second = (*prepared)->accounts().at(1);
    (*prepared)->take_over();
    (*prepared)->retire(std::stop_token{});
    prepared->reset();
    CHECK(Serving::key_from(*serving.account) == kRefused);
    CHECK(Serving::key_from(*second) == "1.0.0");
    serving.replace_by("chaos_2");
    CHECK(serving.catalog->swaps().taken.value() == 1);
    CHECK(Serving::key_from(*serving.account) == kRefused);
    CHECK(Serving::key_from(*second) == "2.0.0");
}

TEST_CASE("accounts: the streams that connections use are those a new version must have",
          "[plugin][reload][swap]") {
    Serving serving;
    const bool is_used = GENERATE(true, false);
    if (!is_used) serving.catalog->use_streams(*serving.account, {});
    serving.replace_by("other_stream");
    CHECK(serving.catalog->swaps().taken.value() == (is_used ? 0 : 1));
}

TEST_CASE("accounts: a stream that a new version brings is there for who asks the account",
          "[plugin][reload][swap]") {
    const std::uint32_t share_percent = GENERATE(0u, 50u);
    Serving serving{"http", {}, std::chrono::seconds{30}, {share_percent, {}}};
    const Manifest& before = serving.account->manifest();
    CHECK(before.stream("others") == nullptr);
    serving.replace_by("chaos_others");
    if (share_percent != 0) {
        CHECK(serving.account->manifest().stream("others") == nullptr);
        serving.catalog->refresh(std::stop_token{});  // the trial is over at once
    }
    CHECK(serving.account->manifest().stream("others") != nullptr);
    CHECK(before.stream("others") == nullptr);
}

TEST_CASE("accounts: a connector whose first account came later is noted as well",
          "[plugin][reload][versions]") {
    Site site;
    site.install("chaos");
    Catalog::Options options = site.options();
    options.versions =
        VersionNotes::open(site.root.path(), core::system_clock(), VersionNotes::Access::kWrite);
    const auto catalog = Catalog::open(options).value();
    InstanceOptions shop;
    shop.account = "shop";
    const auto prepared = catalog->prepare({{"chaos", shop, nullptr}}, std::stop_token{});
    REQUIRE(prepared.has_value());
    (*prepared)->take_over();
    (*prepared)->retire(std::stop_token{});
    REQUIRE(options.versions->of("chaos").serving);
    CHECK(options.versions->of("chaos").serving->version == "1.0.0");
}
