#include "http_server/tally.hpp"

#include <algorithm>

namespace syncline::http_server {
namespace {

constexpr std::array<std::string_view, kRefusals> kNames{"",
                                                         "malformed",
                                                         "not_authentic",
                                                         "not_found",
                                                         "too_slow",
                                                         "too_large",
                                                         "head_too_large",
                                                         "coding",
                                                         "message_id_missing",
                                                         "too_many_connections",
                                                         "busy",
                                                         "quota",
                                                         "disk_full",
                                                         "failed",
                                                         "other"};

Refusal refusal_of(int status) {
    switch (status) {
        case 400:
        case 405:
        case 411:
        case 417:
        case 501:
        case 505:
            return Refusal::kMalformed;
        case 401:
            return Refusal::kNotAuthentic;
        case 404:
            return Refusal::kNotFound;
        case 408:
            return Refusal::kTooSlow;
        case 413:
            return Refusal::kTooLarge;
        case 414:
        case 431:
            return Refusal::kHeadTooLarge;
        case 415:
            return Refusal::kCoding;
        case 500:
            return Refusal::kFailed;
        default:
            return Refusal::kOther;
    }
}

}  // namespace

std::string_view to_string(Refusal refusal) {
    return kNames[static_cast<std::size_t>(refusal)];
}

void Tally::count(int status, Refusal refusal, std::optional<std::chrono::nanoseconds> handled) {
    answers[static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1)].add();
    if (status >= 400) {
        const Refusal why = refusal == Refusal::kByStatus ? refusal_of(status) : refusal;
        refusals[static_cast<std::size_t>(why)].add();
    } else if (status / 100 == 2 && handled) {
        acknowledged.observe(*handled);
    }
}

}  // namespace syncline::http_server
