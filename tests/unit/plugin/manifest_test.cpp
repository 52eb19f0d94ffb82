#include "plugin/manifest.hpp"

#include "plugin/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;

namespace {

std::string with(const std::string& members) {
    return R"({"id": "acme", "version": "1.2.0", "name": "Acme", "capabilities": ["write"],
               "abi": {"major": 1, "draft": 2, "min_host_minor": 0})" +
           (members.empty() ? "" : ", " + members) + "}";
}

std::string problem_of(const std::string& text) {
    const auto manifest = parse_manifest(text);
    return manifest ? std::string{} : manifest.error().to_string();
}

}  // namespace

TEST_CASE("manifest: every field is read", "[plugin][manifest]") {
    const auto manifest = parse_manifest(R"({
        "id": "mapp-dmp", "version": "1.2.0-rc.1", "name": "Mapp DMP", "summary": "Audiences",
        "abi": {"major": 1, "draft": 2}, "style": "async", "unload": "never",
        "capabilities": ["webhook", "write", "read"],
        "streams": [{"name": "profiles", "destination": true, "batch_records_max": 100},
                    {"name": "events", "source": true, "read": ["full", "incremental"]}],
        "handshakes": [{"methods": ["GET"], "query": {"type": "VALIDATE"}}],
        "webhook": {"success_status": 200},
        "allowed_hosts": ["api.example.com", "*.example.org", {"from_setting": "base_url"}],
        "secrets": [{"name": "site_key", "reason": "it is in each request"}],
        "settings": {"type": "object", "properties": {"base_url": {"type": "string"}}}})");
    REQUIRE(manifest.has_value());
    CHECK(manifest->id == "mapp-dmp");
    CHECK(manifest->can_webhook);
    CHECK(manifest->can_write);
    CHECK_FALSE(manifest->can_unload);
    CHECK(manifest->webhook_success_status == 200);
    REQUIRE(manifest->streams.size() == 2);
    CHECK(manifest->streams[0].is_destination);
    CHECK_FALSE(manifest->streams[0].is_source);
    CHECK(manifest->streams[0].batch_records_max == 100);
    CHECK_FALSE(manifest->streams[0].reads_full);
    CHECK(manifest->streams[1].reads_full);
    CHECK(manifest->streams[1].reads_incremental);
    CHECK(manifest->streams[1].read_records_max == 1000);
    REQUIRE(manifest->handshakes.size() == 1);
    CHECK(manifest->handshakes[0].query[0].second == "VALIDATE");
    REQUIRE(manifest->allowed_hosts.size() == 3);
    CHECK(manifest->allowed_hosts[2].from_setting == "base_url");
    REQUIRE(manifest->secrets.size() == 1);
    CHECK(manifest->secrets[0].name == "site_key");
    CHECK(manifest->secrets[0].reason == "it is in each request");
    CHECK(manifest->settings_schema.contains("properties"));
    CHECK(manifest->json.contains("summary"));
}

TEST_CASE("manifest: all problems are told at once", "[plugin][manifest]") {
    const std::string problem =
        problem_of(R"({"id": "Bad Id", "version": "1.2", "abi": {"major": 1, "draft": 2},
        "capabilities": ["fly"], "streams": [{"name": "x"}], "allowed_hosts": ["https://a.b/"],
        "unload": "maybe", "settings": {"type": "object", "$ref": "#"}})");
    for (const char* part :
         {"`id`", "`version`", "`name` is missing", "\"fly\"", "neither a source", "no host name",
          "`unload`", "`$ref` is not supported"}) {
        CHECK_THAT(problem, Catch::Contains(part));
    }
}

