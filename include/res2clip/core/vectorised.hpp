#pragma once

/// For functions whose loops are written for the compiler to vectorise: they are compiled once per
/// instruction set and chosen when the program starts. (Sanitizers cannot run before the choice is made.)
#ifdef __has_feature  // clang
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RES2CLIP_SANITIZED
#endif
#endif
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && !defined(RES2CLIP_SANITIZED)
#define RES2CLIP_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define RES2CLIP_VECTORISED
#endif
