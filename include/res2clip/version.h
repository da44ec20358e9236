/* The version of the library that a program is compiled with, for C and C++. The one that it runs with says
 * res2clip::version() (core/version.hpp) or res2clip_version() (c.h). CMake reads the version here. */
#ifndef RES2CLIP_VERSION_H
#define RES2CLIP_VERSION_H

#define RES2CLIP_VERSION_MAJOR 0
#define RES2CLIP_VERSION_MINOR 1
#define RES2CLIP_VERSION_PATCH 0
#define RES2CLIP_VERSION "0.1.0"

#endif
