// A connector in Rust, by the crate of plugin-api/rust: tests/contract/rust/src/lib.rs.
#include <map>

#include "core/hash.hpp"
#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "plugin/live_instance.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

constexpr std::string_view kKey = "a key";
constexpr std::chrono::milliseconds kLimit{60'000};

bool is_mapped(const std::string& name) {
    return read_file("/proc/self/maps").find(name) != std::string::npos;
}

std::string signature(std::string_view text) {
    return core::to_hex(core::hmac(core::HmacDigest::kSha256, kKey, text));
}

// The one program that there is: the text itself, but for what is no JSON text.
struct Identity final : Expressions {
    Result<Program> compile(std::string_view text) override {
        if (text != ".") return Error{kSettingsInvalid, "no such expression"}.at("1:1");
        return Program{[](std::string_view input) -> Result<std::string> {
            if (!input.starts_with('"')) return Error{kSettingsInvalid, "no text"}.at("1:1");
            return std::string{input};
        }};
    }
};

// A file that takes what it is given, or nothing.
struct Ledger final : FileAppender {
    bool append(std::filesystem::path, std::string bytes,
                std::function<void(Result<void>)> done) override {
        if (is_full) return false;
        lines += bytes;
        done({});
        return true;
    }
    bool is_full = false;
    std::string lines;
};

struct Numbers final : IdMap {
    void get(std::string name_space, std::vector<std::string> keys,
             std::function<void(Result<std::vector<std::string>>)> done) override {
        std::vector<std::string> values;
        for (const std::string& key : keys) values.push_back(ids[name_space + "/" + key]);
        done(std::move(values));
    }
    std::map<std::string, std::string> ids;
};

struct RustSite : Site {
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::shared_ptr<Ledger> files = std::make_shared<Ledger>();
    std::shared_ptr<Numbers> ids = std::make_shared<Numbers>();
    std::unique_ptr<Catalog> catalog;

    explicit RustSite(const core::Clock& clock = core::system_clock()) {
        const auto file_of_it = stand_in("rust-things").value_or(SYNCLINE_RUST_CONNECTOR);
        write_file(file("rust-things"), read_file(file_of_it));
        Catalog::Options with = options();
        with.clock = &clock;
        catalog = Catalog::open(std::move(with)).value();
    }
    Result<std::shared_ptr<Instance>> try_start(
        const boost::json::object& more, std::shared_ptr<const HandedState> state = {}) const {
        InstanceOptions options;
        options.settings["base_url"] = "https://api.example.com/";
        for (const auto& [name, value] : more) options.settings[name] = value;
        options.secrets.emplace("signing_key", core::Secret{kKey});
        options.http = http;
        options.expressions = std::make_shared<Identity>();
        options.files = files;
        options.ids = ids;
        options.state = std::move(state);
        return catalog->start("rust-things", std::move(options));
    }
    std::shared_ptr<Instance> start(const boost::json::object& more = {}) const {
        return try_start(more).value();
    }
    // The request that is open is answered; returns it.
    HttpRequest answer(int status, std::string body) const {
        const std::uint64_t id = http->wait();
        http->answer(id, response(status, std::move(body)));
        return http->requests.at(id - 1);
    }
};

Translation translate(Instance& instance, const std::string& path, const std::string& body) {
    auto request = std::make_shared<WebhookRequest>();
    request->method = "POST";
    request->path = path;
    request->body = body;
    Waiter<std::vector<Translation>> waiter;
    instance.translate({request}, waiter.callback());
    return waiter.get().at(0);
}

WriteBatch batch_of(std::size_t count, record::Operation operation = record::Operation::kUpsert) {
    WriteBatch batch;
    batch.stream = "things";
    batch.timeout = std::chrono::hours{1};
    for (std::size_t i = 0; i < count; ++i)
        batch.records.push_back({operation, "k/ä" + std::to_string(i), "{}", "", false});
    return batch;
}

Waiter<WriteResult> begin(Instance& instance, WriteBatch batch) {
    Waiter<WriteResult> written;
    instance.write(std::move(batch), written.callback());
    return written;
}

// A check that is cancelled while it is under way. With little time it may not even have begun when
// that is over, which fails otherwise.
Failure cut_off_check(Instance& instance) {
    for (std::chrono::milliseconds limit{1};; limit *= 2) {
        Waiter<Failure> checked;
        instance.check(limit, checked.callback());
        if (Failure failure = checked.get(); failure.failure_class != FailureClass::kDeadline)
            return failure;
    }
}

void stop(Instance& instance) {
    Waiter<int> stopped;
    instance.stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(0); });
    stopped.get();
}

}  // namespace

