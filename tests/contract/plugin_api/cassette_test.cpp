// Recorded exchanges, against a connector that sends what the test says.
#include "syncline/testing/cassette.hpp"

#include <string>
#include <vector>

#include "bare_host.hpp"
#include "support/catch.hpp"
#include "syncline/connector.hpp"

using syncline::Batch;
using syncline::HttpRequest;
using syncline::Task;
using syncline::WriteRecord;
using syncline::testing::Cassette;
using syncline::testing::FakeHost;

namespace {

// Sends one request for each record, all at once: its key is the URL, its body the request's.
class Sender final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        std::vector<Task<>> tasks;
        for (const WriteRecord& record : batch) tasks.push_back(send(record));
        co_await syncline::all(std::move(tasks));
    }
    static Task<> send(WriteRecord record) {
        HttpRequest request;
        request.method = record.is_delete() ? "DELETE" : "POST";
        request.url = record.key();
        request.headers = syncline::http::json_headers();
        request.body = record.body();
        const syncline::Response response = co_await syncline::http::send(std::move(request));
        if (!response.is_success()) throw response.refusal("It");
        record.done(response.body());
    }
};

const syncline_plugin& sender() {
    return syncline::test::plugin_of<Sender>();
}

std::string one(const std::string& request, const std::string& rest) {
    return R"({"syncline_cassette": 1, "exchanges": [{"request": )" + request + ", " + rest + "}]}";
}
const std::string kFine = R"("response": {"status": 200, "body": "fine"})";

// Sends one request and answers it from the cassette.
std::string answer(const std::string& cassette, const std::string& url, const std::string& body) {
    FakeHost host{sender()};
    const auto write = host.write("s", {{SYNCLINE_UPSERT, url, body}});
    Cassette played = Cassette::parse(cassette, "it");
    played.replay(host);
    CHECK(played.left() == 0);
    return write->outcomes[0].destination_key;
}

}  // namespace

TEST_CASE("cassette: a request gets what was recorded for it") {
    const std::string cassette = R"({"syncline_cassette": 1, "exchanges": [
        {"request": {"method": "POST", "url": "https://x.example/1", "body": {"a": [1, "b c"]},
                     "headers": {"content-type": "application/json"}},
         "response": {"status": 200, "body": {"id": 7}}},
        {"request": {"method": "DELETE", "url": "https://x.example/2"},
         "response": {"status": 429, "headers": {"Retry-After": "7"}}},
        {"request": {"method": "DELETE", "url": "https://x.example/3"},
         "failure": "reset", "may_have_been_processed": true}]})";
    FakeHost host{sender()};
    const auto first =
        host.write("s", {{SYNCLINE_UPSERT, "https://x.example/1", R"({"a":[1,"b c"]})"}});
    const auto second = host.write("s", {{SYNCLINE_DELETE, "https://x.example/2", ""}});
    const auto third = host.write("s", {{SYNCLINE_DELETE, "https://x.example/3", ""}});
    Cassette played = Cassette::parse(cassette, "it");
    CHECK(played.left() == 3);
    played.replay(host);
    CHECK(played.left() == 0);
    CHECK(first->outcomes[0].destination_key == R"({"id":7})");
    CHECK(second->outcomes[0].failure.retry_after_ms == 7000);
    CHECK(third->outcomes[0].kind == SYNCLINE_UNKNOWN);
    CHECK(host.violations.empty());
}

TEST_CASE("cassette: requests that are open together find their answers in any order") {
    const std::string cassette = R"({"syncline_cassette": 1, "exchanges": [
        {"request": {"method": "POST", "url": "b"}, "response": {"status": 200, "body": "B"}},
        {"request": {"method": "POST", "url": "a"}, "response": {"status": 200, "body": "first"}},
        {"request": {"method": "POST", "url": "a"},
         "response": {"status": 200, "body": "second"}}]})";
    FakeHost host{sender()};
    const auto write = host.write(
        "s", {{SYNCLINE_UPSERT, "a", ""}, {SYNCLINE_UPSERT, "a", ""}, {SYNCLINE_UPSERT, "b", ""}});
    Cassette::parse(cassette, "it").replay(host);
    CHECK(write->outcomes[0].destination_key == "first");
    CHECK(write->outcomes[1].destination_key == "second");
    CHECK(write->outcomes[2].destination_key == "B");
}

TEST_CASE("cassette: where a secret stood, any text will do, and nothing else") {
    const std::string url = R"({"method": "POST", "url": "u?k=[redacted]&l=[redacted]&p=1")";
    const std::string cassette = one(url + R"(, "body": {"t": "[redacted]", "n": 1}})", kFine);
    CHECK(answer(cassette, "u?k=abc&l=d&p=1", R"({"t": "any thing", "n": 1})") == "fine");
    CHECK(answer(cassette, "u?k=&l=&p=1", R"({"t":"","n":1})") == "fine");
    CHECK_THROWS(answer(cassette, "u?k=abc&p=1", R"({"t":"x","n":1})"));
    CHECK_THROWS(answer(cassette, "u?k=abc&l=d&p=12", R"({"t":"x","n":1})"));
    CHECK_THROWS(answer(cassette, "v?k=abc&l=d&p=1", R"({"t":"x","n":1})"));
    CHECK_THROWS(answer(cassette, "u?k=abc&l=d&p=1", R"({"t":"x","n":2})"));
}

TEST_CASE("cassette: a request that was not recorded is told, with what was") {
    const std::string cassette =
        one(R"({"method": "POST", "url": "u", "headers": {"X-Mode": "bulk"}, "body": {"a": 1}})",
            kFine);
    CHECK_THROWS_WITH(answer(cassette, "v", R"({"a":2})"),
                      "it: the connector sent\n  POST v\n  {\"a\":2}\nwhich is none of the 1 "
                      "exchanges that are left; the next one is\n  POST u\n  {\"a\":1}\n  X-Mode: "
                      "bulk");
    CHECK_THROWS(answer(cassette, "u", R"({"a":1})"));  // the header is not there
    CHECK_THROWS_WITH(answer(R"({"syncline_cassette": 1, "exchanges": []})", "v", ""),
                      Catch::EndsWith("and no exchange is left"));
}

TEST_CASE("cassette: a file that is none says what is wrong") {
    const auto error_of = [](const std::string& text) {
        try {
            Cassette::parse(text, "it");
        } catch (const std::runtime_error& error) {
            return std::string{error.what()};
        }
        return std::string{};
    };
    CHECK(error_of("{") != "");
    CHECK(error_of("{}") == "it: no cassette: it needs \"syncline_cassette\": 1");
    CHECK(error_of(R"({"syncline_cassette": 2, "exchanges": []})") != "");
    CHECK(error_of(R"({"syncline_cassette": 1})") ==
          "it: no cassette: it needs the list 'exchanges'");
    CHECK(error_of(one(R"({"method": "GET"})", kFine)) ==
          "it: no cassette: exchange 1: it needs a request with method and url");
    CHECK(error_of(one(R"({"method": "GET", "url": "u"})", R"("response": {})")) ==
          "it: no cassette: exchange 1: it needs a response with a status, or a failure");
    CHECK_THROWS_WITH(Cassette{"/nowhere/it.json"}, "/nowhere/it.json: it can't be read");
}
