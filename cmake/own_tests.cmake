# What tests/ and docs/ need to add tests.
set(KASHI_TEST_FOLDERS "" CACHE STRING "What to build of the tests: FOLDER or FOLDER/NAME, separated by ; (empty: all)")
set(KASHI_TEST_ENVIRONMENT "" CACHE STRING "More environment variables of the tests, NAME=VALUE, separated by ;")

# Threads that wait must not spin, since several tests run at once.
set(test_environment OMP_WAIT_POLICY=passive ${KASHI_TEST_ENVIRONMENT})
cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)

# kashi_selected(<variable> <folder> [<name>]): whether KASHI_TEST_FOLDERS asks for the folder, or for this file of it.
function(kashi_selected variable folder)
  set(${variable} OFF PARENT_SCOPE)
  if(NOT KASHI_TEST_FOLDERS OR folder IN_LIST KASHI_TEST_FOLDERS OR "${folder}/${ARGN}" IN_LIST KASHI_TEST_FOLDERS)
    set(${variable} ON PARENT_SCOPE)
  endif()
endfunction()

# kashi_add_test(<folder>/<name> <command>...): a ctest entry with the folder as its label.
function(kashi_add_test name)
  cmake_path(GET name PARENT_PATH folder)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${folder} TIMEOUT 600 ENVIRONMENT "${test_environment}")
endfunction()
