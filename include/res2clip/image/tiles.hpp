#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/image/options.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/image/region.hpp"

namespace res2clip {

/// Into how many tiles an image is cut: rows times columns. Neighbours share a quarter of a tile's side.
struct TileLayout {
  std::int64_t rows = 1, cols = 1;

  std::int64_t count() const { return rows * cols; }
  bool operator==(const TileLayout&) const = default;
};

/// How all images of a product are cut.
struct Tiling {
  TileLayout layout;
  ImageSize size;       ///< of the references' images; others have the same aspect
  bool common = false;  ///< tiles are compared with those of all places, not with those of their own alone

  /// Inputs that an image becomes: the whole image first, then, if they are several, its tiles, row-major.
  std::int64_t inputs() const { return layout.count() > 1 ? 1 + layout.count() : 1; }
};

/// Inputs that an image becomes; 1 without tiles.
std::int64_t inputs_of(const std::optional<Tiling>& tiling);

/// At most so many tiles along a side.
inline constexpr std::int64_t kMostTilesAlong = 16;

/// What "RxC" (rows x columns) or "auto" says of images of this size for a network whose input is `input`
/// pixels wide. auto: one tile where the longer side is at most twice the shorter one and the shorter one at
/// most four times the input; else tiles about as wide as the shorter side, and at most four times the input.
/// Throws a settings error for other text, for more than kMostTilesAlong, and for tiles of less than 16
/// pixels.
TileLayout tile_layout(const std::string& text, const ImageSize& image, std::int64_t input);

/// The tiles of an image, row-major. They cover it, all have one size, and neighbours share a quarter of it,
/// to the pixel. One tile is the whole image.
std::vector<Box> tile_boxes(const TileLayout& layout, const ImageSize& image);

/// Throws a data error that names the image if its aspect is not that of the tiling, by more than 2 %.
void require_aspect(const ImageSize& image, const Tiling& tiling, const std::string& name);

/// A part of an image, copied.
DecodedImage cropped(const DecodedImage& image, const Box& box);

/// The inputs that an image becomes: float32 [Tiling::inputs(), 3, S, S], contiguous, on the CPU, each as
/// prepare_image() gives that of the cropped image. Throws as prepare_image and require_aspect do; `name` is
/// for messages. Without a tiling `inputs` is [1, 3, S, S].
void prepare_inputs_into(const at::Tensor& inputs, const DecodedImage& image, const ImageOptions& options,
                         const std::optional<Tiling>& tiling, const std::string& name);

/// Maps of tiles as one map of the whole image: `tiles`, row-major, are float32 [B, H, W] each, and the
/// result is [B, H + (rows - 1) * H', W + (cols - 1) * W'], H' and W' three quarters of H and W. Where tiles
/// overlap they are mixed by weights that fall evenly towards a tile's border, so that no seam shows. One
/// tile is given back as it is.
at::Tensor stitched(const std::vector<at::Tensor>& tiles, const TileLayout& layout);

}  // namespace res2clip
