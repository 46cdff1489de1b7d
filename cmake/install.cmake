include(CMakePackageConfigHelpers)

set(lagoon_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lagoon)
install(TARGETS lagoon EXPORT lagoonTargets)
if(TARGET lagoon_remote)
  set(lagoon_has_remote ON)
  install(TARGETS lagoon_remote EXPORT lagoonTargets)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lagoon TYPE INCLUDE)
install(EXPORT lagoonTargets NAMESPACE lagoon:: DESTINATION ${lagoon_config_dir})

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/lagoonConfig.cmake.in ${PROJECT_BINARY_DIR}/lagoonConfig.cmake
  INSTALL_DESTINATION ${lagoon_config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lagoonConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/lagoonConfig.cmake
  ${PROJECT_BINARY_DIR}/lagoonConfigVersion.cmake
  DESTINATION ${lagoon_config_dir})
