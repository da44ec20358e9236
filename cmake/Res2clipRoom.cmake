# res2clip_room(NAME SOURCES file... [NEEDS target...] [USES target...])
#
# One room of the library: src/NAME with its public headers in include/res2clip/NAME, as the static library
# res2clip_NAME, alias res2clip::NAME. NEEDS names other rooms and what public headers include; USES what only
# the .cpp files include.
function(res2clip_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;NEEDS;USES" ${ARGN})
  add_library(res2clip_${name} STATIC ${ROOM_SOURCES})
  add_library(res2clip::${name} ALIAS res2clip_${name})
  set_target_properties(res2clip_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(res2clip_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(res2clip_${name} PUBLIC cxx_std_20)
  target_link_libraries(res2clip_${name} PUBLIC ${ROOM_NEEDS} PRIVATE ${ROOM_USES})
  res2clip_own_code(res2clip_${name})
  set_property(GLOBAL APPEND PROPERTY RES2CLIP_ROOMS res2clip_${name})
endfunction()

# res2clip_cuda_sources(file...): the C++ files of a room that differ between the CPU and the CUDA form. All others are compiled by
# the same line in both, so that ccache compiles them once.
function(res2clip_cuda_sources)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_DEFINITIONS RES2CLIP_HAS_CUDA=$<BOOL:${RES2CLIP_CUDA}>)
  if(RES2CLIP_CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(_folders ${CUDAToolkit_INCLUDE_DIRS})
    list(TRANSFORM _folders PREPEND "-isystem")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${_folders}")
  endif()
endfunction()

# What holds for every target of ours. LibTorch's headers come operator by operator: without that, the header of
# the tensors' arithmetic brings all of ATen (4 s a file).
# Warnings are errors on our own code, unless another compiler than ours finds new ones in a user's build. GCC 12 sees
# overlapping copies in std::string that are not there (its bug 105651) and, under sanitizers, values in <regex> that
# nobody set (its bug 105562).
function(res2clip_own_code target)
  target_compile_definitions(${target} PRIVATE AT_PER_OPERATOR_HEADERS)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wnon-virtual-dtor;-Woverloaded-virtual>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${RES2CLIP_WERROR}>>:-Werror>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>)
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  endif()
endfunction()

# res2clip_embed(TARGET SYMBOL FILE): the bytes of FILE inside the program, as `extern "C" const char SYMBOL[]` and
# `SYMBOL_end[]`.
function(res2clip_embed target symbol file)
  set(_assembly "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.S")
  file(WRITE "${_assembly}.new" "    .section .rodata
    .global ${symbol}
    .global ${symbol}_end
    .balign 16
${symbol}:
    .incbin \"${file}\"
${symbol}_end:
    .byte 0
    .section .note.GNU-stack,\"\",@progbits
")
  file(COPY_FILE "${_assembly}.new" "${_assembly}" ONLY_IF_DIFFERENT)
  set_source_files_properties("${_assembly}" PROPERTIES OBJECT_DEPENDS "${file}")
  target_sources(${target} PRIVATE "${_assembly}")
endfunction()

# res2clip_test(ROOM SOURCES file... NEEDS target...): the tests of one room, one program; each source file with tests is a
# test of ctest's, ROOM.FILE.
function(res2clip_test room)
  cmake_parse_arguments(TEST "" "" "SOURCES;NEEDS" ${ARGN})
  add_executable(test_${room} ${TEST_SOURCES})
  target_link_libraries(test_${room} PRIVATE ${TEST_NEEDS} res2clip_test_support GTest::gmock_main)
  target_precompile_headers(test_${room} REUSE_FROM res2clip_test_support)
  res2clip_own_code(test_${room})
  set_property(GLOBAL APPEND PROPERTY RES2CLIP_TEST_PROGRAMS test_${room})
  list(TRANSFORM TEST_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" REGEX "^[^/]")
  set(_listing "${CMAKE_CURRENT_BINARY_DIR}/test_${room}_list.cmake")
  file(GENERATE OUTPUT "${_listing}" CONTENT "set(room ${room})
set(program \"$<TARGET_FILE:test_${room}>\")
set(sources \"${TEST_SOURCES}\")
include(\"${PROJECT_SOURCE_DIR}/cmake/Res2clipListTests.cmake\")
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${_listing}")
endfunction()
