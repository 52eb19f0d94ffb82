#include "app/recorder.hpp"

#include <optional>

#include "core/encoding.hpp"
#include "core/redact.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

const std::string kPlanted = "s3cr3t-pl4nted/in+here";

// Answers each request with what the test says, when the test says so.
struct Platform final : plugin::HttpTransport {
    std::uint64_t send(plugin::HttpRequest request,
                       std::function<void(plugin::HttpReply)> done) override {
        requests.push_back(std::move(request));
        waiting.push_back(std::move(done));
        return requests.size();
    }
    void cancel(std::uint64_t id) override { cancelled.push_back(id); }

    std::vector<plugin::HttpRequest> requests;
    std::vector<std::function<void(plugin::HttpReply)>> waiting;
    std::vector<std::uint64_t> cancelled;
};

plugin::HttpReply answered(int status, std::string body, plugin::Headers headers = {}) {
    plugin::HttpReply reply;
    reply.has_response = true;
    reply.status = status;
    reply.headers = std::move(headers);
    reply.body = std::move(body);
    return reply;
}

// What is recorded of one request and its reply.
boost::json::object recorded(plugin::HttpRequest request, plugin::HttpReply reply) {
    const auto platform = std::make_shared<Platform>();
    const auto recorder = std::make_shared<Recorder>(platform);
    recorder->send(std::move(request), [](plugin::HttpReply) {});
    platform->waiting.at(0)(std::move(reply));
    return recorder->cassette().at("exchanges").as_array().at(0).as_object();
}

boost::json::value body_of_request(const std::string& body, plugin::Headers headers = {}) {
    plugin::HttpRequest request{"POST", "https://x.example/", std::move(headers), body};
    return recorded(std::move(request), answered(200, "")).at("request").at("body");
}

}  // namespace

TEST_CASE("recorder: what goes through arrives as it is, and is in the cassette",
          "[app][recorder]") {
    const auto platform = std::make_shared<Platform>();
    const auto recorder = std::make_shared<Recorder>(platform);
    std::optional<plugin::HttpReply> heard;

    const std::uint64_t id =
        recorder->send({"POST",
                        "https://x.example/v1?page=2",
                        {{"Content-Type", "application/json"}},
                        "{\"a\":1}"},
                       [&](plugin::HttpReply reply) { heard = std::move(reply); });
    recorder->cancel(id);
    platform->waiting.at(0)(
        answered(201, R"({"id":7})", {{"retry-after", "7"}, {"date", "today"}}));

    CHECK(platform->cancelled == std::vector<std::uint64_t>{id});
    CHECK(platform->requests.at(0).body == "{\"a\":1}");
    REQUIRE(heard.has_value());
    CHECK(heard->body == R"({"id":7})");
    CHECK(record::write_json(recorder->cassette()) ==
          R"({"syncline_cassette":1,"exchanges":[{"request":{"method":"POST",)"
          R"("url":"https://x.example/v1?page=2","headers":{"Content-Type":"application/json"},)"
          R"("body":{"a":1}},"response":{"status":201,"headers":{"retry-after":"7"},)"
          R"("body":{"id":7}}}]})");
}

TEST_CASE("recorder: exchanges are in the order in which they began; open ones are left out",
          "[app][recorder]") {
    const auto platform = std::make_shared<Platform>();
    const auto recorder = std::make_shared<Recorder>(platform);
    for (const char* url : {"https://x.example/1", "https://x.example/2", "https://x.example/3"})
        recorder->send({"GET", url, {}, ""}, [](plugin::HttpReply) {});
    plugin::HttpReply lost;
    lost.failure.message = "reset";
    lost.may_have_been_processed = true;
    platform->waiting.at(2)(answered(200, ""));
    platform->waiting.at(0)(lost);

    const auto exchanges = recorder->cassette().at("exchanges").as_array();
    REQUIRE(exchanges.size() == 2);
    CHECK(exchanges[0].at("request").at("url") == "https://x.example/1");
    CHECK(exchanges[0].at("failure") == "reset");
    CHECK(exchanges[0].at("may_have_been_processed") == true);
    CHECK(exchanges[1].at("request").at("url") == "https://x.example/3");
}

