// How much one client may send, and how long it may take.
#pragma once

#include <chrono>
#include <cstddef>

namespace syncline::http_server {

struct Limits {
    std::size_t header_bytes_max = 16 * 1024;
    std::size_t header_fields_max = 100;
    std::size_t target_bytes_max = 4 * 1024;
    std::size_t chunk_header_bytes_max = 256;
    std::chrono::milliseconds header_timeout{5'000};
    std::chrono::milliseconds body_grace{5'000};  // then it must keep up body_bytes_per_s_min
    std::size_t body_bytes_per_s_min = 16 * 1024;
    std::chrono::milliseconds request_timeout{30'000};  // to read a request
    std::chrono::milliseconds idle_timeout{30'000};     // keep-alive
    // For the handler, then 500; and to write the response.
    std::chrono::milliseconds response_timeout{120'000};
    std::size_t connections_max = 4'096;
    std::size_t connections_per_ip_max = 64;  // 0: no limit
};

}  // namespace syncline::http_server
