# syncline_add_connector(NAME SOURCES a.cpp ... [LINK lib ...])
#   One connector: NAME.so, which exports `syncline_plugin_v1` and nothing else. The version script is what makes
#   the library really unload (unique symbols of the C++ library keep it mapped otherwise); the other options find
#   mistakes at link time instead of at run time. With SYNCLINE_CONNECTORS_DIR set the file goes there.

function(syncline_add_connector name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  set(map "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/syncline_plugin.map")
  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE syncline::plugin_api ${arg_LINK})
  target_compile_features(${name} PRIVATE cxx_std_20)
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
      VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS "${map}")
  if(SYNCLINE_CONNECTORS_DIR)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${SYNCLINE_CONNECTORS_DIR}")
  endif()
  if(NOT WIN32)
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
    target_link_options(${name} PRIVATE "LINKER:--version-script=${map}"
        LINKER:-z,now LINKER:-z,noexecstack)
    if(NOT SYNCLINE_SANITIZE)  # the sanitizers' functions come with the executable
      target_link_options(${name} PRIVATE LINKER:-z,defs)
    endif()
  endif()
endfunction()
