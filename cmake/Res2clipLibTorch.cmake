# Makes the target `res2clip_libtorch` out of whichever LibTorch is at hand, for the build and for projects that use the
# installed package. Without one, `_res2clip_missing` says so.
#
# 1. A LibTorch of the user's own (CMAKE_PREFIX_PATH as variable or environment, Torch_DIR, Torch_ROOT), 2.4 or later:
#    find_package(Torch). Where one is named, no other is taken.
# 2. The wheel that scripts/setup.sh unpacked (RES2CLIP_LIBTORCH, by default in ~/.cache/res2clip). A CPU build takes
#    only libtorch_cpu and libc10 out of it: find_package(Torch) of that wheel asks for a CUDA toolkit, which a CPU
#    build does not need. A CUDA build uses find_package(Torch) there too.
#
# In: RES2CLIP_CUDA. Out: _res2clip_libtorch_folder (of its libraries), _res2clip_libtorch_version ("2.11.0"),
# _res2clip_libtorch_abi (_GLIBCXX_USE_CXX11_ABI: 0 or 1).
set(_res2clip_missing "")
set(_res2clip_cache "$ENV{RES2CLIP_CACHE}")
if(NOT _res2clip_cache)
  set(_res2clip_cache "$ENV{HOME}/.cache/res2clip")
endif()
if(RES2CLIP_CUDA)
  set(_res2clip_variant cuda)
else()
  set(_res2clip_variant cpu)
endif()
set(RES2CLIP_LIBTORCH "${_res2clip_cache}/libtorch-2.11.0-${_res2clip_variant}"
    CACHE PATH "Folder into which the torch wheel was unpacked")

if(NOT TARGET res2clip_libtorch)
  add_library(res2clip_libtorch INTERFACE IMPORTED GLOBAL)
endif()
# Another try, after one that found none or a wrong one.
foreach(_res2clip_property LINK_LIBRARIES LINK_OPTIONS COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES SYSTEM_INCLUDE_DIRECTORIES)
  set_property(TARGET res2clip_libtorch PROPERTY INTERFACE_${_res2clip_property})
endforeach()

# find_package(Torch) of a LibTorch with CUDA switches CUDA on with the standard of the C++ files, which CMake 3.25 does
# not know of nvcc. The kernels are C++17.
if(NOT CMAKE_CUDA_STANDARD)
  set(CMAKE_CUDA_STANDARD 17)
endif()

# A CUDA build looks for Torch inside the wheel; any build honours a Torch the user points at. A prefix path may name other
# things than a LibTorch; the other two mean one.
set(_res2clip_torch_minimum 2.4)
set(_res2clip_torch_named FALSE)
set(_res2clip_torch_note "")
if(Torch_DIR OR Torch_ROOT OR DEFINED ENV{Torch_ROOT})
  set(_res2clip_torch_named TRUE)
  find_package(Torch ${_res2clip_torch_minimum} QUIET)
elseif(CMAKE_PREFIX_PATH OR DEFINED ENV{CMAKE_PREFIX_PATH})
  find_package(Torch ${_res2clip_torch_minimum} QUIET)
  if(NOT Torch_FOUND AND NOT _res2clip_of_package)
    set(_res2clip_torch_note " (no LibTorch ${_res2clip_torch_minimum} or later below CMAKE_PREFIX_PATH)")
  endif()
endif()
if(RES2CLIP_CUDA AND NOT Torch_FOUND AND NOT _res2clip_torch_named)
  find_package(Torch ${_res2clip_torch_minimum} QUIET PATHS "${RES2CLIP_LIBTORCH}/torch" NO_DEFAULT_PATH)
endif()

# LibTorch's libraries export old copies of parts of the C++ library (std::filesystem among them). Whoever stands first in a
# program's list of libraries gives it these functions, and LibTorch's remove_all crashes.
target_link_libraries(res2clip_libtorch INTERFACE "-Wl,--push-state,--no-as-needed,-lstdc++,--pop-state")

set(_res2clip_wheel "")
set(_res2clip_torch_root "")
if(Torch_FOUND AND TORCH_INSTALL_PREFIX PATH_EQUAL "${RES2CLIP_LIBTORCH}/torch")
  # The headers, if they are the same, of the wheel that a CPU build takes: both forms then compile most files by the same line,
  # and ccache compiles these once.
  set(_res2clip_torch_root "${TORCH_INSTALL_PREFIX}")
  set(_res2clip_wheel "${TORCH_INSTALL_PREFIX}")
  string(REGEX REPLACE "-cuda/torch$" "-cpu/torch" _res2clip_cpu_wheel "${_res2clip_wheel}")
  if(EXISTS "${_res2clip_cpu_wheel}/version.py")
    file(SHA256 "${_res2clip_cpu_wheel}/version.py" _res2clip_cpu_version)
    file(SHA256 "${_res2clip_wheel}/version.py" _res2clip_cuda_version)
    if(_res2clip_cpu_version STREQUAL _res2clip_cuda_version)
      set(_res2clip_wheel "${_res2clip_cpu_wheel}")
    endif()
  endif()
  foreach(_res2clip_library ${TORCH_LIBRARIES})
    if(TARGET ${_res2clip_library})
      target_link_libraries(res2clip_libtorch INTERFACE $<LINK_ONLY:${_res2clip_library}>)
    else()
      target_link_libraries(res2clip_libtorch INTERFACE ${_res2clip_library})
    endif()
  endforeach()
  set(_res2clip_torch_note " with CUDA, from the wheel in ${RES2CLIP_LIBTORCH}")
