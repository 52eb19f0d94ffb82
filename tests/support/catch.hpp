// The test framework, included by this name only (Debian's Catch2 is version 2).
#pragma once

#include <catch2/catch.hpp>
