# find_package(syncline_plugin_api 0.1 CONFIG REQUIRED): syncline::plugin_api and syncline_add_connector().
include("${CMAKE_CURRENT_LIST_DIR}/syncline_plugin_apiTargets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/SynclineConnector.cmake")