elseif(Torch_FOUND)
  set(_res2clip_torch_root "${TORCH_INSTALL_PREFIX}")
  separate_arguments(_res2clip_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_include_directories(res2clip_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_compile_options(res2clip_libtorch INTERFACE ${_res2clip_torch_flags})
  target_link_libraries(res2clip_libtorch INTERFACE ${TORCH_LIBRARIES})
  set(_res2clip_torch_note " from ${TORCH_INSTALL_PREFIX}")
elseif(_res2clip_torch_named)
  set(_res2clip_missing "no LibTorch ${_res2clip_torch_minimum} or later where Torch_DIR or Torch_ROOT says.")
elseif(RES2CLIP_CUDA OR NOT EXISTS "${RES2CLIP_LIBTORCH}/torch/lib/libtorch_cpu.so")
  set(_res2clip_missing "no LibTorch in ${RES2CLIP_LIBTORCH}${_res2clip_torch_note}. Run scripts/setup.sh (with --cuda for a CUDA\
 build), or name a LibTorch of your own with -DCMAKE_PREFIX_PATH=DIR.")
else()
  set(_res2clip_wheel "${RES2CLIP_LIBTORCH}/torch")
  set(_res2clip_torch_root "${_res2clip_wheel}")
  target_link_libraries(res2clip_libtorch INTERFACE "${_res2clip_wheel}/lib/libtorch_cpu.so" "${_res2clip_wheel}/lib/libc10.so")
  target_link_options(res2clip_libtorch INTERFACE
    "LINKER:-rpath-link,${_res2clip_wheel}/lib" "LINKER:-rpath-link,${RES2CLIP_LIBTORCH}/nvidia/cu13/lib")
  set(_res2clip_torch_note " from the wheel in ${RES2CLIP_LIBTORCH}${_res2clip_torch_note}")
endif()

if(_res2clip_wheel)
  target_include_directories(res2clip_libtorch SYSTEM INTERFACE
    "${_res2clip_wheel}/include" "${_res2clip_wheel}/include/torch/csrc/api/include")
  # The macros that it leaves out matter on Windows alone.
  target_compile_definitions(res2clip_libtorch INTERFACE C10_CUDA_NO_CMAKE_CONFIGURE_FILE)
endif()

# at::parallel_for is inline and needs OpenMP switched on; no public header uses it. Only the switch: the runtime loaded is
# LibTorch's own.
if(NOT _res2clip_of_package)
  target_compile_options(res2clip_libtorch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
endif()
target_link_options(res2clip_libtorch INTERFACE $<$<LINK_LANGUAGE:CXX>:-fopenmp>)

if(NOT _res2clip_missing)
  set(_res2clip_libtorch_folder "${_res2clip_torch_root}/lib")
  # Older versions have it elsewhere; before 2.7 wheels had the old ABI, which their package file states.
  set(_res2clip_libtorch_version "")
  foreach(_res2clip_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(EXISTS "${_res2clip_torch_root}/include/${_res2clip_header}" AND NOT _res2clip_libtorch_version)
      file(STRINGS "${_res2clip_torch_root}/include/${_res2clip_header}" _res2clip_numbers REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
      list(TRANSFORM _res2clip_numbers REPLACE ".* ([0-9]+).*" "\\1")
      list(JOIN _res2clip_numbers "." _res2clip_libtorch_version)
    endif()
  endforeach()
  set(_res2clip_libtorch_abi 1)
  if(EXISTS "${_res2clip_torch_root}/share/cmake/Torch/TorchConfig.cmake")
    file(STRINGS "${_res2clip_torch_root}/share/cmake/Torch/TorchConfig.cmake" _res2clip_flags REGEX "GLIBCXX_USE_CXX11_ABI=0")
    if(_res2clip_flags)
      set(_res2clip_libtorch_abi 0)
    endif()
  endif()
  if(NOT res2clip_FIND_QUIETLY)
    message(STATUS "res2clip: LibTorch ${_res2clip_libtorch_version}${_res2clip_torch_note}")
  endif()
endif()
