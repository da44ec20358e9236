#pragma once

/// The kernels of maps.hpp that draw.

#include "res2clip/compute/cuda_block.cuh"

#include "maps.hpp"

namespace res2clip::cuda {

#ifdef __CUDACC__
/// The shared memory whose size the launch gives.
__device__ inline float* tile_memory() {
  extern __shared__ __align__(16) float tile[];
  return tile;
}
#else
inline float* tile_memory() {
  return dynamic_shared();
}
#endif

/// A block draws kTile x kTile pixels of one map.
constexpr int kTile = 32, kDrawThreads = 256;

/// Where a block's tile lies.
struct Tile {
  long long map;
  int top, left;
};

__host__ __device__ inline long long tiles_along(int length) {
  return (length + kTile - 1) / kTile;
}
__host__ __device__ inline long long tiles_of(long long maps, int height, int width) {
  return maps * tiles_along(height) * tiles_along(width);
}
__device__ inline Tile tile_of_block(int height, int width) {
  const long long along = tiles_along(width), tiles = along * tiles_along(height), tile = blockIdx.x % tiles;
  return {blockIdx.x / tiles, static_cast<int>(tile / along) * kTile, static_cast<int>(tile % along) * kTile};
}

/// Floats of shared memory: the tile with a margin, and its sums down the columns.
__host__ __device__ inline int window_floats(int radius) {
  const int side = kTile + 2 * radius;
  return side * side + kTile * side;
}

/// Writes the tile of `map` [height, width] whose pixels before the window are `pixel(y, x)`. Sums run in the
/// window's order.
template <class Pixel>
__device__ void draw_tile(const Tile& tile, int height, int width, const Window& window, float* memory,
                          float* map, Pixel pixel) {
  const int side = kTile + 2 * window.radius, length = 2 * window.radius + 1;
  const int thread = static_cast<int>(threadIdx.x);
  float* columns = memory + side * side;
  for (int i = thread; i < side * side; i += kDrawThreads) {
    const int y = tile.top - window.radius + i / side, x = tile.left - window.radius + i % side;
    memory[i] = 0 <= y && y < height && 0 <= x && x < width ? pixel(y, x) : 0.0f;
  }
  __syncthreads();
  for (int i = thread; i < kTile * side; i += kDrawThreads) {
    float sum = 0;
    for (int k = 0; k < length; ++k) sum += window.weights[k] * memory[i + k * side];
    columns[i] = sum;
  }
  __syncthreads();
  for (int i = thread; i < kTile * kTile; i += kDrawThreads) {
    const int row = i / kTile, col = i % kTile, y = tile.top + row, x = tile.left + col;
    if (y >= height || x >= width) continue;
    float sum = 0;
    for (int k = 0; k < length; ++k) sum += window.weights[k] * columns[row * side + col + k];
    map[static_cast<long long>(y) * width + x] = sum;
  }
}

/// Between which patches a pixel lies, and how far from the first to the second.
struct Between {
  int first, second;
  float share;
};
__device__ inline float patches_per_pixel(int patches, int pixels) {
  return static_cast<float>(patches) / static_cast<float>(pixels);
}
__device__ inline Between patches_at(int pixel, float scale, int patches) {
  const float place = fmaxf(scale * (static_cast<float>(pixel) + 0.5f) - 0.5f, 0.0f);
  const int first = static_cast<int>(place) < patches ? static_cast<int>(place) : patches - 1;
  return {first, first + 1 < patches ? first + 1 : first, place - static_cast<float>(first)};
}

/// Patches that a tile with its margin can lie between, along one dimension.
__host__ __device__ inline int patches_of_tile(int radius, int pixels, int patches) {
  const long long span = static_cast<long long>(kTile + 2 * radius) * patches / pixels + 3;
  return span < patches ? static_cast<int>(span) : patches;
}

/// A rectangle of patch scores, averaged over layers, in shared memory.
struct PatchRectangle {
  int top, left, cols;
  const float* means;

