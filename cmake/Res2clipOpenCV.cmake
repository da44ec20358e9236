# Makes the target `res2clip_opencv`: the core and imgproc modules only.
#
# OpenCV's own package file where there is one. Debian's single-module packages (libopencv-imgproc-dev, ...) come
# without it, and the package that has it pulls in every module there is; so headers and libraries are looked up.
add_library(res2clip_opencv INTERFACE IMPORTED GLOBAL)
find_package(OpenCV QUIET COMPONENTS core imgproc)
if(OpenCV_FOUND)
  target_include_directories(res2clip_opencv SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
  target_link_libraries(res2clip_opencv INTERFACE opencv_core opencv_imgproc)
else()
  find_path(RES2CLIP_OPENCV_INCLUDE opencv2/imgproc.hpp PATH_SUFFIXES opencv4)
  mark_as_advanced(RES2CLIP_OPENCV_INCLUDE)
  if(NOT RES2CLIP_OPENCV_INCLUDE)
    message(FATAL_ERROR "res2clip: no OpenCV. Run scripts/setup.sh, or set OpenCV_DIR.")
  endif()
  target_include_directories(res2clip_opencv SYSTEM INTERFACE ${RES2CLIP_OPENCV_INCLUDE})
  foreach(_module core imgproc)
    find_library(RES2CLIP_OPENCV_${_module} opencv_${_module} REQUIRED)
    mark_as_advanced(RES2CLIP_OPENCV_${_module})
    target_link_libraries(res2clip_opencv INTERFACE ${RES2CLIP_OPENCV_${_module}})
  endforeach()
endif()
