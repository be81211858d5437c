# What the headers use. Eigen is required; OpenMP, zlib, nlohmann/json and stb are linked where they are there, because the
# headers ask `__has_include` for them. The project's own build and the installed package both include this file, so they
# cannot drift apart. Set KASHI_OPENMP=OFF before find_package(kashi) for a build on one thread.

option(KASHI_OPENMP "Use OpenMP, when it is there, for threads" ON)

find_package(Threads REQUIRED)
if(KASHI_OPENMP)
  find_package(OpenMP QUIET COMPONENTS CXX)
endif()
find_package(ZLIB QUIET)
find_package(nlohmann_json 3 QUIET CONFIG)
find_path(KASHI_STB_INCLUDE_DIR NAMES stb/stb_image.h stb_image.h DOC "Folder that holds stb/stb_image.h or stb_image.h")
mark_as_advanced(KASHI_STB_INCLUDE_DIR)

# kashi_optional_dependencies(<variable>): the optional targets that were found.
function(kashi_optional_dependencies variable)
  set(found "")
  foreach(dependency OpenMP::OpenMP_CXX ZLIB::ZLIB nlohmann_json::nlohmann_json)
    if(dependency STREQUAL "OpenMP::OpenMP_CXX" AND NOT KASHI_OPENMP)
      continue()
    endif()
    if(TARGET ${dependency})
      list(APPEND found ${dependency})
    endif()
  endforeach()
  set(${variable} "${found}" PARENT_SCOPE)
endfunction()
