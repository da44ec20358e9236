#pragma once

#include <string>

namespace res2clip {

/// "0.1.0"
std::string version();
/// LibTorch's version, whether this build has CUDA kernels, compiler.
std::string build_description();

}  // namespace res2clip
