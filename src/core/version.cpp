#include "res2clip/core/version.hpp"

#include <torch/version.h>

#include "res2clip/version.h"

namespace res2clip {

std::string version() {
  return RES2CLIP_VERSION;
}

std::string build_description() {
  std::string text = "LibTorch " TORCH_VERSION ", ";
  text += RES2CLIP_HAS_CUDA ? "with CUDA kernels" : "CPU only";
  return text + ", compiler " __VERSION__;
}

}  // namespace res2clip
