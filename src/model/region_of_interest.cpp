#include "res2clip/model/region_of_interest.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

/// Channels that are added to exclude references: a multiple of 4, which the CUDA kernel reads at once.
constexpr std::int64_t kAddedChannels = 4;

/// Of each patch the nearest of `inside` [M], the first of several: [N].
at::Tensor nearest_of(const at::Tensor& inside, const Grid& grid) {
  const at::Tensor all = at::arange(grid.size(), inside.options());
  const auto along = [&](const at::Tensor& places, bool rows) {
    return rows ? places.div(grid.cols, "floor") : places.remainder(grid.cols);
  };
  const at::Tensor dy = along(all, true).unsqueeze(1) - along(inside, true);
  const at::Tensor dx = along(all, false).unsqueeze(1) - along(inside, false);
  return inside.index_select(0, (dy * dy + dx * dx).argmin(1));
}

}  // namespace

RegionOfInterest RegionOfInterest::to(c10::Device device) const {
  return {pixels.to(device), places.to(device), patches.to(device), nearest.to(device)};
}

std::optional<RegionOfInterest> region_of_interest(const at::Tensor& inside, const Grid& grid) {
  if (!inside.defined() || inside.dim() != 2 ||
      (inside.scalar_type() != at::kBool && inside.scalar_type() != at::kByte) || grid.rows < 1 ||
      grid.cols < 1 || inside.size(0) == 0 || inside.size(1) == 0 || inside.size(0) % grid.rows != 0 ||
      inside.size(1) % grid.cols != 0)
    throw data_error("a region of interest must be bool or uint8 [H, W], as large as the maps of a grid of " +
                     std::to_string(grid.rows) + "x" + std::to_string(grid.cols) + " patches");
  const at::Tensor pixels = inside.cpu().ne(0).contiguous();
  if (pixels.all().item<bool>()) return std::nullopt;
  const at::Tensor shares =
      pixels.to(at::kFloat)
          .view({grid.rows, inside.size(0) / grid.rows, grid.cols, inside.size(1) / grid.cols})
          .mean({1, 3});
  const at::Tensor patches = shares.flatten().ge(0.5).nonzero().flatten();
  if (patches.numel() == 0)
    throw settings_error("the region of interest covers no patch of the image: at least half of one of " +
                         std::to_string(grid.rows) + "x" + std::to_string(grid.cols) +
                         " must be inside; make it larger");
  return RegionOfInterest{pixels, pixels.flatten().nonzero().flatten(), patches, nearest_of(patches, grid)}
      .to(inside.device());
}

at::Tensor filled(const at::Tensor& patches, const RegionOfInterest& region) {
  return patches.index_select(1, region.nearest);
}

// A channel more, 1 in each query patch and far below zero in each reference outside, puts these references
// below all others whatever they look like: by more than 1 above the largest penalty, so that sparsemax gives
// them exactly nothing, and by so much that softmax over chosen ones does too. Each form of match() does it.
Match match_within(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                   const MatchOptions& options, const RegionOfInterest& region) {
  if (options.pooled_similarity)
    throw settings_error(
        "retrieval.pooled_similarity compares neighbourhoods that reach over the border of a region of "
        "interest; leave out one of the two");
  const double below = 1e4 + options.gamma * static_cast<double>(grid.rows + grid.cols + 4);
  const std::int64_t channels = query.size(2);
  const at::Tensor excluded = at::full({grid.size()}, -below, reference.options())
                                  .index_fill_(0, region.patches, 0.0)
                                  .repeat({reference.size(0) / grid.size()})
                                  .unsqueeze(1);
  const at::Tensor one = at::full({query.size(0), query.size(1), 1}, 1.0, query.options());
  const at::Tensor no_query = at::zeros({query.size(0), query.size(1), kAddedChannels - 1}, query.options());
  const at::Tensor no_reference = at::zeros({reference.size(0), kAddedChannels - 1}, reference.options());
  const Match found = match(at::cat({query, one, no_query}, 2),
                            at::cat({reference, excluded, no_reference}, 1), grid, options);
  const at::Tensor matched = found.reference.narrow(2, 0, channels).contiguous();
  const at::Tensor residual = query - matched;
  return {matched, residual, residual.norm(2, {-1})};
}

at::Tensor values_inside(const at::Tensor& maps, const RegionOfInterest& region) {
  return maps.flatten(1).index_select(1, region.places);
}

at::Tensor calm_outside(const at::Tensor& maps, const RegionOfInterest& region) {
  return at::where(region.pixels, maps, values_inside(maps, region).amin({1}).view({-1, 1, 1}));
}

}  // namespace res2clip
