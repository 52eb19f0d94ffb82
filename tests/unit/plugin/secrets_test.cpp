// Secrets that a connector reads, and what becomes of its words about them.
#include "core/hash.hpp"
#include "core/redact.hpp"
#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/account_instance.hpp"
#include "plugin/errc.hpp"
#include "plugin/live_instance.hpp"
#include "support/catch.hpp"
#include "syncline/secret.h"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

constexpr const char* kToken = "canary-of-the-token";
constexpr const char* kPerch = "canary-of-the-perch";

struct Cage {
    Site site;
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    Cage() {
        site.install("parrot");
        catalog = site.open();
    }
    static InstanceOptions options() {
        InstanceOptions options;
        options.account = "bird";
        options.settings = {{"base_url", "https://zoo.example"}, {"token", kToken}};
        options.secrets.emplace("perch_key", core::Secret{kPerch});
        options.secrets.at("perch_key").watch();
        return options;
    }
    void start() {
        InstanceOptions given = options();
        given.http = http;
        instance = catalog->start("parrot", std::move(given)).value();
    }
    LiveInstance& live() const {
        const auto& account = dynamic_cast<AccountInstance&>(*instance);
        return dynamic_cast<LiveInstance&>(*account.serving());
    }
};

bool is_clean(const std::string& text) {
    return text.find("canary-of") == std::string::npos &&
           text.find(core::to_hex("canary-of")) == std::string::npos;
}

struct Sink {
    Sink() {
        table.struct_size = sizeof table;
        table.context = this;
        table.text = [](void* context, syncline_str text) {
            auto& self = *static_cast<Sink*>(context);
            self.seen.assign(text.ptr, text.len);
            self.where = text.ptr;
        };
    }
    syncline_text_sink table{};
    std::string seen;
    const char* where = nullptr;
};

}  // namespace

TEST_CASE("secrets: a connector's failure never has what it was told", "[plugin][secret][G5]") {
    Cage cage;
    cage.start();
    Waiter<std::vector<Translation>> waiter;
    cage.instance->translate({std::make_shared<WebhookRequest>()}, waiter.callback());
    const Failure failure = waiter.get().at(0).failure;
    CHECK(failure.failure_class == FailureClass::kPermanent);
    CHECK(failure.message.starts_with("no key, but [redacted] [redacted] [redacted] [redacted]"));
    CHECK(failure.message.ends_with("[redacted]"));
    CHECK(is_clean(failure.message));
    CHECK(failure.provider_code == "[redacted]");
}

TEST_CASE("secrets: nor does a start that fails", "[plugin][secret][G5]") {
    Cage cage;
    InstanceOptions options = Cage::options();
    options.settings["mood"] = "bad";
    const auto started = cage.catalog->start("parrot", std::move(options));
    REQUIRE_FALSE(started.has_value());
    CHECK_THAT(started.error().what(), Catch::Contains("[redacted]"));
    CHECK(is_clean(started.error().to_string()));
}

TEST_CASE("secrets: nor a reply, which stays JSON where it was", "[plugin][secret][G5]") {
    Cage cage;
    cage.start();
    Waiter<WebhookReply> reply;
    cage.instance->handshake({}, [done = reply.callback()](const Failure&, WebhookReply given) {
        done(std::move(given));
    });
    CHECK(is_clean(reply.get().body));

    WriteBatch batch;
    batch.stream = "words";
    batch.records.resize(1, {record::Operation::kUpsert, "k", R"({"a":1})", "", false});
    Waiter<WriteResult> written;
    cage.instance->write(std::move(batch), written.callback());
    cage.http->answer(cage.http->wait(), response(200, "{}"));
    const Outcome outcome = written.get().outcomes.at(0);
    CHECK(outcome.kind == OutcomeKind::kDone);
    CHECK(outcome.reply.starts_with(R"({"knows":"[redacted] )"));
    CHECK(is_clean(outcome.reply));
}

TEST_CASE("secrets: only what is declared and given is found", "[plugin][secret]") {
    Cage cage;
    InstanceOptions options = Cage::options();
    options.secrets.clear();
    const auto started = cage.catalog->start("parrot", std::move(options));
    REQUIRE_FALSE(started.has_value());
    CHECK_THAT(started.error().what(),
               Catch::Contains("config: the secret \"perch_key\" is not given: approve it in "
                               "accounts.bird.secrets"));

    cage.start();
    syncline_secret_handle handle = 0;
    syncline_error error = empty_error();
    CHECK(cage.live().find_secret(to_str("other"), &handle, &error) == SYNCLINE_E_PLUGIN_BUG);
    CHECK(std::string{error.message} == "the manifest declares no secret \"other\"");
    CHECK(cage.live().find_secret(to_str("perch_key"), nullptr, &error) == SYNCLINE_E_PLUGIN_BUG);
    CHECK(cage.live().misbehaviours() == 2);
}

TEST_CASE("secrets: one that is found is shown, and used for digests", "[plugin][secret]") {
    Cage cage;
    cage.start();
    syncline_secret_handle handle = 0, again = 0;
    syncline_error error = empty_error();
    REQUIRE(cage.live().find_secret(to_str("perch_key"), &handle, &error) == SYNCLINE_OK);
    REQUIRE(cage.live().find_secret(to_str("perch_key"), &again, &error) == SYNCLINE_OK);
    CHECK(handle == again);
    Sink sink;
    CHECK(cage.live().show_secret(handle, &sink.table, &error) == SYNCLINE_OK);
    CHECK(sink.seen == kPerch);
    std::uint8_t digest[32];
    CHECK(cage.live().hmac(handle, SYNCLINE_SHA256, to_str("text"), digest) == SYNCLINE_OK);
    CHECK(std::string(reinterpret_cast<char*>(digest), 32) ==
          core::hmac(core::HmacDigest::kSha256, kPerch, "text"));

    CHECK(cage.live().show_secret(handle + 1000, &sink.table, &error) == SYNCLINE_E_STALE);
    CHECK(cage.live().show_secret(0, &sink.table, &error) == SYNCLINE_E_STALE);
    CHECK(cage.live().show_secret(handle, nullptr, &error) == SYNCLINE_E_PLUGIN_BUG);
}

TEST_CASE("secrets: an instance has no settings any more when its connector has them",
          "[plugin][secret]") {
    Cage cage;
    cage.start();
    CHECK(cage.live().options().settings.empty());
    CHECK(core::has_secret(kToken));  // but still watched
}
