#include "plugin/data_contract.hpp"

#include "plugin/manifest.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;

namespace {

std::string contract_problems(const std::string& members) {
    std::vector<std::string> problems;
    read_data_contract(record::parse_json("{" + members + "}")->as_object(), problems);
    std::string all;
    for (const std::string& problem : problems) all += problem + "; ";
    return all;
}

}  // namespace

TEST_CASE("data contract: limits and grants are read, and absent ones are none",
          "[plugin][data_contract]") {
    std::vector<std::string> problems;
    const auto none = read_data_contract({}, problems);
    CHECK_FALSE(none.limits.is_any());
    CHECK(none.identities.empty());

    const auto root = record::parse_json(
        R"({"limits": {"requests_per_second": 20, "requests_at_once": 4}, "identities": [
            {"kind": "email", "encoding": "sha256", "normalise": "email"},
            {"kind": "customer_id", "namespace": "shop"}]})");
    const auto read = read_data_contract(root->as_object(), problems);
    CHECK(problems.empty());
    CHECK(read.limits.per_second == 20);
    CHECK(read.limits.at_once == 4);
    REQUIRE(read.identities.size() == 2);
    CHECK(read.identities[0].encoding == IdentityEncoding::kSha256);
    CHECK(read.identities[0].normalisation == Normalisation::kEmail);
    CHECK(read.identities[1].name_space == "shop");
    CHECK(read.identities[1].encoding == IdentityEncoding::kRaw);
}

TEST_CASE("data contract: an operator reads it in words", "[plugin][data_contract]") {
    CHECK(data_contract_text({}).empty());
    const DataContract contract{
        {20, 4},
        {{"email", "", IdentityEncoding::kSha256, Normalisation::kEmail}, {"customer_id", "shop"}}};
    CHECK(data_contract_text(contract) ==
          "gets identities of the kind email as sha256\n"
          "gets identities of the kind customer_id of shop as raw\n"
          "sends at most 20 requests a second\n"
          "sends at most 4 requests at once\n");
}

TEST_CASE("data contract: what is malformed is told", "[plugin][data_contract]") {
    CHECK(contract_problems(R"("limits": 5)") == "`limits` must be an object; ");
    CHECK(contract_problems(R"("limits": {"requests_per_second": 0})") ==
          "`limits` has a `requests_per_second` that is no integer from 1 to 10000; ");
    CHECK(contract_problems(R"("limits": {"requests_at_once": "4"})") ==
          "`limits` has a `requests_at_once` that is no integer from 1 to 1000; ");
    CHECK(contract_problems(R"("identities": {})") ==
          "`identities` must be a list of at most 64 grants; ");
    CHECK(contract_problems(R"("identities": ["email"])") ==
          "`identities` must hold objects alone; ");
    CHECK(contract_problems(R"("identities": [{"encoding": "raw"}])") ==
          "`identities` has a grant without a `kind`; ");
    CHECK(contract_problems(R"("identities": [{"kind": "email", "encoding": "sha512"}])") ==
          "`identities` has the `encoding` \"sha512\"; known are raw, md5, sha1, sha256; ");
    CHECK(contract_problems(R"("identities": [{"kind": "email", "normalise": 7}])") ==
          "`identities` has a `normalise` that is no text of 1 to 64 bytes; ");
}

TEST_CASE("data contract: a stream names a model that there is", "[plugin][data_contract]") {
    CHECK(model_problem("profile/1").empty());
    CHECK(model_problem("unicorn/1")
              .starts_with(R"(is of the model "unicorn/1"; known are identity/1, consent/1, )"));
    CHECK_FALSE(model_problem("profile/2").empty());
    CHECK_FALSE(model_problem("profile").empty());
    CHECK_FALSE(model_problem("").empty());
    const std::string head = R"({"id": "acme", "version": "1.2.0", "name": "Acme",
        "capabilities": ["write"], "abi": {"major": 1, "draft": 2}, "streams": [)";
    const auto good = parse_manifest(head + R"({"name": "p", "destination": true,
        "model": "profile/1", "batch_bytes_max": 65536}], "limits": {"requests_at_once": 2}})");
    REQUIRE(good.has_value());
    CHECK(good->streams[0].model == "profile/1");
    CHECK(good->streams[0].batch_bytes_max == 65'536);
    CHECK(good->data.limits.at_once == 2);
    const auto is_good = [&](const std::string& rest) {
        return parse_manifest(head + rest).has_value();
    };
    CHECK_FALSE(is_good(R"({"name": "p", "destination": true, "model": "x/1"}]})"));
    CHECK_FALSE(
        is_good(R"({"name": "p", "destination": true}], "identities": [{"kind": "email"}]})"));
}
