#include <cuda_runtime.h>

#include "highest_kernel.cuh"
#include "maps.hpp"
#include "maps_kernel.cuh"

namespace res2clip::cuda {
namespace {

/// At most 43 KB (the largest radius, patches of one pixel), which every device gives without being asked.
std::size_t bytes(int floats) {
  return static_cast<std::size_t>(floats) * sizeof(float);
}

}  // namespace

int draw_branches(const DrawBranches& task, void* stream) {
  const auto tiles = tiles_of(kBranches * task.images, task.height, task.width);
  if (tiles == 0) return cudaSuccess;
  cudaGetLastError();  // what an earlier call left behind is not an error of the launch
  draw_branches_kernel<<<static_cast<unsigned>(tiles), kDrawThreads, bytes(draw_floats(task)),
                         static_cast<cudaStream_t>(stream)>>>(task);
  return cudaGetLastError();
}

int fuse_branches(const FuseBranches& task, void* stream) {
  const auto tiles = tiles_of(task.images, task.height, task.width);
  if (tiles == 0) return cudaSuccess;
  cudaGetLastError();
  fuse_branches_kernel<<<static_cast<unsigned>(tiles), kDrawThreads, bytes(window_floats(task.window.radius)),
                         static_cast<cudaStream_t>(stream)>>>(task);
  return cudaGetLastError();
}

int mean_highest(const MeanHighest& task, void* stream) {
  if (task.maps_count == 0) return cudaSuccess;
  const auto on = static_cast<cudaStream_t>(stream);
  const auto maps = static_cast<unsigned>(task.maps_count);
  cudaGetLastError();
  for (int digit = 0; digit < kDigits; ++digit)
    count_digit_kernel<<<maps * kParts, kSelectThreads, 0, on>>>(task, digit);
  sum_highest_kernel<<<maps * kParts, kSelectThreads, 0, on>>>(task);
  mean_highest_kernel<<<maps, kWarp, 0, on>>>(task);
  return cudaGetLastError();
}

int project_rows(const ProjectRows& task, void* stream) {
  if (task.count == 0) return cudaSuccess;
  constexpr int kRows = kProjectThreads / kWarp;
  cudaGetLastError();
  project_rows_kernel<<<static_cast<unsigned>((task.count + kRows - 1) / kRows), kProjectThreads, 0,
                        static_cast<cudaStream_t>(stream)>>>(task);
  return cudaGetLastError();
}

}  // namespace res2clip::cuda
