# Each of the modules that look for a library says in `_res2clip_missing` why there is none. The build ends with that; the
# package, which another project may do without, hands it on (res2clipConfig.cmake).
macro(res2clip_require module)
  include(${module})
  if(_res2clip_missing)
    message(FATAL_ERROR "res2clip: ${_res2clip_missing}")
  endif()
endmacro()
