# Builds outside programs by what pkg-config says of lagoon as it is installed from this build, and
# runs them. Run by ctest; what is passed in stands in tests/CMakeLists.txt.
include(${CMAKE_CURRENT_LIST_DIR}/outside.cmake)
skip_without(pkg-config)

set(work ${lagoon_build}/tests/package/pkg_config)
file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} --install ${lagoon_build} --prefix ${work}/prefix --config ${config})
if(sanitize)
  string(APPEND flags " -fsanitize=${sanitize}")
endif()
file(GLOB_RECURSE libraries ${work}/prefix/liblagoon.*)
list(TRANSFORM libraries REPLACE "/[^/]*$" "")
list(JOIN libraries ":" libraries)
set(ENV{LD_LIBRARY_PATH} "${libraries}")

build_by_pkg_config(${work}/outside ${CMAKE_CURRENT_LIST_DIR}/main.cpp lagoon ${work}/prefix)
run(${work}/outside)
check_that_it_needs_no_network(${work}/outside)
if(has_remote)
  build_by_pkg_config(
    ${work}/outside_remote ${CMAKE_CURRENT_LIST_DIR}/remote.cpp lagoon-remote ${work}/prefix)
  run(${work}/outside_remote)
endif()
