// What the host is told of each record, and what an answer without a success means.
#include <string>
#include <vector>

#include "bare_host.hpp"
#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

using syncline::Batch;
using syncline::Failure;
using syncline::Task;
using syncline::testing::FakeHost;
using syncline::testing::RecordToWrite;

namespace http = syncline::http;

namespace {

const std::vector<RecordToWrite> kTwo = {{SYNCLINE_UPSERT, "a", R"({"n":1})", "d-a", true},
                                         {SYNCLINE_DELETE, "b", ""}};

// The stream says what to do.
class Writer final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        const std::string stream{batch.stream()};
        if (stream == "says all") {
            batch[0].done("7", R"({"id":7})");
            batch[0].fail(Failure{SYNCLINE_E_CONFLICT, "a later word"});
            batch.rest_fail({SYNCLINE_E_NOT_FOUND, "no such user", "E404", 1500});
        } else if (stream == "forgets") {
            batch[0].done();
        } else if (stream == "forgets after a request") {
            co_await http::post("https://x.example", "{}");
            batch[0].done();
        } else if (stream == "forgets what a task did") {
            batch[0].done();
            co_await batch[1].settled_by(first_step());
        } else if (stream == "open") {
            batch.rest_fail(Failure{SYNCLINE_E_TRANSIENT, "lost"}.with_possible_effect());
        } else if (stream == "cancelled") {
            batch.rest_fail({SYNCLINE_E_CANCELLED, "nothing was sent"});
        } else if (stream == "one by one") {
            for (const syncline::WriteRecord& record : batch) {
                const auto response = co_await http::post("https://x.example", "{}");
                response.is_success() ? record.done() : record.fail(response.refusal("X"));
            }
        } else if (stream == "two steps side by side") {
            std::vector<Task<>> tasks;
            for (const syncline::WriteRecord& record : batch) tasks.push_back(two_steps(record));
            co_await syncline::all(std::move(tasks));
        } else if (stream == "each by itself") {
            for (const syncline::WriteRecord& record : batch)
                co_await record.settled_by(two_steps(record));
        } else if (stream == "each by itself, side by side") {
            std::vector<Task<>> tasks;
            for (const syncline::WriteRecord& record : batch)
                tasks.push_back(record.settled_by(two_steps(record)));
            co_await syncline::all(std::move(tasks));
        } else if (stream == "posts" || stream == "gets") {
            if (stream == "posts") co_await http::post("https://x.example/1", "{}");
            if (stream == "gets") co_await http::get("https://x.example/1");
            const auto second = co_await http::post("https://x.example/2", "{}");
            if (!second.is_success()) throw second.refusal("X");
            batch.rest_done();
        } else {
            syncline::HttpRequest request;
            request.method = "PUT";
            request.url = "https://x.example/" + std::string{batch[0].destination_key()};
            request.headers.emplace_back("X-Key", batch[1].key());
            request.timeout = std::chrono::seconds{3};
            const auto response = co_await http::send(request);
            if (!response.is_success()) throw response.refusal("X");
            batch[0].done(response.header("location"), response.body());
            batch[1].done(request.url);  // it was copied
        }
    }
    static Task<> first_step() { co_await http::post("https://x.example/1", "{}"); }
    static Task<> two_steps(syncline::WriteRecord record) {
        co_await first_step();
        const auto second = co_await http::post("https://x.example/2", "{}");
        if (!second.is_success()) throw second.refusal("X");
        record.done();
    }
};

struct Site {
    FakeHost host{syncline::test::plugin_of<Writer>()};
    std::vector<syncline::testing::Outcome> write(const std::string& stream) {
        const auto write = host.write(stream, kTwo);
        CHECK(write->is_complete);
        return write->outcomes;
    }
    // A put that is answered so.
    Failure refusal(int status, const std::string& body) {
        const auto write = host.write("put", kTwo);
        host.respond(status, body, {{"retry-after", "5"}});
        REQUIRE(write->is_complete);
        CHECK(write->outcomes[0].kind == write->outcomes[1].kind);
        Failure failure = write->outcomes[0].failure;
        failure.may_have_had_effect = write->outcomes[0].kind == SYNCLINE_UNKNOWN;
        return failure;
    }
};

}  // namespace

