# The compiler takes SOURCE with RIGHT defined, and without it refuses it in WORDS.
foreach(definition -DRIGHT -DWRONG)
  execute_process(COMMAND "${COMPILER}" -std=c++20 -fsyntax-only ${definition} -I "${INCLUDE}" "${SOURCE}"
      RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n|]+" " " output "${output}")
  if(definition STREQUAL "-DRIGHT" AND NOT result EQUAL 0)
    message(FATAL_ERROR "the right use was refused: ${output}")
  endif()
endforeach()
if(result EQUAL 0)
  message(FATAL_ERROR "the wrong use compiles")
endif()
string(FIND "${output}" "error: static assertion failed: ${WORDS}" asserted)
# What a constant expression throws.
string(FIND "${output}" "throw \"${WORDS}\"" thrown)
if(asserted EQUAL -1 AND thrown EQUAL -1)
  message(FATAL_ERROR "it was refused in other words: ${output}")
endif()