TEST_CASE("rust: a connector translates, and a panic is a failure of one call", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();

    const Translation good = translate(*instance, "/k1", R"({"a":1})");
    CHECK(good.failure.failure_class == FailureClass::kNone);
    REQUIRE(good.records.size() == 1);
    CHECK(good.records[0].key == "k1");
    CHECK(good.records[0].stream == "things");
    CHECK(translate(*instance, "/k1", "{").failure.failure_class == FailureClass::kPermanent);
    const Translation panicked = translate(*instance, "/panic", "{}");
    CHECK(panicked.failure.failure_class == FailureClass::kPluginBug);
    CHECK(panicked.failure.message == "the connector panicked");
    CHECK(translate(*instance, "/k2", "{}").records.size() == 1);
    stop(*instance);
}

TEST_CASE("rust: a connector writes, and stops with requests open", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    Waiter<WriteResult> written;
    instance->write(batch_of(3), written.callback());
    site.http->wait_for(3);
    for (std::uint64_t id = 1; const int status : {200, 422, 500})
        site.http->answer(id++, response(status, ""));
    const WriteResult result = written.get();
    CHECK(result.outcomes[0].kind == OutcomeKind::kDone);
    CHECK(result.outcomes[1].failure.failure_class == FailureClass::kPermanent);
    CHECK(result.outcomes[1].failure.provider_code == "422");
    CHECK(result.outcomes[2].kind == OutcomeKind::kUnknown);
    CHECK(site.http->requests[0].url == "https://api.example.com/things/%6B%2F%C3%A4%30");

    Waiter<WriteResult> open;
    instance->write(batch_of(2), open.callback());
    site.http->wait_for(2);
    stop(*instance);
    REQUIRE(open.is_ready());
    CHECK(open.get().outcomes[1].failure.failure_class == FailureClass::kCancelled);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: what can't begin fails as it says, and goes nowhere", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start({{"read_only", true}});
    Waiter<WriteResult> written;
    instance->write(batch_of(2), written.callback());
    const WriteResult result = written.get();
    REQUIRE(result.outcomes.size() == 2);
    CHECK(result.outcomes[0].failure.failure_class == FailureClass::kConfig);
    CHECK(site.http->requests.empty());
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: a write that fails has sent nothing, whatever it wanted before",
          "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    WriteBatch batch = batch_of(2);
    batch.records[1].key = std::string(401, 'k');
    const WriteResult result = begin(*instance, std::move(batch)).get();
    REQUIRE(result.outcomes.size() == 2);
    CHECK(result.outcomes[0].failure.message == "a key is too long");
    stop(*instance);
    CHECK(site.http->requests.empty());
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: a connector is really unloaded", "[plugin][rust]") {
    RustSite site;
    auto instance = site.start();
    CHECK(translate(*instance, "/k1", "{}").records.size() == 1);
    CHECK(is_mapped(site.root.path().string()));
    stop(*instance);
    instance.reset();
    site.catalog.reset();
    CHECK_FALSE(is_mapped(site.root.path().string()));
}

