# Debian packages: cmake --workflow --preset deb. Split as Debian splits a library: what programs run
# with, what they are built with, the command; and apart from all that, what needs OpenSSL.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the lagoon authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each has its own
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SOURCE lagoon)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)  # on each other: the very same version

# add_package(component name section what [other components that it needs])
macro(add_package component name section what)
  string(TOUPPER ${component} upper)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${PROJECT_DESCRIPTION}\n${what}")
  set(CPACK_COMPONENT_${upper}_DEPENDS ${ARGN})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component}
    EXCLUDE_FROM_ALL)  # but in its package
endmacro()

get_target_property(abi lagoon SOVERSION)
set(libraries liblagoon)
add_package(liblagoon liblagoon${abi} libs
  "What programs run with that share memory.")
add_package(liblagoon-dev liblagoon-dev libdevel
  "What programs are built with that share memory." liblagoon)
set(CPACK_DEBIAN_LIBLAGOON-DEV_PACKAGE_DEPENDS "libboost1.81-dev | libboost-dev (>= 1.75)")
if(TARGET lagoon_remote)
  list(APPEND libraries liblagoon-remote)
  add_package(liblagoon-remote liblagoon-remote${abi} libs
    "What programs run with that share memory with Python programs, over sockets." liblagoon)
  add_package(liblagoon-remote-dev liblagoon-remote-dev libdevel
    "What programs are built with that share memory with Python programs, over sockets."
    liblagoon-remote liblagoon-dev)
  set(CPACK_DEBIAN_LIBLAGOON-REMOTE-DEV_PACKAGE_DEPENDS "libssl-dev (>= 3)")
endif()
if(TARGET lagoon_tool)
  add_package(lagoon-tools lagoon-tools utils
    "The lagoon command: which segments a machine has, and who has them open." ${libraries})
endif()

include(CPack)
