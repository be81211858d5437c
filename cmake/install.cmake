# `cmake --install` (find_package(kashi) works afterwards) and `cpack` (a .deb).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/kashi")
configure_package_config_file(cmake/kashiConfig.cmake.in kashiConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(kashiConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)

install(DIRECTORY include/kashi DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS kashi EXPORT kashiTargets)
install(EXPORT kashiTargets NAMESPACE kashi:: DESTINATION ${package_dir})
install(FILES "${PROJECT_BINARY_DIR}/kashiConfig.cmake" "${PROJECT_BINARY_DIR}/kashiConfigVersion.cmake"
              cmake/kashiDependencies.cmake DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libkashi-dev)
set(CPACK_PACKAGE_VENDOR "kashi contributors")
set(CPACK_PACKAGE_CONTACT "kashi contributors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libeigen3-dev)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "g++, cmake, libstb-dev, nlohmann-json3-dev, zlib1g-dev")
include(CPack)
