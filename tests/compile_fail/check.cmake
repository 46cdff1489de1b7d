# COMPILER refuses CASE.wrong.cpp with a message that matches EXPECTED, and accepts CASE.right.cpp.
# What both begin with is compiled already (PRELUDE).
foreach(kind IN ITEMS right wrong)
  execute_process(
    COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Winvalid-pch -include ${PRELUDE}
      ${CASE}.${kind}.cpp
    RESULT_VARIABLE result_${kind} ERROR_VARIABLE errors_${kind})
endforeach()
if(NOT result_right EQUAL 0)
  message(FATAL_ERROR "what is right does not compile:\n${errors_right}")
endif()
if(result_wrong EQUAL 0)
  message(FATAL_ERROR "what must not compile does")
endif()
if(NOT errors_wrong MATCHES "${EXPECTED}")
  message(FATAL_ERROR "the compiler did not say '${EXPECTED}', but:\n${errors_wrong}")
endif()
