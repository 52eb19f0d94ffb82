// Which tables a connector's code has to have.
#include "plugin/known_tables.hpp"

#include <array>

#include "support/catch.hpp"
#include "syncline/syncline.h"

using namespace syncline;
using namespace syncline::plugin;

namespace {

// A table of the largest known size with this in the place of every function.
struct PlainTable {
    std::uint32_t struct_size = sizeof(PlainTable);
    std::uint32_t reserved = 0;
    std::array<const void*, 8> functions{};
};

PlainTable filled_table() {
    static const int something = 0;
    PlainTable table;
    table.functions.fill(&something);
    return table;
}

}  // namespace

TEST_CASE("tables: what a manifest promises has to be there, and whole", "[plugin][tables]") {
    for (const KnownTable& known : known_tables()) {
        INFO(known.id);
        const bool is_webhook = known.id == SYNCLINE_WEBHOOK_ID;
        Manifest manifest;
        if (known.promise != nullptr) manifest.*known.promise = true;
        PlainTable table = filled_table();
        const auto problem = [&](bool is_there) {
            return table_problem(manifest, [&](std::string_view id) -> const void* {
                return is_there && id == known.id ? &table : nullptr;
            });
        };
        CHECK(problem(true).empty());
        CHECK(problem(false).empty() == (known.promise == nullptr));
        table.functions[is_webhook ? 1 : 0] = nullptr;
        CHECK_THAT(problem(true), Catch::Contains(std::string{known.id}));
        table = filled_table();
        table.struct_size = known.size_min - 1;
        CHECK(problem(true).empty() == (known.promise == nullptr));
    }
}

TEST_CASE("tables: a webhook's functions are asked for as the manifest uses them",
          "[plugin][tables]") {
    Manifest manifest;
    manifest.can_webhook = true;
    PlainTable table;
    table.functions[1] = &table;  // translate() alone
    const auto problem = [&] {
        return table_problem(manifest, [&](std::string_view id) -> const void* {
            return id == SYNCLINE_WEBHOOK_ID ? &table : nullptr;
        });
    };
    CHECK(problem().empty());
    manifest.verifies_webhooks = true;
    CHECK_FALSE(problem().empty());
    manifest.verifies_webhooks = false;
    manifest.handshakes.emplace_back();
    CHECK_FALSE(problem().empty());
}
