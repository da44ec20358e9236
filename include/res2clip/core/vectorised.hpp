#pragma once

/// For functions whose loops are written for the compiler to vectorise: they are compiled once per
/// instruction set and chosen when the program starts. (Sanitizers cannot run before the choice is made.)
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define RES2CLIP_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define RES2CLIP_VECTORISED
#endif
