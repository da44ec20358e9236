#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/retrieval/match.hpp"

namespace res2clip {

/// The part of every image that is looked at. What is outside takes no part in patch features, maps and their
/// top means (Eqs. 6 to 12); the global feature alone sees the whole image. All tensors on one device.
struct RegionOfInterest {
  at::Tensor pixels;   ///< bool [H, W], pixels of a map: true inside
  at::Tensor places;   ///< int64 [P], the pixels inside, row-major
  at::Tensor patches;  ///< int64 [M], the patches inside, row-major: those with at least half of their pixels
  at::Tensor nearest;  ///< int64 [N], of each patch the nearest one inside; of those inside themselves

  RegionOfInterest to(c10::Device device) const;
};

/// Of a bool or uint8 mask [H, W] on the CPU or a GPU, H and W multiples of the grid's rows and columns.
/// Nothing where all pixels are inside. Throws a data error for another tensor, and a settings error where no
/// patch is inside.
std::optional<RegionOfInterest> region_of_interest(const at::Tensor& inside, const Grid& grid);

/// [B, N, ...] -> the same with the patches outside replaced by the nearest inside, so that nothing from
/// outside reaches in when maps are upsampled and smoothed.
at::Tensor filled(const at::Tensor& patches, const RegionOfInterest& region);

/// match() among the references' patches inside alone: Eqs. 8 and 34 over those. Takes and throws what
/// match() does, and a settings error for pooled similarity, whose neighbourhoods reach over the border.
Match match_within(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                   const MatchOptions& options, const RegionOfInterest& region);

/// [B, H, W] -> [B, P] the values inside.
at::Tensor values_inside(const at::Tensor& maps, const RegionOfInterest& region);
/// [B, H, W] -> the same with each image's lowest value inside everywhere outside.
at::Tensor calm_outside(const at::Tensor& maps, const RegionOfInterest& region);

}  // namespace res2clip
