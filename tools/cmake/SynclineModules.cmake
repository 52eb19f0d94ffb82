# syncline_module(NAME SOURCES ... [LIBS ...] [PUBLIC_LIBS ...])
#   One static library per folder of host/. What it may use comes from host/modules.cmake, so that the build and the
#   documented graph can't differ.
# syncline_unit_test(NAME SOURCES ... [LIBS ...])
#   One Catch2 binary, NAME_tests, registered with CTest under the label `unit`.

# A module's files are compiled sixteen at a time with SYNCLINE_UNITY: most of a cold build is headers that each file
# reads anew. So what is in anonymous namespaces has a name of its own within its module.

include("${PROJECT_SOURCE_DIR}/host/modules.cmake")

option(SYNCLINE_UNITY "Compile a module in few pieces: faster from nothing, slower after a change" OFF)
# All of a module at once finds every name that is there twice.
set(SYNCLINE_UNITY_FILES 16 CACHE STRING "How many files together; 0: all of a module")

function(syncline_compile_together target)
  if(SYNCLINE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${SYNCLINE_UNITY_FILES})
    # A file that is included may have types of its anonymous namespace in others: nobody else sees them.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

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
  syncline_compile_together(syncline_${name})
endfunction()

function(syncline_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name}_tests ${arg_SOURCES})
  target_link_libraries(${name}_tests PRIVATE syncline::${name} ${arg_LIBS} syncline::test_support syncline::warnings)
  syncline_compile_together(${name}_tests)
  add_test(NAME unit.${name} COMMAND ${name}_tests --order rand --warn NoAssertions)
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()
