#pragma once

#include <string>

namespace res2clip {

/// What a processor offers for matrix products in reduced precision.
struct Processor {
  std::string name;          ///< as its operating system gives it; empty: unknown
  std::string instructions;  ///< those of the following that it has, as "AVX2, AVX512-VNNI"; empty: none
  bool avx2 = false;
  bool bf16_products = false;  ///< AMX-BF16 or AVX512-BF16
  bool int8_products = false;  ///< AMX-INT8, AVX512-VNNI or AVX-VNNI: products of bytes, summed in 32 bits
};

/// What the text of Linux's /proc/cpuinfo says of the first processor in it.
Processor read_processor(const std::string& cpuinfo);

/// This machine's. Asked once; one without any instructions where it cannot be told.
const Processor& this_processor();

}  // namespace res2clip
