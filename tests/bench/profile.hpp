// A profile of about 600 bytes, as platforms send them.
#pragma once

#include <string_view>

namespace syncline::bench {

inline constexpr std::string_view kProfile =
    R"({"id":"usr_01HZX3M9Q8","email":"maria.schneider@example.org",)"
    R"("first_name":"Maria","last_name":"Schneider","birth_date":"1984-03-17","language":"de",)"
    R"("consent":{"newsletter":true,"sms":false,"updated_at":"2024-05-06T07:08:09Z"},)"
    R"("address":{"street":"Lange Strasse 12","zip":"89073","city":"Ulm","country":"DE"},)"
    R"("loyalty":{"tier":"gold","points":12840,"since":2016},"tags":["vip","outdoor","running"],)"
    R"("last_order":{"number":"A-77120","total":129.95,"currency":"EUR","items":3},)"
    R"("source":"shop-eu-1","updated_at":"2024-05-06T07:08:09.123Z","segment":"spring-24"})";

}  // namespace syncline::bench
