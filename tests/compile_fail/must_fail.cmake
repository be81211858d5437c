# Compiles SOURCE twice: as it is, which must succeed, and with MISUSE defined, which must fail with the expected text.
cmake_minimum_required(VERSION 3.25)

set(compile ${COMPILER} -std=c++20 -fsyntax-only -I${INCLUDE} -isystem ${SYSTEM_INCLUDE})

file(STRINGS "${SOURCE}" expected REGEX "^// error: ")
list(TRANSFORM expected REPLACE "^// error: " "")
if(NOT expected)
  message(FATAL_ERROR "${SOURCE} has no line '// error: TEXT'")
endif()

execute_process(COMMAND ${compile} ${SOURCE} RESULT_VARIABLE result ERROR_VARIABLE messages)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the right use does not compile:\n${messages}")
endif()

execute_process(COMMAND ${compile} -DMISUSE ${SOURCE} RESULT_VARIABLE result ERROR_VARIABLE messages)
if(result EQUAL 0)
  message(FATAL_ERROR "the misuse compiles")
endif()
foreach(text IN LISTS expected)
  if(messages MATCHES "${text}")
    return()
  endif()
endforeach()
message(FATAL_ERROR "the misuse fails for another reason than '${expected}':\n${messages}")
