// Prints the vectors for programs that are not C++: one JSON object a line,
// {"name":"...","status":400,"hex":"..."}. Names are plain text.
#include <cstdio>

#include "vectors.hpp"

int main() {
    using namespace syncline::test;
    for (const auto* group : {&gate_vectors(), &message_vectors()}) {
        for (const Vector& vector : *group) {
            std::printf("{\"name\":\"%s\",\"status\":%d,\"hex\":\"", vector.name.c_str(),
                        vector.status);
            for (const char c : vector.bytes) std::printf("%02x", static_cast<unsigned char>(c));
            std::printf("\"}\n");
        }
    }
    return 0;
}
