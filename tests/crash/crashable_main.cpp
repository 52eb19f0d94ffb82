// `syncline` with the means to die at a chosen place and to break one rule on purpose; only for the
// crash tests.
//
//   SYNCLINE_FAIL_POINT=<name>:<count>   die when the place is passed for the count-th time
//   SYNCLINE_PLANT=<bug>                 break one rule
//   syncline-crashable fail-points       the names of the places
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "app/command_line.hpp"
#include "core/fault.hpp"

namespace {

constexpr const char* kFailPoints[] = {
    "intake.before-append", "intake.before-answer", "journal.before-write",
    "journal.before-sync",  "journal.after-sync",   "journal.after-acknowledge",
    "state.before-commit",  "state.after-commit",   "delivery.before-write",
    "delivery.after-write",
};

bool arm(const char* plant, const char* fail_point) {
    using namespace syncline;
    if (plant != nullptr && *plant != '\0' && !core::arm_planted_bug(plant)) return false;
    if (fail_point == nullptr || *fail_point == '\0') return true;
    std::string text = fail_point;
    std::size_t colon = text.find(':');
    if (colon == std::string::npos) return false;
    core::arm_fail_point(text.substr(0, colon), static_cast<unsigned>(std::strtoul(
                                                    text.c_str() + colon + 1, nullptr, 10)));
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view{argv[1]} == "fail-points") {
        for (const char* name : kFailPoints) std::puts(name);
        return 0;
    }
    if (!arm(std::getenv("SYNCLINE_PLANT"), std::getenv("SYNCLINE_FAIL_POINT"))) {
        std::fputs("syncline-crashable: SYNCLINE_PLANT or SYNCLINE_FAIL_POINT is not understood\n",
                   stderr);
        return 2;
    }
    return syncline::app::run_command_line(argc, argv);
}
