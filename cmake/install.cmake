# Each component becomes a package of Debian's kind (deb.cmake), so what it needs is its own affair:
# who installs no remote has no file that asks for it.
include(CMakePackageConfigHelpers)

set(lagoon_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lagoon)
set(lagoon_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH lagoon_pc_to_prefix
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
# Where there is a shared library, `pkg-config --static` tells what the archive needs beside it.
set(lagoon_pc_archive_requires "")
if(NOT BUILD_SHARED_LIBS)
  set(lagoon_pc_archive_requires ", libcrypto >= 3")
endif()

function(install_library target component export pc)
  install(TARGETS ${target} EXPORT ${export}
    LIBRARY COMPONENT ${component} NAMELINK_COMPONENT ${component}-dev
    ARCHIVE COMPONENT ${component}-dev)
  if(TARGET ${target}_archive)
    install(TARGETS ${target}_archive ARCHIVE COMPONENT ${component}-dev)
  endif()
  install(EXPORT ${export} NAMESPACE lagoon:: DESTINATION ${lagoon_config_dir}
    COMPONENT ${component}-dev)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${pc}.pc.in ${PROJECT_BINARY_DIR}/${pc}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${pc}.pc DESTINATION ${lagoon_pc_dir}
    COMPONENT ${component}-dev)
endfunction()

install_library(lagoon liblagoon lagoonTargets lagoon)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lagoon TYPE INCLUDE COMPONENT liblagoon-dev
  PATTERN remote EXCLUDE)
if(TARGET lagoon_remote)
  install_library(lagoon_remote liblagoon-remote lagoonRemoteTargets lagoon-remote)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lagoon/remote
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lagoon COMPONENT liblagoon-remote-dev)
endif()

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/lagoonConfig.cmake.in ${PROJECT_BINARY_DIR}/lagoonConfig.cmake
  INSTALL_DESTINATION ${lagoon_config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lagoonConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/lagoonConfig.cmake
  ${PROJECT_BINARY_DIR}/lagoonConfigVersion.cmake
  DESTINATION ${lagoon_config_dir} COMPONENT liblagoon-dev)
