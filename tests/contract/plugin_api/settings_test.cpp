// Settings declared as a struct: the schema that the compiler makes of it, and what reading them
// says.
#include <string>
#include <string_view>

#include "bare_host.hpp"
#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

using syncline::Configured;
using syncline::read_settings;
using syncline::setting;
using syncline::test::plugin_of;
using syncline::testing::FakeHost;

namespace {

struct Pair {
    std::string from;
    bool is_on = false;

    static constexpr auto settings() {
        return std::tuple{setting("from", &Pair::from, "Whence", {.min_length = 2}),
                          setting("on", &Pair::is_on, "Whether", {.preset = true})};
    }
};

struct Everything {
    std::string url, mode;
    std::int64_t limit = 0;
    std::optional<std::int64_t> size;
    std::optional<std::string> token;
    std::optional<Pair> pair;
    std::vector<std::string> tags;
    std::vector<Pair> pairs;
    syncline::NamedTexts headers;
    syncline::TextOr<Pair> place;

    static constexpr auto settings() {
        using Own = Everything;
        return std::tuple{
            setting("url", &Own::url, "The \"place\"", {.pattern = "^a\\.b", .format = "uri"}),
            setting("mode", &Own::mode, "How", {.preset = "fast", .one_of = {"fast", "slow"}}),
            setting("limit", &Own::limit, "Most", {.preset = 10, .min = -5, .max = 20}),
            setting("size", &Own::size, "Size"),
            setting("token", &Own::token, "Key", {.max_length = 4, .is_secret = true}),
            setting("pair", &Own::pair, "Pair"),
            setting("tags", &Own::tags, "Tags",
                    {.min_items = 1, .max_items = 2, .each = {.max_length = 3}}),
            setting("pairs", &Own::pairs, "Pairs"),
            setting("headers", &Own::headers, "Headers"),
            setting("a/b", &Own::place, "Place", {.pattern = "^/"}),
        };
    }
};

class Connector final : public Configured<Everything> {
  public:
    std::string limit() const { return std::to_string(settings().limit); }

  private:
    syncline::Status configure(Everything& settings) override {
        if (settings.url == "no") return syncline::Failure{SYNCLINE_E_CONFIG, "not there"};
        settings.limit += 1;
        return {};
    }
    syncline::Status start() override {
        log(SYNCLINE_LOG_INFO, "limit", {{"is", limit()}});
        return {};
    }
};

constexpr auto kNote =
    syncline::detail::manifest_note<Connector, syncline::detail::manifest_size<Connector>(
                                                   "{\"id\": \"x\"\n}\n")>("{\"id\": \"x\"\n}\n");

Everything read(std::string_view json) {
    return read_settings<Everything>(*syncline::json::parse(json).value);
}
std::string problems_of(std::string_view json) {
    try {
        read(json);
    } catch (const syncline::Failure& failure) {
        CHECK(failure.failure_class == SYNCLINE_E_CONFIG);
        return failure.message;
    }
    return {};
}

}  // namespace

TEST_CASE("typed settings: the compiler makes the manifest's schema of the struct", "[settings]") {
    constexpr std::string_view kPair =
        R"("properties":{"from":{"type":"string","minLength":2,"description":"Whence"},)"
        R"("on":{"type":"boolean","default":true,"description":"Whether"}},)"
        R"("required":["from"],"additionalProperties":false)";
    const std::string pair{kPair};
    const std::string expected =
        R"({"id": "x","settings":{"$schema":"http://json-schema.org/draft-07/schema#",)"
        R"("type":"object","properties":{)"
        R"("url":{"type":"string","pattern":"^a\\.b","format":"uri",)"
        R"("description":"The \"place\""},)"
        R"("mode":{"type":"string","enum":["fast","slow"],"default":"fast","description":"How"},)"
        R"("limit":{"type":"integer","minimum":-5,"maximum":20,"default":10,"description":"Most"},)"
        R"("size":{"type":"integer","description":"Size"},)"
        R"("token":{"type":"string","maxLength":4,"writeOnly":true,"description":"Key"},)"
        R"("pair":{"type":"object",)" +
        pair +
        R"(,"description":"Pair"},)"
        R"("tags":{"type":"array","items":{"type":"string","maxLength":3},"minItems":1,)"
        R"("maxItems":2,"description":"Tags"},)"
        R"("pairs":{"type":"array","items":{"type":"object",)" +
        pair +
        R"(},"description":"Pairs"},)"
        R"("headers":{"type":"object","additionalProperties":{"type":"string"},)"
        R"("description":"Headers"},)"
        R"("a/b":{"type":["string","object"],"pattern":"^/",)" +
        pair +
        R"(,"description":"Place"}},)"
        R"("required":["url","tags","a/b"],"additionalProperties":false}})";
    CHECK(kNote.description == expected);
    CHECK(kNote.description_size == expected.size() + 1);
    CHECK(syncline::json::parse(kNote.description));
    CHECK(sizeof kNote.description % 4 == 0);
}