TEST_CASE("rust: the check of credentials is what the platform says", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    const auto [status, expected] =
        GENERATE(std::pair{200, FailureClass::kNone}, std::pair{403, FailureClass::kAuthDenied},
                 std::pair{503, FailureClass::kRateLimited});
    Waiter<Failure> checked;
    instance->check(kLimit, checked.callback());
    CHECK(site.answer(status, "{}").url == "https://api.example.com/me");
    CHECK(checked.get().failure_class == expected);
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: a check that is cancelled ends, and so does one at a stop", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    CHECK(cut_off_check(*instance).failure_class == FailureClass::kCancelled);
    Waiter<Failure> open;
    instance->check(kLimit, open.callback());
    site.http->wait();
    stop(*instance);
    REQUIRE(open.is_ready());
    CHECK(open.get().failure_class != FailureClass::kNone);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: for an operation that was cancelled nothing more is sent", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    site.http->when_cancelled = response(404, "");  // after which the connector asks elsewhere
    CHECK(cut_off_check(*instance).failure_class == FailureClass::kCancelled);
    stop(*instance);
    CHECK(site.http->requests.size() == 1);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: streams are discovered, or it is said why not", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    using Found = std::pair<Failure, std::string>;
    const auto discover = [&](const std::string& platform) {
        Waiter<Found> found;
        instance->discover(kLimit, [done = found.callback()](Failure failure, std::string streams) {
            done({std::move(failure), std::move(streams)});
        });
        site.answer(200, platform);
        return found.get();
    };
    CHECK(
        discover(R"(["id","total"])").second ==
        R"([{"name":"things","title":"Things","fields":[{"name":"id","required":false,"key":true},)"
        R"({"name":"total","required":false,"key":false}]}])");
    CHECK(discover("[").first.failure_class == FailureClass::kTransient);
    // The closure that waits panics: the discovery has failed, and nothing else.
    CHECK(discover(R"("panic")").first.failure_class != FailureClass::kNone);
    CHECK(discover("[]").first.failure_class == FailureClass::kNone);
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: a turn of own work says when it is due again", "[plugin][rust]") {
    const syncline::test::FakeClock clock;
    const RustSite site{clock};
    const auto instance = site.start();
    const auto work = [&](int status) {
        Waiter<WorkResult> worked;
        instance->work(std::nullopt, kLimit, worked.callback());
        CHECK(site.answer(status, "").url == "https://api.example.com/renew");
        return worked.get();
    };
    const WorkResult done = work(200);
    CHECK(done.next_due_ns == clock.wall_ns() + 3'600'000'000'000);
    CHECK(work(500).failure.failure_class == FailureClass::kTransient);
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: every request is signed, from whatever call it is sent", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    auto written = begin(*instance, batch_of(1));
    const HttpRequest first = site.answer(200, "");
    CHECK(written.get().outcomes[0].kind == OutcomeKind::kDone);
    // Sent by a closure that waited for the id map.
    auto deleted = begin(*instance, batch_of(1, record::Operation::kDelete));
    const HttpRequest second = site.answer(200, "");
    CHECK(deleted.get().outcomes[0].kind == OutcomeKind::kDone);
    for (const HttpRequest& request : {first, second}) {
        std::string signed_with;
        for (const auto& [name, value] : request.headers)
            if (name == "X-Signature") signed_with = value;
        CHECK(signed_with == signature(request.method + " " + request.url + "\n" + request.body));
    }
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: ids are put with a write and found by a later one", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    auto written = begin(*instance, batch_of(1));
    site.answer(200, R"({"id":"17"})");
    const WriteResult result = written.get();
    CHECK(result.outcomes[0].destination_key == "17");
    REQUIRE(result.ids.size() == 1);
    CHECK(result.ids[0].name_space == "numbers");
    site.ids->ids["numbers/" + result.ids[0].key] = result.ids[0].value;
    if (result.ids_kept) result.ids_kept();

    auto deleted = begin(*instance, batch_of(1, record::Operation::kDelete));
    const HttpRequest request = site.answer(200, "");
    CHECK(request.method + " " + request.url == "DELETE https://api.example.com/things/17");
    CHECK(deleted.get().outcomes[0].kind == OutcomeKind::kDone);
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: what is appended to a file is told when it is there", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start({{"path", "/things"}});
    auto written = begin(*instance, batch_of(1));
    site.answer(200, "");
    CHECK(written.get().outcomes[0].kind == OutcomeKind::kDone);
    CHECK(site.files->lines == "{}\n");
    site.files->is_full = true;
    auto refused = begin(*instance, batch_of(1));
    site.answer(200, "");
    CHECK(refused.get().outcomes[0].kind == OutcomeKind::kUnknown);
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: an expression of the settings is compiled and evaluated", "[plugin][rust]") {
    RustSite site;
    const auto refused = site.try_start({{"key", "odd"}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what().find("no such expression") != std::string::npos);

    const auto instance = site.start({{"key", "."}});
    const Translation translation = translate(*instance, "", R"("k7")");
    REQUIRE(translation.records.size() == 1);
    CHECK(translation.records[0].key == "k7");
    CHECK(translate(*instance, "", "7").failure.failure_class == FailureClass::kPermanent);
    stop(*instance);
}

TEST_CASE("rust: records are fetched by key", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    FetchBatch batch;
    batch.stream = "things";
    batch.requests = {{"a", ""}};
    Waiter<std::vector<FetchResult>> fetched;
    const auto [status, body, expected] =
        GENERATE(std::tuple{200, R"({"a":1})", FetchKind::kFound},
                 std::tuple{404, "", FetchKind::kAbsent}, std::tuple{500, "", FetchKind::kFailed});
    instance->fetch(batch, fetched.callback());
    CHECK(site.answer(status, body).url == "https://api.example.com/things/%61");
    const auto results = fetched.get();
    REQUIRE(results.size() == 1);
    CHECK(results[0].kind == expected);
    CHECK(results[0].body == (status == 200 ? body : ""));
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: a stream is read page by page", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    const auto read = [&](const std::string& cursor, int status, const std::string& body) {
        ReadRequest request;
        request.stream = "things";
        request.cursor = cursor;
        Waiter<ReadResult> page;
        instance->read(request, page.callback());
        CHECK(site.answer(status, body).url ==
              "https://api.example.com/things?after=" + std::string{cursor.empty() ? "" : "%62"});
        return page.get();
    };
    const ReadResult first = read("", 200, R"({"things":[{"id":"a"},{"id":"b"}],"next":"b"})");
    CHECK(first.failure.failure_class == FailureClass::kNone);
    REQUIRE(first.records.size() == 2);
    CHECK(first.records[1].key == "b");
    CHECK(first.records[1].body == R"({"id":"b"})");
    CHECK((first.has_more && first.cursor == "b"));
    const ReadResult last = read("b", 200, R"({"things":[]})");
    CHECK((last.records.empty() && !last.has_more));
    CHECK(read("b", 403, "").failure.failure_class == FailureClass::kAuthDenied);
    CHECK(read("b", 200, R"({"things":[{}]})").failure.failure_class ==
          FailureClass::kPluginBug);  // no key
    stop(*instance);
}

