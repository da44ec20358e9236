# `cmake --install` gives headers, the rooms' libraries, the C library, the program, the settings files, and a package that
# find_package(res2clip) finds. Nothing of it names a folder of this machine: the prefix may be moved, and goes to other machines.
include(CMakePackageConfigHelpers)
get_property(_rooms GLOBAL PROPERTY RES2CLIP_ROOMS)
install(TARGETS ${_rooms} res2clip_umbrella EXPORT res2clipTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
# Not installed: what only the library's own files include.
install(DIRECTORY include/res2clip DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  REGEX "/compute/(cuda_block\\.cuh|cuda_status\\.hpp|parallel\\.hpp|foreign_errors\\.hpp)$" EXCLUDE
  REGEX "/core/(atomic_file|json_text|sha256|smallest_norm|unit_length|vectorised)\\.hpp$" EXCLUDE
  REGEX "/torch_files/(archive_seal|crc32|pickle_writer|torchscript_object)\\.hpp$" EXCLUDE
  REGEX "/model/sound_features\\.hpp$|/image/file_kinds\\.hpp$|/settings/check\\.hpp$" EXCLUDE)
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/res2clip/configs)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES third_party/clip-bpe/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.clip-bpe)
install(TARGETS res2clip_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS res2clip_c EXPORT res2clipTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

# LibTorch is looked for in PREFIX/lib/libtorch, which may be a link, then wherever CMAKE_INSTALL_RPATH and the machine say.
file(RELATIVE_PATH _from_bin /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR}/libtorch)
set_property(TARGET res2clip_program PROPERTY INSTALL_RPATH "$ORIGIN/${_from_bin};${CMAKE_INSTALL_RPATH}")
set_property(TARGET res2clip_c PROPERTY INSTALL_RPATH "$ORIGIN/libtorch;${CMAKE_INSTALL_RPATH}")

set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/res2clip)
install(EXPORT res2clipTargets NAMESPACE res2clip:: DESTINATION ${_package})
list(TRANSFORM _rooms REPLACE "^res2clip_" "" OUTPUT_VARIABLE _room_names)
list(APPEND _room_names c)
configure_package_config_file(cmake/res2clipConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/res2clipConfig.cmake
  INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/res2clipConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/res2clipConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/res2clipConfigVersion.cmake
  cmake/Res2clipLibTorch.cmake cmake/Res2clipOpenCV.cmake
  cmake/Res2clipImageFormats.cmake DESTINATION ${_package})
file(RELATIVE_PATH _to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/res2clip_c.pc.in ${CMAKE_CURRENT_BINARY_DIR}/res2clip_c.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/res2clip_c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
