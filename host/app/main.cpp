#include "app/command_line.hpp"

// Read by jemalloc when the process begins; MALLOC_CONF overrides it. What a burst needed goes back
// to the system within a second, also when nothing is allocated any more: jemalloc itself keeps it
// for ten, and longer where nobody comes by.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000";
}

int main(int argc, char** argv) {
    return syncline::app::run_command_line(argc, argv);
}
