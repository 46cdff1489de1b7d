# Builds an outside program that uses lagoon in one `way`, from scratch, and runs it.
# Run by ctest; what is passed in stands in tests/CMakeLists.txt.

include(${CMAKE_CURRENT_LIST_DIR}/outside.cmake)

# It is shown that it builds, links and runs: the optimizer, and reading the same headers for each
# source, would take most of the time.
string(TOUPPER ${config} CONFIG)
set(work ${lagoon_build}/tests/package/${way})
file(REMOVE_RECURSE ${work})

if(way STREQUAL "find_package")
  run(${CMAKE_COMMAND} --install ${lagoon_build} --prefix ${work}/prefix --config ${config})
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${way} -B ${work}/build -G ${generator}
  -D CMAKE_CXX_COMPILER=${compiler}
  -D CMAKE_CXX_FLAGS=${flags}
  -D CMAKE_BUILD_TYPE=${config}
  -D CMAKE_CXX_FLAGS_${CONFIG}=-O0
  -D CMAKE_UNITY_BUILD=ON
  -D CMAKE_UNITY_BUILD_BATCH_SIZE=20
  -D CMAKE_PREFIX_PATH=${work}/prefix
  -D LAGOON_SOURCE=${lagoon_source}
  -D LAGOON_SANITIZE=${sanitize})

# Who uses the library needs no test or benchmark package.
file(STRINGS ${work}/build/CMakeCache.txt asked_for REGEX "^(GTest|benchmark|fmt)_DIR")
if(asked_for)
  message(FATAL_ERROR "a user of lagoon was asked for ${asked_for}; only Boost may be")
endif()

run(${CMAKE_COMMAND} --build ${work}/build --config ${config})
run(${work}/build/outside)
if(way STREQUAL "find_package")
  run(${work}/build/outside_c)
endif()
if(way STREQUAL "find_package" AND has_remote)
  run(${work}/build/outside_remote)
endif()
check_that_it_needs_no_network(${work}/build/outside)
