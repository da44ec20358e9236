#pragma once

/// From patch scores to anomaly maps and their highest values, on a CUDA device. Device pointers to
/// contiguous float32. No LibTorch.
namespace res2clip::cuda {

constexpr int kBranches = 3, kMostLayers = 32, kLargestRadius = 16;

/// A window of 2 * radius + 1 weights, applied down and along a map with zeros beyond its border. Radius 0
/// and weight 1 leave the map as it is.
struct Window {
  int radius;
  float weights[2 * kLargestRadius + 1];
};

/// The patch scores of one branch: the mean of its layers counts.
struct BranchScores {
  int layers;
  const float* scores[kMostLayers];  ///< each [images, rows, cols]
};

/// Each branch's map: mean over layers, bilinear upsampling (corners not aligned), window.
struct DrawBranches {
  BranchScores branches[kBranches];
  float* maps;  ///< [kBranches, images, height, width]: out
  long long images;
  int rows, cols, height, width;  ///< of a patch grid and of a map; a map is not smaller
  Window window;
};

/// The weighted sum of the branches' maps, then the window.
struct FuseBranches {
  const float* maps;  ///< [kBranches, images, height, width]
  float weights[kBranches];
  float* fused;  ///< [images, height, width]: out
  long long images;
  int height, width;
  Window window;
};

/// Parts of a map that are looked through side by side, and the bins in which the digits of its values are
/// counted.
constexpr int kParts = 16, kDigits = 3, kBins = 2048;

/// The mean of the `count` highest values of each map; NaN counts as the highest.
struct MeanHighest {
  const float* maps;  ///< [maps_count, pixels]
  float* means;       ///< [maps_count]: out
  long long maps_count, pixels, count;
  int* bins;    ///< [maps_count, kDigits, kBins]: room, zeros
  float* sums;  ///< [maps_count, kParts]: room
};

/// The products of rows with one vector.
struct ProjectRows {
  const float* rows;       ///< [count, channels]
  const float* direction;  ///< [channels]
  float* products;         ///< [count]: out
  long long count, channels;
};

/// Each starts its work on `stream` (a cudaStream_t) and does not wait for it. Returns cudaSuccess (0) or the
/// error of a launch.
int draw_branches(const DrawBranches& task, void* stream);
int fuse_branches(const FuseBranches& task, void* stream);
int mean_highest(const MeanHighest& task, void* stream);
int project_rows(const ProjectRows& task, void* stream);

}  // namespace res2clip::cuda