TEST_CASE("write: the first word about a record counts", "[plugin_api][write]") {
    Site site;
    const auto outcomes = site.write("says all");

    CHECK(outcomes[0].kind == SYNCLINE_DONE);
    CHECK(outcomes[0].destination_key == "7");
    CHECK(outcomes[0].reply == R"({"id":7})");
    CHECK(outcomes[1].kind == SYNCLINE_FAILED);
    CHECK(outcomes[1].failure.failure_class == SYNCLINE_E_NOT_FOUND);
    CHECK(outcomes[1].failure.provider_code == "E404");
    CHECK(outcomes[1].failure.retry_after_ms == 1500);
    CHECK(site.write("open")[0].kind == SYNCLINE_UNKNOWN);
    CHECK(site.write("cancelled")[0].kind == SYNCLINE_NOT_ATTEMPTED);
    CHECK(site.host.violations.empty());
}

TEST_CASE("write: a record that is forgotten is the connector's bug", "[plugin_api][write]") {
    Site site;
    const auto forgotten = site.write("forgets");
    CHECK(forgotten[0].kind == SYNCLINE_DONE);
    CHECK(forgotten[1].kind == SYNCLINE_FAILED);
    CHECK(forgotten[1].failure.failure_class == SYNCLINE_E_PLUGIN_BUG);
    CHECK(forgotten[1].failure.message == "write() ended without an outcome for the record");

    for (const char* stream : {"forgets after a request", "forgets what a task did"}) {
        const auto write = site.host.write(stream, kTwo);
        site.host.respond(200, "");
        REQUIRE(write->is_complete);
        CHECK(write->outcomes[1].kind == SYNCLINE_UNKNOWN);  // the request may have written it
    }
    CHECK(site.host.violations.empty());
}

TEST_CASE("write: requests carry what was asked, answers bring what came", "[plugin_api][write]") {
    Site site;
    const auto write = site.host.write("put", kTwo);
    REQUIRE(site.host.exchanges().size() == 1);
    const auto request = site.host.exchanges()[0];
    CHECK(request.method == "PUT");
    CHECK(request.url == "https://x.example/d-a");
    CHECK(request.headers == syncline::testing::Headers{{"X-Key", "b"}});

    site.host.respond(201, R"({"ok":true})", {{"x", "y"}, {"location", "/things/7"}});

    CHECK(write->outcomes[0].destination_key == "/things/7");
    CHECK(write->outcomes[0].reply == R"({"ok":true})");
    CHECK(write->outcomes[1].destination_key == "https://x.example/d-a");
}

TEST_CASE("write: a status has a class, and says whether there may have been an effect",
          "[plugin_api][write]") {
    Site site;
    struct Case {
        int status;
        syncline_status failure_class;
        bool may_have_had_effect;
    };
    for (const auto& [status, failure_class, is_open] :
         {Case{429, SYNCLINE_E_RATE_LIMITED, false}, Case{503, SYNCLINE_E_TRANSIENT, false},
          Case{408, SYNCLINE_E_TRANSIENT, false}, Case{401, SYNCLINE_E_AUTH_DENIED, false},
          Case{403, SYNCLINE_E_AUTH_DENIED, false}, Case{404, SYNCLINE_E_PERMANENT, false},
          Case{422, SYNCLINE_E_PERMANENT, false}, Case{500, SYNCLINE_E_TRANSIENT, true},
          Case{504, SYNCLINE_E_TRANSIENT, true}, Case{302, SYNCLINE_E_TRANSIENT, true}}) {
        INFO(status);
        const Failure failure = site.refusal(status, "");
        CHECK(failure.failure_class == failure_class);
        CHECK(failure.may_have_had_effect == is_open);
        CHECK(failure.retry_after_ms == 5000);
        CHECK(failure.provider_code == std::to_string(status));
        CHECK(failure.message == "X answered " + std::to_string(status));
    }
    CHECK(site.refusal(400, R"({"error":"a"})").message == "X answered 400: a");
    CHECK(site.refusal(400, R"({"error":{"message":"b"}})").message == "X answered 400: b");
    CHECK(site.refusal(400, R"({"message":"c"})").message == "X answered 400: c");
    CHECK(site.refusal(400, "<p>d" + std::string(300, 'e')).message ==
          "X answered 400: <p>d" + std::string(196, 'e'));
}

TEST_CASE("write: what an earlier request did is not undone by a later failure",
          "[plugin_api][write]") {
    Site site;
    const auto kind_after = [&](const std::string& stream, auto&& end_of_second) {
        const auto write = site.host.write(stream, kTwo);
        site.host.respond(200, "");
        end_of_second();
        REQUIRE(write->is_complete);
        return write->outcomes[1].kind;
    };
    const auto refuses = [&] { site.host.respond(429, ""); };
    const auto is_lost = [&] { site.host.fail({SYNCLINE_E_TRANSIENT, "no route"}, false); };

    CHECK(kind_after("posts", refuses) == SYNCLINE_UNKNOWN);
    CHECK(kind_after("posts", is_lost) == SYNCLINE_UNKNOWN);
    CHECK(kind_after("gets", refuses) == SYNCLINE_FAILED);
    CHECK(kind_after("gets", is_lost) == SYNCLINE_FAILED);
}

