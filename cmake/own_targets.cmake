# Settings of the project's own programs: the strict warnings, which no user of the library inherits.
add_library(kashi_strict INTERFACE)
target_compile_options(kashi_strict INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                              "$<$<BOOL:${KASHI_WERROR}>:-Werror>")
set(CMAKE_CXX_EXTENSIONS OFF)
