#include "app/command_line.hpp"

// Read by jemalloc when the process begins; MALLOC_CONF overrides it. What was freed is kept for a
// second instead of ten: see spare_memory.hpp.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:1000";
}

int main(int argc, char** argv) {
    return syncline::app::run_command_line(argc, argv);
}
