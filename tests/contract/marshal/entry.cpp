// What a connector exports when it is built to be run through messages: its own descriptor is
// compiled by another name (tests/contract/marshal/CMakeLists.txt) and stands behind this one.
#include "sides.hpp"

extern "C" const syncline_plugin syncline_wrapped_plugin;

const syncline_plugin syncline_plugin_v1 = syncline::marshal::marshalled(syncline_wrapped_plugin);
