include(GNUInstallDirs)

find_package(Boost 1.75 REQUIRED CONFIG)  # headers only: Boost.Atomic's lock-free types; within src/, ints of any size
find_package(Threads REQUIRED)

file(GLOB_RECURSE lagoon_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cpp)
list(FILTER lagoon_sources EXCLUDE REGEX "/src/remote/")
add_library(lagoon ${lagoon_sources})
add_library(lagoon::lagoon ALIAS lagoon)

target_compile_features(lagoon PUBLIC cxx_std_20)
target_include_directories(lagoon PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(lagoon PUBLIC Boost::headers Threads::Threads)
set_target_properties(lagoon PROPERTIES
  POSITION_INDEPENDENT_CODE ON
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

# A thread-local is one load off a register, also in a shared library: no __tls_get_addr.
target_compile_options(lagoon PRIVATE -ftls-model=initial-exec)

# Shared, it shows the names of its own namespace and hides everything else it was made of.
# Said by the linker rather than by -fvisibility=hidden, because inline functions and variables
# of the headers must stay one across the library and the program that includes them.
target_compile_options(lagoon PRIVATE -fno-semantic-interposition)
if(BUILD_SHARED_LIBS)
  target_link_options(lagoon PRIVATE
    -Wl,-Bsymbolic-functions
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/lagoon.map)
  set_target_properties(lagoon PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/lagoon.map)
endif()

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
  add_library(lagoon_remote ${remote_sources})
  add_library(lagoon::remote ALIAS lagoon_remote)
  target_link_libraries(lagoon_remote PUBLIC lagoon PRIVATE OpenSSL::Crypto)
  set_target_properties(lagoon_remote PROPERTIES
    EXPORT_NAME remote
    UNITY_BUILD OFF  # a client's Dict is another than the one that a server serves
    POSITION_INDEPENDENT_CODE ON
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
elseif(LAGOON_BUILD_REMOTE)
  message(STATUS "lagoon::remote, which serves Python programs, needs OpenSSL 3: it is left out "
    "(Debian's package: libssl-dev)")
endif()
