#include "app/editor.hpp"

#include <cstdlib>

#include "app/child_environment.hpp"
#include "support/catch.hpp"

using namespace syncline;

TEST_CASE("editor: no program that the hub starts gets the master key", "[app]") {
    ::setenv("SYNCLINE_MASTER_KEY", "m4ster", 1);
    const auto variables = app::child_environment();
    const auto seen = app::edit_text("env >", "{}");  // what the editor has got, as the text
    ::unsetenv("SYNCLINE_MASTER_KEY");

    REQUIRE_FALSE(variables.empty());
    CHECK(variables.back() == nullptr);
    REQUIRE(seen.has_value());
    CHECK(seen->find("PATH=") != std::string::npos);
    CHECK(seen->find("SYNCLINE_MASTER_KEY") == std::string::npos);
}

TEST_CASE("editor: what it leaves is the text, unless it ends badly", "[app]") {
    const auto kept = app::edit_text("true", "{}");
    REQUIRE(kept.has_value());
    CHECK(*kept == "{}");
    CHECK(app::edit_text("false", "{}").has_error());
}
