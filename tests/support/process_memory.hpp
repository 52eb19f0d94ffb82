#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace syncline::test {

// Memory of the process's own; the pages of a database, which the kernel takes back, don't count.
inline std::uint64_t rss_anon_bytes() {
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:"))
            return std::strtoull(line.c_str() + 8, nullptr, 10) * 1024;
    }
    return 0;
}

}  // namespace syncline::test
