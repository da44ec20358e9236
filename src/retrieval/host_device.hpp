#pragma once

/// Marks a function that hosts and CUDA devices share, and a loop whose loads a device may have on their way at once.
#ifdef __CUDACC__
#define RES2CLIP_HOST_DEVICE __host__ __device__
#define RES2CLIP_UNROLL _Pragma("unroll 4")
#else
#define RES2CLIP_HOST_DEVICE
#define RES2CLIP_UNROLL
#endif