TEST_CASE("manifest: single mistakes are named", "[plugin][manifest]") {
    const std::pair<std::string, const char*> cases[] = {
        {"{", "not JSON"},
        {"[]", "not a JSON object"},
        {R"({"id": "acme"})", "`abi`"},
        {with(R"("streams": 7)"), "`streams` must be a list"},
        {with(R"("streams": [{"name": "a", "source": true}, {"name": "a", "source": true}])"),
         "twice"},
        {with(R"("streams": [{"name": "A b", "source": true}])"), "lower-case"},
        {with(R"("streams": [{"name": "a", "source": 1}])"), "true or false"},
        {with(R"("streams": [{"name": "a", "source": true, "batch_records_max": -1}])"),
         "integer from 1"},
        {with(R"("streams": [{"name": "a", "source": true, "read": ["full"]}])"),
         "has `read`, which `capabilities` does not name"},
        {with(R"("streams": [{"name": "a", "source": true, "read": ["twice"]}])"),
         "must hold \"full\", \"incremental\" or both"},
        {with(R"("streams": [{"name": "a", "destination": true, "read": ["full"]}])"),
         "for a stream that is no source"},
        {with(R"("handshakes": [{}])"), "without conditions"},
        {with(R"("webhook": {"proof_headers": ["X-Sig"]})"), "which needs `verifies`"},
        {with(R"("webhook": {"verifies": true, "proof_parameters": [7]})"),
         "must hold texts alone"},
        {with(R"("handshakes": [{"query": {"a": 1}}])"), "not a text"},
        {with(R"("allowed_hosts": [{"from_setting": "nowhere"}])"), "does not have"},
        {with(R"("allowed_hosts": ["*.com"])"), "no host name"},
        {with(R"("allowed_hosts": [7])"), "must hold host names"},
        {with(R"("secrets": ["key"])"), "must hold {\"name\": name, \"reason\": sentence}"},
        {with(R"("secrets": [{"name": "key"}])"), "`reason`"},
        {with(R"("secrets": [{"name": "A key", "reason": "r"}])"), "names \"A key\""},
        {with(R"("secrets": [{"name": "k", "reason": "r"}, {"name": "k", "reason": "s"}])"),
         "names \"k\" twice"},
        {with(R"("settings": [])"), "JSON Schema"},
        {with(R"("settings": {"type": "object", "properties": {"a": {"pattern": "("}}})"),
         "regular expression"},
        {with(R"("settings": {"type": "object", "properties": {"a": {"minimum": "x"}}})"),
         "settings schema"},
        {with(R"("style": "lazy")"), "async"},
        {with(R"("webhook": {"success_status": 500})"), "200 to 299"},
        {std::string(kManifestBytesMax + 1, ' '), "bytes"},
    };
    for (const auto& [text, part] : cases) {
        INFO(text.substr(0, 200));
        CHECK_THAT(problem_of(text), Catch::Contains(part));
    }
    CHECK(problem_of(with("")).empty());
}

TEST_CASE("manifest: another ABI is refused with both versions, whatever else it says",
          "[plugin][manifest][B15]") {
    const auto code_of = [](const char* abi) {
        const auto manifest =
            parse_manifest(std::string{R"({"future": true, "abi": )"} + abi + "}");
        return manifest.error();
    };
    CHECK(code_of(R"({"major": 2, "draft": 2})").is(kAbiMismatch));
    CHECK_THAT(code_of(R"({"major": 2, "draft": 3})").what(),
               Catch::Contains("ABI 2 draft 3") && Catch::Contains("ABI 1 draft 2"));
    CHECK(code_of(R"({"major": 1, "draft": 0})").is(kAbiMismatch));
    CHECK(code_of(R"({"major": 1, "draft": 2, "min_host_minor": 7})").is(kHostTooOld));
    CHECK(code_of(R"({"major": -1, "draft": 2})").is(kManifestInvalid));
    CHECK(code_of(R"({"major": 1})").is(kManifestInvalid));
}

TEST_CASE("manifest: versions are ordered as semver says", "[plugin][manifest]") {
    const char* ascending[] = {"0.9.9",        "1.0.0-1",       "1.0.0-alpha", "1.0.0-alpha.1",
                               "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0",       "1.0.1",
                               "1.2.0",        "1.10.0",        "2.0.0"};
    for (std::size_t i = 0; i + 1 < std::size(ascending); ++i) {
        INFO(ascending[i] << " < " << ascending[i + 1]);
        CHECK((compare_versions(ascending[i], ascending[i + 1]) < 0));
        CHECK((compare_versions(ascending[i + 1], ascending[i]) > 0));
    }
    CHECK((compare_versions("1.0.0+a", "1.0.0+b") == 0));
}
