// Connectors in languages that can't be loaded.
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

TEST_CASE("languages: a connector in Go is refused by name, before any code of it runs",
          "[plugin][languages]") {
    Site site;
    write_file(site.file("go-things"), read_file(SYNCLINE_GO_CONNECTOR));
    const auto catalog = site.open();
    REQUIRE(catalog->refusals().size() == 1);
    const Error& error = catalog->refusals()[0].error;
    CHECK(error.is(kNeedsProcess));
    CHECK(error.what().find("\"go-things\" is written in Go") != std::string::npos);
    CHECK(read_file("/proc/self/maps").find(site.root.path().string()) == std::string::npos);
}
