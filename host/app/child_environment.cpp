#include "app/child_environment.hpp"

#include <unistd.h>

#include <string_view>

namespace syncline::app {

std::vector<char*> child_environment() {
    std::vector<char*> variables;
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (!std::string_view{*entry}.starts_with("SYNCLINE_MASTER_KEY="))
            variables.push_back(*entry);
    variables.push_back(nullptr);
    return variables;
}

}  // namespace syncline::app