TEST_CASE("write: an outcome accounts for the requests before it", "[plugin_api][write]") {
    Site site;
    const auto write = site.host.write("one by one", kTwo);
    site.host.respond(200, "");
    site.host.respond(422, "");
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[1].kind == SYNCLINE_FAILED);

    const auto lost = site.host.write("one by one", kTwo);
    site.host.respond(200, "");
    site.host.fail({SYNCLINE_E_TRANSIENT, "no route"}, false);
    CHECK(lost->outcomes[1].kind == SYNCLINE_FAILED);

    // Side by side the first record's outcome comes between the second one's requests.
    const auto both = site.host.write("two steps side by side", kTwo);
    for (const int status : {200, 200, 200, 422}) site.host.respond(status, "");
    REQUIRE(both->is_complete);
    CHECK(both->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(both->outcomes[1].kind == SYNCLINE_UNKNOWN);
}

TEST_CASE("write: a record that is settled by a task fails alone, unless it is a limit",
          "[plugin_api][write]") {
    Site site;
    const auto outcomes = [&](const std::string& stream, std::initializer_list<int> statuses) {
        const auto write = site.host.write(stream, kTwo);
        for (const int status : statuses) site.host.respond(status, "");
        REQUIRE(write->is_complete);
        CHECK(site.host.exchanges().empty());
        return write->outcomes;
    };

    const auto alone = outcomes("each by itself", {422, 422, 200, 200});
    CHECK(alone[0].kind == SYNCLINE_FAILED);
    CHECK(alone[1].kind == SYNCLINE_DONE);

    const auto limited = outcomes("each by itself", {200, 429});
    CHECK(limited[0].kind == SYNCLINE_UNKNOWN);  // its first step was done
    CHECK(limited[1].kind == SYNCLINE_FAILED);
    CHECK(limited[1].failure.failure_class == SYNCLINE_E_RATE_LIMITED);

    // Side by side, the steps of one say nothing of the other, and neither do their outcomes.
    const auto open = outcomes("each by itself, side by side", {200, 200, 200, 422});
    CHECK(open[0].kind == SYNCLINE_DONE);
    CHECK(open[1].kind == SYNCLINE_UNKNOWN);
    const auto refused = outcomes("each by itself, side by side", {422, 200, 422, 200});
    CHECK(refused[0].kind == SYNCLINE_FAILED);
    CHECK(refused[1].kind == SYNCLINE_DONE);

    const auto cancelled = site.host.write("each by itself, side by side", kTwo);
    site.host.respond(200, "");
    site.host.cancel_writes();
    CHECK(cancelled->is_complete);
    CHECK(site.host.exchanges().empty());
    CHECK(cancelled->outcomes[0].kind == SYNCLINE_UNKNOWN);
    const auto ended = site.host.write("each by itself", kTwo);
    site.host.cancel_writes();
    CHECK(ended->is_complete);
    CHECK(site.host.exchanges().empty());
    CHECK(ended->outcomes[1].kind == SYNCLINE_NOT_ATTEMPTED);
    CHECK(site.host.violations.empty());
}

TEST_CASE("write: without an answer it matters whether something may have been done",
          "[plugin_api][write]") {
    Site site;
    const auto kind_of = [&](const std::string& stream, const Failure& failure, bool may_have) {
        const auto write = site.host.write(stream, kTwo);
        site.host.fail(failure, may_have);
        if (!write->is_complete) site.host.respond(429, "");
        return write->outcomes[1].kind;
    };
    const Failure reset{SYNCLINE_E_TRANSIENT, "connection reset"};
    const Failure cancelled{SYNCLINE_E_CANCELLED, "cancelled"};

    CHECK(kind_of("put", reset, true) == SYNCLINE_UNKNOWN);
    CHECK(kind_of("put", reset, false) == SYNCLINE_FAILED);
    CHECK(kind_of("put", cancelled, true) == SYNCLINE_UNKNOWN);
    CHECK(kind_of("put", cancelled, false) == SYNCLINE_NOT_ATTEMPTED);
    CHECK(kind_of("gets", reset, true) == SYNCLINE_FAILED);  // a GET changes nothing
    site.host.refuse_sends({SYNCLINE_E_CONFIG, "the host is not granted"});
    const auto refused = site.write("put");
    CHECK(refused[0].kind == SYNCLINE_FAILED);
    CHECK(refused[0].failure.failure_class == SYNCLINE_E_CONFIG);
    CHECK(site.host.violations.empty());
}
