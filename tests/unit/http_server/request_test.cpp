#include "http_server/server.hpp"
#include "support/catch.hpp"

using namespace syncline::http_server;

namespace {

struct Recorder final : Responder::Exchange {
    std::vector<Response> responses;
    void respond(Response response) override { responses.push_back(std::move(response)); }
};

}  // namespace

TEST_CASE("request: the first header of a name is found", "[http_server][request]") {
    Request request;
    request.headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}};

    CHECK(request.header("a") == "1");
    CHECK(request.header("c").empty());
}

TEST_CASE("request: a query parameter is decoded, the first one wins", "[http_server][request]") {
    Request request;
    request.query = "a=1+2%2B%C3%A9&a=2&flag&b%3D=x=y&bad=%zz%4&&=e";

    CHECK(request.query_parameter("a") == "1 2+\xc3\xa9");
    CHECK(request.query_parameter("flag").empty());
    CHECK(request.query_parameter("b=") == "x=y");
    CHECK(request.query_parameter("bad") == "%zz%4");
    CHECK(request.query_parameter("none").empty());
    CHECK(request.query_parameter("") == "");
}

TEST_CASE("responder: it answers once, and 500 when it dies unused", "[http_server][responder]") {
    const auto exchange = std::make_shared<Recorder>();
    {
        Responder respond(exchange);
        respond(Response{});
        respond(Response{});
        Responder other(exchange);
        Responder moved(std::move(other));
        other = Responder(exchange);
    }

    REQUIRE(exchange->responses.size() == 3);
    CHECK(exchange->responses[0].status == 200);
    CHECK(exchange->responses[1].status == 500);
    CHECK(exchange->responses[2].status == 500);
}