TEST_CASE("typed settings: a manifest of its own stays as it is", "[settings]") {
    class Plain final : public syncline::Connector {};
    constexpr auto kPlain = syncline::detail::manifest_note<Plain, 3>("{ }");
    CHECK(std::string_view{kPlain.description} == "{ }");
    CHECK(kPlain.description_size == 4);
}

TEST_CASE("typed settings: what is there is read, what is not has its preset", "[settings]") {
    const Everything least = read(R"({"url":"u","tags":["a"],"a/b":"/id"})");
    CHECK(least.url == "u");
    CHECK(least.mode == "fast");
    CHECK(least.limit == 10);
    CHECK_FALSE(least.size);
    CHECK_FALSE(least.pair);
    CHECK(least.pairs.empty());
    CHECK(std::get<std::string>(least.place) == "/id");

    const Everything most =
        read(R"({"url":"u","mode":"slow","limit":-5,"size":7,"token":"äöüß","pair":{"from":"ab"},)"
             R"("tags":["a","bcd"],"pairs":[{"from":"cd","on":false}],"headers":{"z":"1","a":"2"},)"
             R"("a/b":{"from":"ef"}})");
    CHECK(most.mode == "slow");
    CHECK(most.limit == -5);
    CHECK(most.size == 7);
    CHECK(most.token == "äöüß");
    CHECK(most.pair->is_on);
    CHECK(most.tags.at(1) == "bcd");
    CHECK_FALSE(most.pairs.at(0).is_on);
    CHECK(most.headers.at(0).first == "z");
    CHECK(std::get<Pair>(most.place).from == "ef");
}

TEST_CASE("typed settings: every problem is a pointer and what it must be", "[settings]") {
    CHECK(problems_of("{}") ==
          "change the settings: /url: is required; /tags: is required; /a~1b: is required");
    const std::string all = problems_of(
        R"({"url":7,"mode":"s3cret","limit":21,"size":"7","token":"s3cret",)"
        R"("pair":{"from":"a","x":1},)"
        R"("tags":["a","s3cret"],"pairs":[{}],"headers":{"z":1},"a/b":[],"colour":"s3cret"})");
    for (const char* part :
         {"/url: must be a string", "/mode: must be one of \"fast\", \"slow\"",
          "/limit: must be an integer, at least -5, at most 20", "/size: must be an integer",
          "/token: must be a string, at most 4 characters long",
          "/pair/from: must be a string, at least 2 characters long",
          "/pair/x: is not a known setting", "/tags/1: must be a string, at most 3 characters long",
          "/pairs/0/from: is required", "/headers/z: must be a string",
          "/a~1b: must be a string or an object", "/colour: is not a known setting"}) {
        CHECK_THAT(all, Catch::Contains(part));
    }
    CHECK(std::count(all.begin(), all.end(), ';') == 11);
    CHECK_THAT(all, !Catch::Contains("s3cret"));
    CHECK_THAT(problems_of(R"({"url":"u","tags":["a"],"a/b":"/","limit":-6})"),
               Catch::Contains("/limit: must be an integer"));
    CHECK(problems_of("[]") == "change the settings: /: must be an object");
    CHECK_THAT(problems_of(R"({"url":"u","tags":[],"a/b":"/"})"),
               Catch::Contains("/tags: must be a list, at least 1 items, at most 2 items"));
}

TEST_CASE("typed settings: an instance has them, or refuses with the reason", "[settings]") {
    FakeHost host{plugin_of<Connector>(), R"({"url":"u","tags":["a"],"a/b":"/id"})"};
    CHECK(host.log_lines.at(0) == "limit is=11");
    CHECK_THROWS_WITH(
        (FakeHost{plugin_of<Connector>(), R"({"url":"u","tags":3,"a/b":"/id"})"}),
        "change the settings: /tags: must be a list, at least 1 items, at most 2 items");
    CHECK_THROWS_WITH((FakeHost{plugin_of<Connector>(), R"({"url":"no","tags":["a"],"a/b":"/"})"}),
                      "not there");
}
