#include "pipeline/query.hpp"

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using plugin::FetchKind;

namespace {

expr::Program program(const std::string& text) {
    return *expr::Program::compile(text, {"syncline.yaml", 1, 1});
}

struct Asking {
    ~Asking() { cpu->join(); }  // a question that ends holds the threads it runs on

    using Map = std::vector<std::pair<std::string, std::string>>;

    static std::vector<std::pair<std::string, expr::Program>> compiled(const Map& map) {
        std::vector<std::pair<std::string, expr::Program>> programs;
        for (const auto& [field, text] : map) programs.emplace_back(field, program(text));
        return programs;
    }

    plugin::FetchResult ask(const std::string& body) {
        pipeline::QueryPlan plan;
        plan.source = connector;
        plan.connection.source_stream = source_stream;
        plan.connection.destination_stream = "d";
        plan.connection.destination = connector;
        if (!when.empty()) plan.connection.when = program(when);
        plan.connection.map = compiled(map);
        plan.timeout = std::chrono::milliseconds{700};
        plan.answer_map = compiled(answer_map);
        auto query = std::make_shared<pipeline::Query>(std::move(plan), cpu);
        auto promise = std::make_shared<std::promise<plugin::FetchResult>>();
        auto answer = promise->get_future();
        plugin::WebhookRequest request;
        request.body = body;
        query->ask(std::move(request),
                   [promise](plugin::FetchResult result) { promise->set_value(result); });
        REQUIRE(answer.wait_for(kPatience) == std::future_status::ready);
        return answer.get();
    }

    std::shared_ptr<FakeConnector> connector = std::make_shared<FakeConnector>();
    std::shared_ptr<boost::asio::thread_pool> cpu = std::make_shared<boost::asio::thread_pool>(1);
    std::string source_stream = "s", when;
    Map map, answer_map;
};

}  // namespace

TEST_CASE("query: the record's key and the mapping are what the destination is asked",
          "[pipeline][query]") {
    Asking test;
    test.connector->fetch_result = {FetchKind::kFound, R"({"name":"x","n":1})", {}};
    auto result = test.ask(R"({"key":"k","v":2})");
    CHECK(result.kind == FetchKind::kFound);
    CHECK(result.body == R"({"name":"x","n":1})");
    CHECK(test.connector->fetched.stream == "d");
    CHECK(test.connector->fetched.timeout == std::chrono::milliseconds{700});
    REQUIRE(test.connector->fetched.requests.size() == 1);
    CHECK(test.connector->fetched.requests[0].key == "k");
    CHECK(test.connector->fetched.requests[0].parameters == R"({"key":"k","v":2})");

    test.map.emplace_back("w", ".v + 1");
    test.answer_map.emplace_back("called", ".name");
    CHECK(test.ask(R"({"key":"k","v":2})").body == R"({"called":"x"})");
    CHECK(test.connector->fetched.requests[0].parameters == R"({"w":3})");
}

TEST_CASE("query: what can't be asked, or is not there, is told", "[pipeline][query]") {
    Asking test;
    test.connector->fetch_result = {FetchKind::kFound, R"({"n":1})", {}};
    auto failed = test.ask("no record");
    CHECK(failed.kind == FetchKind::kFailed);
    CHECK(failed.failure.message == "not a record");
    test.source_stream = "other";
    CHECK(test.ask(R"({"key":"k"})").failure.failure_class == plugin::FailureClass::kPermanent);
    test.source_stream = "s";
    test.when = ".v == 1";
    CHECK(test.ask(R"({"key":"k","v":2})").kind == FetchKind::kAbsent);
    CHECK(test.ask(R"({"key":"k","v":1})").kind == FetchKind::kFound);
    test.answer_map.emplace_back("bad", ".n + \"x\"");
    failed = test.ask(R"({"key":"k","v":1})");
    CHECK(failed.kind == FetchKind::kFailed);
    CHECK(failed.failure.failure_class == plugin::FailureClass::kPermanent);
    test.answer_map.clear();
    test.connector->fetch_result = {FetchKind::kAbsent, "", {}};
    CHECK(test.ask(R"({"key":"k","v":1})").kind == FetchKind::kAbsent);
}
