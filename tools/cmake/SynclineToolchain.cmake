# Language level, warnings, sanitizers and third-party packages. No global flags leave this file but the sanitizers'.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(SYNCLINE_CONNECTORS_DIR "${PROJECT_BINARY_DIR}/connectors")

find_program(SYNCLINE_CCACHE ccache)
if(SYNCLINE_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${SYNCLINE_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${SYNCLINE_CCACHE}")
endif()

set(SYNCLINE_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")
if(SYNCLINE_SANITIZE)
  add_compile_options(-fsanitize=${SYNCLINE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SYNCLINE_SANITIZE})
endif()

add_library(syncline_warnings INTERFACE)
add_library(syncline::warnings ALIAS syncline_warnings)
target_compile_options(syncline_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wundef
    $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi>
    -Wmissing-declarations)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms on `"text" + std::string` when optimising (GCC bug 105651).
  target_compile_options(syncline_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(SYNCLINE_SANITIZE MATCHES "thread")
  # GCC warns that fences are not modelled; Asio uses one in code that never runs here.
  target_compile_options(syncline_warnings INTERFACE -Wno-tsan)
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_path(LMDB_INCLUDE_DIR lmdb.h REQUIRED)
find_library(LMDB_LIBRARY lmdb REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
find_library(PROMETHEUS_CORE_LIBRARY prometheus-cpp-core REQUIRED)  # not its package: that wants the server as well

# The hub's threads free what other threads allocated, which glibc's allocator does at a high price. Sanitizers bring an
# allocator of their own.
find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
if(SYNCLINE_SANITIZE)
  set(JEMALLOC_LIBRARY "")
endif()
