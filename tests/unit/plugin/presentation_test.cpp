#include <boost/json/serialize.hpp>

#include "plugin/presentation.hpp"

#include "plugin/manifest.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;

namespace {

boost::json::object manifest_with(const std::string& members) {
    return record::parse_json(R"({"streams": [{"name": "profiles"}], )" + members + "}")
        ->as_object();
}

std::string problems_of(const std::string& members) {
    std::string all;
    for (const std::string& problem : presentation_problems(manifest_with(members)))
        all += problem + "; ";
    return all;
}

std::string logo(const std::string& inside, const std::string& attributes = "") {
    const boost::json::value text("<svg" + attributes + ">" + inside + "</svg>");
    return R"("branding": {"logo": )" + record::write_json(text) + "}";
}

}  // namespace

TEST_CASE("presentation: all of it may be there, or none", "[plugin][presentation]") {
    CHECK(problems_of(R"("x": 1)").empty());
    CHECK(presentation_text(manifest_with(R"("x": 1)")).empty());
    const std::string whole =
        R"("branding": {"description": "Writes profiles.", "colour": "#1aB2c3",
        "logo": "<svg viewBox=\"0 0 1 1\"><path d=\"M0 0\"/></svg>", "categories": ["crm", "eu"],
        "links": {"docs": "https://acme.example/docs"}},
        "presets": [{"name": "by-mail", "summary": "People by address", "stream": "profiles",
                     "map": {"user": ".email", "name": ".name | ascii_downcase"}}])";
    CHECK(problems_of(whole).empty());
    CHECK(presentation_text(manifest_with(whole)) ==
          "Writes profiles.\ndocs: https://acme.example/docs\npreset by-mail (profiles): People by "
          "address\n    map:\n      user: .email\n      name: .name | ascii_downcase\n");
}

TEST_CASE("presentation: what a page would run or load is no logo", "[plugin][presentation]") {
    CHECK(problems_of(logo("<g/>")).empty());
    CHECK(problems_of(logo("<text>on = one</text>", " font-size='1'")).empty());
    CHECK(problems_of(logo("<text>one moon</text>")).empty());
    for (const char* inside :
         {"<SCRIPT>1</SCRIPT>", "<a xlink:href='x'/>", "<image href='x'/>", "<!ENTITY a 'b'>",
          "<foreignObject/>", "<rect fill='url(https://x)'/>", "<g onload='x'/>",
          "<g/onclick\n=x/>", "<g a='b'onfocus=x/>", "<style>*{}</style>", "<?xml-stylesheet?>"}) {
        INFO(inside);
        CHECK_FALSE(problems_of(logo(inside)).empty());
    }
    CHECK_FALSE(problems_of(logo("", " onload=x")).empty());
    CHECK_FALSE(problems_of(logo(std::string(kLogoBytesMax, 'x'))).empty());
    CHECK_FALSE(problems_of(R"("branding": {"logo": "<img>"})").empty());
}

TEST_CASE("presentation: each mistake is told with its place", "[plugin][presentation]") {
    CHECK(problems_of(R"("branding": {"colour": "red", "categories": ["A"], "motto": "x",
                         "links": {"docs": "http://x"}, "description": ""})") ==
          "`branding.colour` must be as #1a2b3c; "
          "`branding.categories` must be a list of words in lower case; "
          "`branding.motto` is not known; "
          "`branding.links` must name addresses that begin with https://; "
          "`branding.description` must be a text of at most 1024 bytes; ");
    CHECK(problems_of(R"("branding": 1, "presets": 2)") ==
          "`branding` must be an object; `presets` must be a list of at most 32 members; ");
    CHECK(problems_of(R"("presets": [{"name": "a", "stream": "none", "map": {}},
                                     {"name": "B", "stream": "profiles", "map": {"x": 1}}, 7])") ==
          "`presets.a.stream` must be a stream of the manifest; "
          "`presets.a.map` must be an object of fields and expressions; "
          "`presets` need names in lower case; "
          "`presets.map` must be a text of at most 1024 bytes; `presets` must be an object; ");
}

TEST_CASE("presentation: a manifest with a mistake in it is refused", "[plugin][presentation]") {
    const auto refused = parse_manifest(R"({"id": "acme", "version": "1.2.0", "name": "Acme",
        "capabilities": ["write"], "abi": {"major": 1, "draft": 2},
        "branding": {"colour": "red"}})");
    REQUIRE(refused.has_error());
    CHECK(refused.error().what() == "`branding.colour` must be as #1a2b3c");
}