TEST_CASE("rust: a webhook is verified, and its answer worded", "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start();
    const auto verify = [&](const std::string& claimed, std::string_view secret) {
        WebhookRequest request;
        request.body = "{}";
        request.headers = {{"x-signature", claimed}};
        Waiter<Failure> verified;
        instance->verify(std::move(request), core::Secret{secret}, verified.callback());
        return verified.get().failure_class;
    };
    CHECK(verify(signature("{}"), kKey) == FailureClass::kNone);
    CHECK(verify(signature("[]"), kKey) == FailureClass::kAuthDenied);
    CHECK(verify(signature("{}"), "") == FailureClass::kAuthDenied);

    const auto answer = [&](AnswerKind kind) {
        Answer outcome{"1.5", {{kind, "things", "a", "17", "", {}}}};
        if (kind == AnswerKind::kFailed)
            outcome.records[0].failure = {FailureClass::kPermanent, "no", "", -1};
        Waiter<std::pair<Failure, WebhookReply>> worded;
        instance->answer({}, outcome,
                         [done = worded.callback()](Failure failure, WebhookReply reply) {
                             done({std::move(failure), std::move(reply)});
                         });
        return worded.get().second;
    };
    CHECK(answer(AnswerKind::kUnchanged).body == "17");
    CHECK(answer(AnswerKind::kDelivered).status == 201);
    CHECK(answer(AnswerKind::kFailed).status == 422);
    stop(*instance);
    CHECK(instance->misbehaviours() == 0);
}

TEST_CASE("rust: settings of an older version are migrated, or the account does not start",
          "[plugin][rust]") {
    RustSite site;
    const auto instance = site.start({{"readonly", true}});
    const WriteResult result = begin(*instance, batch_of(1)).get();
    CHECK(result.outcomes[0].failure.message == "the account is read only");
    stop(*instance);

    const auto refused = site.try_start({{"readonly", "yes"}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().is(kSettingsInvalid));
}

TEST_CASE("rust: a state is handed from one instance to the next", "[plugin][rust]") {
    RustSite site;
    const auto saved_by = [](Instance& instance) {
        Waiter<SavedState> saved;
        instance.save_state(saved.callback());
        return saved.get().state;
    };
    const auto instance = site.start();
    auto written = begin(*instance, batch_of(1));
    site.answer(200, "");
    CHECK(written.get().outcomes[0].kind == OutcomeKind::kDone);
    const HandedState state = saved_by(*instance);
    CHECK((state.schema_id == "things.written" && state.version == 1 && state.bytes == "1"));
    stop(*instance);

    const auto next = [&](HandedState handed) {
        return site.try_start({}, std::make_shared<const HandedState>(std::move(handed)));
    };
    const auto heir = next({"things.written", 1, "41"}).value();
    CHECK(saved_by(*heir).bytes == "41");
    stop(*heir);
    const auto stranger = next({"things.written", 2, "41"}).value();
    CHECK(saved_by(*stranger).bytes == "0");
    stop(*stranger);
    CHECK_FALSE(next({"things.written", 1, "4x"}).has_value());
}
