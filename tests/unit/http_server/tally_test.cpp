#include "http_server/tally.hpp"

#include <algorithm>

#include "fixture.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;

namespace {

std::vector<std::uint64_t> answers(const Tally& tally) {
    std::vector<std::uint64_t> counts;
    for (const core::Counter& counter : tally.answers) counts.push_back(counter.value());
    return counts;
}

// "busy 1, too_large 2"
std::string refusals(const Tally& tally) {
    std::string text;
    for (std::size_t i = 0; i < kRefusals; ++i) {
        if (tally.refusals[i].value() == 0) continue;
        if (!text.empty()) text += ", ";
        text += std::string{to_string(static_cast<Refusal>(i))} + " " +
                std::to_string(tally.refusals[i].value());
    }
    return text;
}

}  // namespace

TEST_CASE("http tally: who claims a request gets its answers counted", "[http_server][metrics]") {
    Tally tally;
    TestHandler handler;
    handler.admission.tally = &tally;
    handler.admission.body_bytes_max = 10;
    handler.on_handle = [](Request request, Responder respond) {
        Response response;
        response.status = request.path == "/busy" ? 503 : 200;
        if (response.status == 503) response.refusal = Refusal::kBusy;
        respond(std::move(response));
    };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    CHECK(client.ask(get_of("/")).status == 200);
    CHECK(client.ask(get_of("/busy")).status == 503);
    CHECK(client.ask(get_of("/")).status == 200);
    CHECK(client.ask(post_of("01234567890")).status == 413);  // claimed, but never handled
    CHECK(answers(tally) == std::vector<std::uint64_t>{0, 2, 0, 1, 1});
    CHECK(refusals(tally) == "too_large 1, busy 1");
    CHECK(tally.acknowledged.read().count == 2);
    CHECK(answers(live.server().unclaimed()) == std::vector<std::uint64_t>{0, 0, 0, 0, 0});
}

TEST_CASE("http tally: what nobody claims counts with the server, also on the same connection",
          "[http_server][metrics]") {
    Tally tally;
    TestHandler handler;
    handler.admission.tally = &tally;
    LiveServer live({}, &handler);
    RawClient client(live.port());
    CHECK(client.ask(get_of("/")).status == 200);
    CHECK(client.ask("GET / HTTP/1.1\r\n\r\n").status == 400);  // no Host: never got to a handler
    CHECK(answers(tally) == std::vector<std::uint64_t>{0, 1, 0, 0, 0});
    CHECK(answers(live.server().unclaimed()) == std::vector<std::uint64_t>{0, 0, 0, 1, 0});
    CHECK(refusals(live.server().unclaimed()) == "malformed 1");
}

TEST_CASE("http tally: a client too many is counted", "[http_server][metrics]") {
    ListenOptions options;
    options.limits.connections_max = 1;
    LiveServer live(options);
    RawClient first(live.port());
    CHECK(first.ask(get_of("/")).status == 200);
    RawClient second(live.port());
    CHECK(second.read_reply().status == 503);
    CHECK(refusals(live.server().unclaimed()) == "too_many_connections 1");
}

TEST_CASE("http tally: every reason has a name of its own", "[http_server][metrics]") {
    std::vector<std::string_view> names;
    for (std::size_t i = 1; i < kRefusals; ++i) names.push_back(to_string(static_cast<Refusal>(i)));
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    CHECK_FALSE(names.front().empty());
}

TEST_CASE("http tally: the status tells the reason when nobody else does",
          "[http_server][metrics]") {
    Tally tally;
    for (int status : {400, 401, 404, 408, 413, 414, 415, 418, 431, 500, 501, 503})
        tally.count(status, Refusal::kByStatus, {});
    CHECK(refusals(tally) ==
          "malformed 2, not_authentic 1, not_found 1, too_slow 1, too_large 1, head_too_large 2, "
          "coding 1, failed 1, other 2");
    CHECK(answers(tally) == std::vector<std::uint64_t>{0, 0, 0, 9, 3});
    CHECK(tally.acknowledged.read().count == 0);
}
