# Makes the Debian packages, unpacks them into an empty directory, builds outside programs with what
# is there and runs them. Run by ctest; what is passed in stands in tests/CMakeLists.txt.
include(${CMAKE_CURRENT_LIST_DIR}/outside.cmake)

skip_without(pkg-config dpkg-deb dpkg-shlibdeps file)

string(REGEX MATCH "^[0-9]+\\.[0-9]+" abi ${version})
set(work ${lagoon_build}/tests/package/deb)
set(root ${work}/root)
file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} -S ${lagoon_source} --preset deb -B ${work}/build -G ${generator}
  -D CMAKE_CXX_COMPILER=${compiler}
  -D CMAKE_CXX_FLAGS=${flags}
  -D CMAKE_CXX_FLAGS_RELEASE=-O0
  -D CMAKE_UNITY_BUILD=ON
  -D CMAKE_UNITY_BUILD_BATCH_SIZE=20
  -D LAGOON_BUILD_REMOTE=${has_remote})
run(${CMAKE_COMMAND} --build ${work}/build --target package)

# Unpacks a package. It must depend on all that is said behind NEEDS, and on nothing that matches what
# is said behind NOT.
function(unpack package)
  cmake_parse_arguments(PARSE_ARGV 1 it "" "NOT" "NEEDS")
  file(GLOB file ${work}/build/${package}_*.deb)
  execute_process(COMMAND dpkg-deb -f ${file} Depends
    OUTPUT_VARIABLE depends COMMAND_ERROR_IS_FATAL ANY)
  foreach(need IN LISTS it_NEEDS)
    string(FIND ", ${depends}" ", ${need}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${package} does not depend on ${need}, but on ${depends}")
    endif()
  endforeach()
  if(it_NOT AND depends MATCHES "${it_NOT}")
    message(FATAL_ERROR "${package} must not depend on ${CMAKE_MATCH_0}: ${depends}")
  endif()
  execute_process(COMMAND dpkg-deb --fsys-tarfile ${file} COMMAND tar -t
    OUTPUT_VARIABLE contents COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]*[^\n/]" contents "${contents}")
  foreach(path IN LISTS contents)
    if(EXISTS ${root}/${path} AND NOT IS_DIRECTORY ${root}/${path})
      message(FATAL_ERROR "${path} is in ${package} and in another package")
    endif()
  endforeach()
  run(dpkg-deb -x ${file} ${root})
endfunction()

# Each public header must be there, if it matches so.
function(check_headers)
  file(GLOB_RECURSE headers RELATIVE ${lagoon_source} ${lagoon_source}/include/*.hpp)
  list(FILTER headers ${ARGN})
  foreach(header IN LISTS headers)
    if(NOT EXISTS ${root}/usr/${header})
      message(FATAL_ERROR "${header} is in none of the packages")
    endif()
  endforeach()
endfunction()

# An outside program, with the shared library and with the archive.
function(build_and_run source module)
  get_filename_component(name ${source} NAME_WE)
  foreach(kind SHARED STATIC)
    set(program ${work}/${name}_${kind})
    build_by_pkg_config(${program} ${CMAKE_CURRENT_LIST_DIR}/${source} ${module} ${root} ${kind})
    run(${program})
  endforeach()
  execute_process(COMMAND ldd ${program} ERROR_VARIABLE said OUTPUT_QUIET)
  if(NOT said MATCHES "not a dynamic executable")
    message(FATAL_ERROR "${program} is not linked with archives only")
  endif()
endfunction()

# The same program by find_package.
function(find_package_there program)
  file(REMOVE_RECURSE ${work}/found)
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/find_package -B ${work}/found -G ${generator}
    -D CMAKE_CXX_COMPILER=${compiler}
    -D CMAKE_BUILD_TYPE=Debug
    -D CMAKE_PREFIX_PATH=${root}/usr)
  run(${CMAKE_COMMAND} --build ${work}/found --target ${program})
  run(${work}/found/${program})
endfunction()

# With nothing else unpacked, the shared memory must be whole.
unpack(liblagoon${abi} NEEDS "libc6 (" "libstdc++6 (" NOT "ssl|remote")
unpack(liblagoon-dev NEEDS "liblagoon${abi} (= ${version})" "libboost1.81-dev |" NOT "ssl|remote")
file(GLOB_RECURSE strangers ${root}/*remote*)
if(strangers)
  message(FATAL_ERROR "not in these packages belong ${strangers}")
endif()
check_headers(EXCLUDE REGEX /remote/)
file(GLOB libraries ${root}/usr/lib/*/liblagoon.so)
get_filename_component(libraries ${libraries} DIRECTORY)
set(ENV{LD_LIBRARY_PATH} ${libraries})
build_and_run(main.cpp lagoon)
check_that_it_needs_no_network(${work}/main_SHARED)
find_package_there(outside)

if(has_remote)
  unpack(liblagoon-remote${abi} NEEDS "liblagoon${abi} (= ${version})" "libssl3")
  unpack(liblagoon-remote-dev
    NEEDS "liblagoon-remote${abi} (= ${version})" "liblagoon-dev (= ${version})" "libssl-dev")
  check_headers(INCLUDE REGEX /remote/)
  build_and_run(remote.cpp lagoon-remote)
  find_package_there(outside_remote)
endif()

file(GLOB tools ${work}/build/lagoon-tools_*.deb)
if(tools)
  unpack(lagoon-tools NEEDS "liblagoon${abi} (= ${version})")
  run(${root}/usr/bin/lagoon --version)
endif()
