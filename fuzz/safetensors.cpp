#include "clip/tensor_files.hpp"
#include "fuzz/fuzz.hpp"

using namespace res2clip;

RES2CLIP_FUZZ(bytes) {
  const Path path = fuzz::file("weights.safetensors", bytes);
  return fuzz::read_or_refuse([&] { read_safetensors(path); });
}