TEST_CASE("recorder: a secret is in no part of a cassette, however it is encoded",
          "[app][recorder]") {
    const core::Watch watch{kPlanted};
    const std::string base64 = core::to_base64("user:" + kPlanted);
    const plugin::HttpRequest request{
        "POST",
        "https://x.example/" + kPlanted + "/a?q=" + kPlanted,
        {{"X-Extra", "a " + base64 + " z"}, {"X-" + kPlanted, "1"}},
        R"({"plain":")" + kPlanted + R"(","basic":")" + base64 + R"(",")" + kPlanted + R"(":1})"};
    const auto exchange =
        recorded(request, answered(200, "you said " + kPlanted + " and " + base64,
                                   {{"x-echo", kPlanted}, {"location", "/" + kPlanted}}));

    const std::string text = record::write_json(exchange);
    CHECK_FALSE(core::has_secret(text));
    CHECK(text.find(kPlanted) == std::string::npos);
    CHECK(text.find(base64.substr(8, 16)) == std::string::npos);
    CHECK(exchange.at("request").at("body").at("plain") == "[redacted]");
}

TEST_CASE("recorder: what has the name of a secret is hidden, whatever it is", "[app][recorder]") {
    const auto exchange = recorded(
        {"GET",
         "https://ann:pw@x.example/a?api_key=1234&page=2",
         {{"Authorization", "Bearer abc"}, {"Accept", "*/*"}},
         ""},
        answered(200,
                 R"({"access_token":"0123456789","code":"E7","list":[{"password":"hush hush"}]})",
                 {{"set-cookie", "a=b"}}));
    const auto& request = exchange.at("request").as_object();
    CHECK(request.at("url") == "https://[redacted]@x.example/a?api_key=[redacted]&page=2");
    CHECK(request.at("headers").at("Authorization") == "[redacted]");
    CHECK(request.at("headers").at("Accept") == "*/*");
    const auto& response = exchange.at("response").as_object();
    CHECK(response.at("headers").at("set-cookie") == "[redacted]");
    CHECK(record::write_json(response.at("body")) ==
          R"({"access_token":"[redacted]","code":"E7","list":[{"password":"[redacted]"}]})");
    CHECK(body_of_request("grant=x&client_secret=abc&b=1",
                          {{"Content-Type", "application/x-www-form-urlencoded"}}) ==
          "grant=x&client_secret=[redacted]&b=1");
}

TEST_CASE("recorder: a body is a tree where nothing of its spelling is lost, and text otherwise",
          "[app][recorder]") {
    CHECK(body_of_request("{ \"a\": [1, \"b \\\" c\"] }").is_object());
    CHECK(body_of_request(R"({"price":1.50})") == R"({"price":1.50})");
    CHECK(body_of_request("{\"a\":1}\n{\"a\":2}\n") == "{\"a\":1}\n{\"a\":2}\n");
    CHECK(body_of_request("7") == "7");
    CHECK(body_of_request("\xff\xfe") == "[redacted]");
}

TEST_CASE("recorder: what is too much is passed on and left out", "[app][recorder]") {
    const auto platform = std::make_shared<Platform>();
    const auto recorder = std::make_shared<Recorder>(platform);
    CHECK_FALSE(recorder->is_cut());
    for (int i = 0; i < 1'001; ++i) {
        recorder->send({"GET", "https://x.example/", {}, ""}, [](plugin::HttpReply) {});
        platform->waiting.back()(answered(200, ""));
    }
    CHECK(recorder->is_cut());
    CHECK(platform->requests.size() == 1'001);
    CHECK(recorder->cassette().at("exchanges").as_array().size() == 1'000);

    const auto large = std::make_shared<Recorder>(platform);
    std::size_t heard = 0;
    large->send({"GET", "https://x.example/", {}, ""},
                [&](plugin::HttpReply reply) { heard = reply.body.size(); });
    platform->waiting.back()(answered(200, std::string(17 * 1024 * 1024, 'x')));
    CHECK(heard == 17 * 1024 * 1024);
    CHECK(large->is_cut());
    CHECK(large->cassette().at("exchanges").as_array().empty());
}
