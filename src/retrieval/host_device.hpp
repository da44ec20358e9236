#pragma once

/// Marks a function that hosts and CUDA devices share.
#ifdef __CUDACC__
#define RES2CLIP_HOST_DEVICE __host__ __device__
#else
#define RES2CLIP_HOST_DEVICE
#endif
