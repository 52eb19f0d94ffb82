#include "checker/test.hpp"

#include <algorithm>

namespace syncline::checker {

std::string_view to_string(Status status) {
    switch (status) {
        case Status::kPassed:
            return "passed";
        case Status::kWarning:
            return "warning";
        case Status::kSkipped:
            return "skipped";
        case Status::kFailed:
            return "failed";
        case Status::kCrashed:
            return "crashed";
    }
    return "failed";
}

const std::vector<Test>& all_tests() {
    static const auto* tests = [] {
        auto* all = new std::vector<Test>;
        for (const auto part :
             {file_tests(), loading_tests(), life_tests(), process_tests(), protocol_tests(),
              write_tests(), question_tests(), succession_tests(), fault_tests(), webhook_tests(),
              unloading_tests()}) {
            all->insert(all->end(), part.begin(), part.end());
        }
        std::stable_sort(all->begin(), all->end(),
                         [](const Test& a, const Test& b) { return a.level < b.level; });
        return all;
    }();
    return *tests;
}

const Test* find_test(std::string_view name) {
    for (const Test& test : all_tests()) {
        if (test.name == name) return &test;
    }
    return nullptr;
}

}  // namespace syncline::checker
