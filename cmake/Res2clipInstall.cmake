# `cmake --install` gives headers, the rooms' libraries, the program, the settings files, and a package that
# find_package(res2clip) finds.
include(CMakePackageConfigHelpers)
get_property(_rooms GLOBAL PROPERTY RES2CLIP_ROOMS)
install(TARGETS ${_rooms} res2clip_umbrella EXPORT res2clipTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/res2clip DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/res2clip/configs)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES third_party/clip-bpe/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.clip-bpe)
install(TARGETS res2clip_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/res2clip)
install(EXPORT res2clipTargets NAMESPACE res2clip:: DESTINATION ${_package})
set(_res2clip_torch "")
if(Torch_FOUND)
  set(_res2clip_torch "${Torch_DIR}")
endif()
configure_package_config_file(cmake/res2clipConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/res2clipConfig.cmake
  INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/res2clipConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/res2clipConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/res2clipConfigVersion.cmake
  cmake/Res2clipLibTorch.cmake cmake/Res2clipOpenCV.cmake
  cmake/Res2clipImageFormats.cmake DESTINATION ${_package})
