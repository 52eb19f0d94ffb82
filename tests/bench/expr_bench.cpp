// What one record costs on its way through parsing, mapping and fingerprinting, in nanoseconds.
#include <cstdio>

#include "expr/program.hpp"
#include "measure.hpp"
#include "profile.hpp"
#include "record/diff.hpp"
#include "record/json.hpp"

namespace {

using namespace syncline;
using bench::kProfile;

constexpr int kRunsPerRound = 20'000;

constexpr std::string_view kMapping = R"jq({
    external_id: .id, email: (.email | ascii_downcase), name: "\(.first_name) \(.last_name)",
    city: .address.city, country: (.address.country // "DE"), points: (.loyalty.points + 100),
    is_gold: (.loyalty.tier == "gold"), newsletter: .consent.newsletter, first_tag: .tags[0],
    total: (if .last_order then .last_order.total else 0 end)
})jq";

// Prints the fastest and the median round.
template <class Body>
void measure(const char* name, Body body) {
    const auto time = bench::measure(kRunsPerRound, body);
    std::printf("%-28s %8.0f ns median %8.0f ns best\n", name, time.median, time.best);
}

}  // namespace

int main() {
    auto profile = record::parse_json(kProfile).value();
    auto mapping = expr::Program::compile(kMapping).value();
    auto condition =
        expr::Program::compile(".consent.newsletter and .address.country == \"DE\"").value();
    std::size_t sink = 0;  // keeps the work from being optimised away

    std::printf("record of %zu bytes\n", kProfile.size());
    measure("parse", [&] { sink += record::parse_json(kProfile).value().as_object().size(); });
    measure("write", [&] { sink += record::write_json(profile).size(); });
    measure("canonical", [&] { sink += record::canonical_json(profile).size(); });
    measure("fingerprint",
            [&] { sink += record::fingerprint(profile.as_object(), 1).fields.size(); });
    measure("when", [&] { sink += condition.run(profile).value().get_bool(); });
    measure("map 10 fields", [&] { sink += mapping.run(profile).value().as_object().size(); });
    measure("parse, map, fingerprint", [&] {
        auto mapped = mapping.run(record::parse_json(kProfile).value()).value();
        sink += record::fingerprint(mapped.as_object(), 1).fields.size();
    });
    return sink == 0 ? 1 : 0;
}
