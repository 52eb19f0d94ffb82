// Requests that a strict server must refuse, and neighbours of theirs that it must accept.
#pragma once

#include <string>
#include <vector>

namespace syncline::test {

struct Vector {
    std::string name;
    std::string bytes;  // a complete header section
    int status = 0;     // 0: accepted
};

const std::vector<Vector>& gate_vectors();

// Complete messages that differ in their bodies; sent to a server that takes 1 MiB.
const std::vector<Vector>& message_vectors();

}  // namespace syncline::test
