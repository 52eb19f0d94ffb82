# syncline_module(NAME SOURCES ... [LIBS ...] [PUBLIC_LIBS ...])
#   One static library per folder of host/. What it may use comes from host/modules.cmake, so that the build and the
#   documented graph can't differ.
# syncline_unit_test(NAME SOURCES ... [LIBS ...])
#   One Catch2 binary, NAME_tests, registered with CTest under the label `unit`.

include("${PROJECT_SOURCE_DIR}/host/modules.cmake")

function(syncline_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS;PUBLIC_LIBS")
  if(NOT name IN_LIST SYNCLINE_MODULES)
    message(FATAL_ERROR "${name} is not in host/modules.cmake")
  endif()
  add_library(syncline_${name} STATIC ${arg_SOURCES})
  add_library(syncline::${name} ALIAS syncline_${name})
  target_include_directories(syncline_${name} PUBLIC "${PROJECT_SOURCE_DIR}/host")
  foreach(used IN LISTS SYNCLINE_${name}_USES)
    target_link_libraries(syncline_${name} PUBLIC syncline::${used})
  endforeach()
  target_link_libraries(syncline_${name} PUBLIC ${arg_PUBLIC_LIBS} PRIVATE ${arg_LIBS} syncline::warnings)
endfunction()

function(syncline_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name}_tests ${arg_SOURCES})
  target_link_libraries(${name}_tests PRIVATE syncline::${name} ${arg_LIBS} syncline::test_support syncline::warnings)
  add_test(NAME unit.${name} COMMAND ${name}_tests --order rand --warn NoAssertions)
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()
