include(GNUInstallDirs)

find_package(Boost 1.75 REQUIRED CONFIG)  # headers only: Boost.Atomic's lock-free types; within src/, ints of any size
find_package(Threads REQUIRED)

# What both libraries have in common. Shared, a library shows the names of its own namespace and hides
# everything else it was made of. Said by the linker rather than by -fvisibility=hidden, because inline
# functions and variables of the headers must stay one across the library and the program that
# includes them.
set(lagoon_map ${PROJECT_SOURCE_DIR}/cmake/lagoon.map)
function(add_lagoon_library target)
  add_library(${target} ${ARGN})
  target_compile_options(${target} PRIVATE
    -ftls-model=initial-exec  # a thread-local is one load off a register: no __tls_get_addr
    -fno-semantic-interposition)
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_link_options(${target} PRIVATE
    -Wl,-Bsymbolic-functions -Wl,--version-script=${lagoon_map})
  set_target_properties(${target} PROPERTIES LINK_DEPENDS ${lagoon_map})
  if(BUILD_SHARED_LIBS AND PROJECT_IS_TOP_LEVEL)  # to be installed beside it, of the same objects
    add_library(${target}_archive STATIC $<TARGET_OBJECTS:${target}>)
    set_target_properties(${target}_archive PROPERTIES
      OUTPUT_NAME ${target} LINKER_LANGUAGE CXX)
  endif()
endfunction()

file(GLOB_RECURSE lagoon_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cpp)
list(FILTER lagoon_sources EXCLUDE REGEX "/src/remote/")
add_lagoon_library(lagoon ${lagoon_sources})
add_library(lagoon::lagoon ALIAS lagoon)

target_compile_features(lagoon PUBLIC cxx_std_20)
target_include_directories(lagoon PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(lagoon PUBLIC Boost::headers Threads::Threads)

# Public: what is linked with a sanitized library must be sanitized too.
if(LAGOON_SANITIZE)
  list(JOIN LAGOON_SANITIZE "," sanitizers)
  target_compile_options(lagoon PUBLIC
    -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(lagoon PUBLIC -fsanitize=${sanitizers})
  if(sanitizers MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(lagoon PUBLIC -Wno-tsan)  # g++ warns of every fence
  endif()
endif()

# What knows the network is apart: who shares memory only gets no OpenSSL.
if(LAGOON_BUILD_REMOTE)
  find_package(OpenSSL 3 QUIET COMPONENTS Crypto)
endif()
if(LAGOON_BUILD_REMOTE AND OPENSSL_FOUND)
  file(GLOB remote_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/remote/*.cpp)
  add_lagoon_library(lagoon_remote ${remote_sources})
  add_library(lagoon::remote ALIAS lagoon_remote)
  target_link_libraries(lagoon_remote PUBLIC lagoon PRIVATE OpenSSL::Crypto)
  set_target_properties(lagoon_remote PROPERTIES
    EXPORT_NAME remote
    UNITY_BUILD OFF)  # its files share short names
elseif(LAGOON_BUILD_REMOTE)
  message(STATUS "lagoon::remote, which serves Python programs, needs OpenSSL 3: it is left out "
    "(Debian's package: libssl-dev)")
endif()