  __device__ float at(int row, int col) const { return means[(row - top) * cols + col - left]; }
};

/// Averages the patches that pixels of the tile and its margin lie between; `down` and `along` are patches
/// per pixel.
__device__ inline PatchRectangle average_patches(const DrawBranches& task, const Tile& tile, float down,
                                                 float along, float* memory) {
  const BranchScores& branch = task.branches[tile.map / task.images];
  const long long image = tile.map % task.images;
  const int radius = task.window.radius, top = tile.top > radius ? tile.top - radius : 0,
            left = tile.left > radius ? tile.left - radius : 0;
  const int rows = patches_of_tile(radius, task.height, task.rows);
  const PatchRectangle rectangle{patches_at(top, down, task.rows).first,
                                 patches_at(left, along, task.cols).first,
                                 patches_of_tile(radius, task.width, task.cols), memory};
  for (int i = static_cast<int>(threadIdx.x); i < rows * rectangle.cols; i += kDrawThreads) {
    const int row = rectangle.top + i / rectangle.cols, col = rectangle.left + i % rectangle.cols;
    if (row >= task.rows || col >= task.cols) continue;
    const long long place = (image * task.rows + row) * task.cols + col;
    float sum = branch.scores[0][place];
    for (int layer = 1; layer < branch.layers; ++layer) sum += branch.scores[layer][place];
    memory[i] = sum / static_cast<float>(branch.layers);
  }
  return rectangle;
}

__host__ __device__ inline int draw_floats(const DrawBranches& task) {
  return window_floats(task.window.radius) + patches_of_tile(task.window.radius, task.height, task.rows) *
                                                 patches_of_tile(task.window.radius, task.width, task.cols);
}

__global__ void __launch_bounds__(kDrawThreads)
    draw_branches_kernel(const __grid_constant__ DrawBranches task) {
  const Tile tile = tile_of_block(task.height, task.width);
  float* memory = tile_memory();
  const float down = patches_per_pixel(task.rows, task.height),
              along = patches_per_pixel(task.cols, task.width);
  const PatchRectangle patches =
      average_patches(task, tile, down, along, memory + window_floats(task.window.radius));
  __syncthreads();
  const auto pixel = [&](int y, int x) {
    const Between rows = patches_at(y, down, task.rows), cols = patches_at(x, along, task.cols);
    const auto in_row = [&](int row) {
      return (1 - cols.share) * patches.at(row, cols.first) + cols.share * patches.at(row, cols.second);
    };
    return (1 - rows.share) * in_row(rows.first) + rows.share * in_row(rows.second);
  };
  draw_tile(tile, task.height, task.width, task.window, memory,
            task.maps + tile.map * task.height * task.width, pixel);
}

__global__ void __launch_bounds__(kDrawThreads)
    fuse_branches_kernel(const __grid_constant__ FuseBranches task) {
  const Tile tile = tile_of_block(task.height, task.width);
  const long long pixels = static_cast<long long>(task.height) * task.width;
  const float* maps = task.maps + tile.map * pixels;
  const auto pixel = [&](int y, int x) {
    const float* here = maps + static_cast<long long>(y) * task.width + x;
    float sum = task.weights[0] * here[0];
    for (int branch = 1; branch < kBranches; ++branch)
      sum += task.weights[branch] * here[branch * task.images * pixels];
    return sum;
  };
  draw_tile(tile, task.height, task.width, task.window, tile_memory(), task.fused + tile.map * pixels, pixel);
}

/// A warp takes a row.
constexpr int kProjectThreads = 128;

__global__ void __launch_bounds__(kProjectThreads) project_rows_kernel(ProjectRows task) {
  const long long warp = static_cast<long long>(blockIdx.x) * (kProjectThreads / kWarp) + warp_of_thread();
  const long long row = warp < task.count ? warp : task.count - 1;  // all warps reach the end
  const float* values = task.rows + row * task.channels;
  float sum = 0;
  for (long long channel = lane_of_thread(); channel < task.channels; channel += kWarp)
    sum += values[channel] * task.direction[channel];
  sum = across_warp(sum, Add());
  if (lane_of_thread() == 0 && warp < task.count) task.products[row] = sum;
}

}  // namespace res2clip::cuda
