// What one record costs on its way through parsing, mapping and fingerprinting, in nanoseconds.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "expr/program.hpp"
#include "record/diff.hpp"
#include "record/json.hpp"

namespace {

using namespace syncline;

constexpr int kRounds = 9;
constexpr int kRunsPerRound = 20'000;

// A profile of about 600 bytes.
constexpr std::string_view kProfile =
    R"({"id":"usr_01HZX3M9Q8","email":"maria.schneider@example.org",)"
    R"("first_name":"Maria","last_name":"Schneider","birth_date":"1984-03-17","language":"de",)"
    R"("consent":{"newsletter":true,"sms":false,"updated_at":"2024-05-06T07:08:09Z"},)"
    R"("address":{"street":"Lange Strasse 12","zip":"89073","city":"Ulm","country":"DE"},)"
    R"("loyalty":{"tier":"gold","points":12840,"since":2016},"tags":["vip","outdoor","running"],)"
    R"("last_order":{"number":"A-77120","total":129.95,"currency":"EUR","items":3},)"
    R"("source":"shop-eu-1","updated_at":"2024-05-06T07:08:09.123Z","segment":"spring-24"})";

constexpr std::string_view kMapping = R"jq({
    external_id: .id, email: (.email | ascii_downcase), name: "\(.first_name) \(.last_name)",
    city: .address.city, country: (.address.country // "DE"), points: (.loyalty.points + 100),
    is_gold: (.loyalty.tier == "gold"), newsletter: .consent.newsletter, first_tag: .tags[0],
    total: (if .last_order then .last_order.total else 0 end)
})jq";

// Prints the fastest and the median round, in processor time: the machine may be busy.
template <class Body>
void measure(const char* name, Body body) {
    std::vector<double> nanoseconds;
    for (int round = 0; round < kRounds; ++round) {
        auto begin = std::clock();
        for (int i = 0; i < kRunsPerRound; ++i) body();
        auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        nanoseconds.push_back(seconds * 1e9 / kRunsPerRound);
    }
    std::sort(nanoseconds.begin(), nanoseconds.end());
    std::printf("%-28s %8.0f ns median %8.0f ns best\n", name, nanoseconds[kRounds / 2],
                nanoseconds[0]);
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
