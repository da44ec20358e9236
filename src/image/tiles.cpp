#include "res2clip/image/tiles.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/prepare.hpp"

#include "foreign_errors.hpp"

namespace res2clip {
namespace {

/// From one tile to the next, as a share of a tile's side.
constexpr double kStep = 0.75;
constexpr std::int64_t kSmallestTile = 16;
constexpr double kAspectTolerance = 0.02;
/// `auto`: images longer than this times their width are cut, and tiles are at most so many inputs wide.
constexpr double kLongestAspect = 2.0;
constexpr std::int64_t kInputsAcross = 4;

/// The side of each of `count` tiles that cover `whole` pixels.
std::int64_t side_of(std::int64_t whole, std::int64_t count) {
  return static_cast<std::int64_t>(
      std::ceil(static_cast<double>(whole) / (1 + kStep * static_cast<double>(count - 1))));
}

/// Where tile `i` of `count` begins: the first at 0, the last ends with the image.
std::int64_t begin_of(std::int64_t i, std::int64_t whole, std::int64_t count) {
  if (count == 1) return 0;
  return std::llround(static_cast<double>(i * (whole - side_of(whole, count))) /
                      static_cast<double>(count - 1));
}

std::string size_text(const ImageSize& size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

/// Nothing for text that is not a whole number of tiles.
std::optional<std::int64_t> tiles_along(const std::string& text) {
  std::int64_t count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (problem != std::errc() || end != text.data() + text.size() || count < 1 || count > kMostTilesAlong)
    return std::nullopt;
  return count;
}

TileLayout named_layout(const std::string& text) {
  const std::size_t cross = text.find('x');
  if (cross != std::string::npos) {
    const auto rows = tiles_along(text.substr(0, cross)), cols = tiles_along(text.substr(cross + 1));
    if (rows && cols) return {*rows, *cols};
  }
  throw settings_error("tiles \"" + text + "\": takes ROWSxCOLUMNS, as 3x1, with 1 to " +
                       std::to_string(kMostTilesAlong) + " of each, or auto");
}

TileLayout fitting_layout(const ImageSize& image, std::int64_t input) {
  const std::int64_t shorter = std::min(image.height, image.width);
  const std::int64_t longer = std::max(image.height, image.width);
  const std::int64_t widest = std::max<std::int64_t>(1, kInputsAcross * input);
  if (static_cast<double>(longer) <= kLongestAspect * static_cast<double>(shorter) && shorter <= widest)
    return {};
  const auto unit = static_cast<double>(std::min(shorter, widest));
  const auto along = [unit](std::int64_t side) {
    return std::clamp<std::int64_t>(std::llround(static_cast<double>(side) / unit), 1, kMostTilesAlong);
  };
  return {along(image.height), along(image.width)};
}

/// [side] how much each place of a tile counts: least at both ends, most in the middle, never 0.
at::Tensor tent(std::int64_t side, const at::TensorOptions& options) {
  const at::Tensor places = at::arange(1, side + 1, options);
  return at::minimum(places, places.neg().add(static_cast<double>(side + 1)));
}

}  // namespace

std::int64_t inputs_of(const std::optional<Tiling>& tiling) {
  return tiling ? tiling->inputs() : 1;
}

TileLayout tile_layout(const std::string& text, const ImageSize& image, std::int64_t input) {
  const TileLayout layout = text == "auto" ? fitting_layout(image, input) : named_layout(text);
  if (layout.count() > 1 && (side_of(image.height, layout.rows) < kSmallestTile ||
                             side_of(image.width, layout.cols) < kSmallestTile))
    throw settings_error("tiles \"" + text + "\": an image of " + size_text(image) +
                         " pixels would have tiles of less than " + std::to_string(kSmallestTile) +
                         " pixels; ask for fewer");
  return layout;
}

std::vector<Box> tile_boxes(const TileLayout& layout, const ImageSize& image) {
  const std::int64_t height = side_of(image.height, layout.rows), width = side_of(image.width, layout.cols);
  std::vector<Box> boxes;
  for (std::int64_t row = 0; row < layout.rows; ++row)
    for (std::int64_t col = 0; col < layout.cols; ++col)
      boxes.push_back(
          {begin_of(col, image.width, layout.cols), begin_of(row, image.height, layout.rows), width, height});
  return boxes;
}

void require_aspect(const ImageSize& image, const Tiling& tiling, const std::string& name) {
  const auto aspect = [](const ImageSize& size) {
    return static_cast<double>(size.width) / static_cast<double>(size.height);
  };
  if (std::abs(aspect(image) / aspect(tiling.size) - 1) <= kAspectTolerance) return;
  throw data_error(name + ": is " + size_text(image) +
                   " pixels large; tiles need images of the references' " + "aspect, and those are " +
                   size_text(tiling.size) + "; crop it to that aspect, or do without tiles");
}

DecodedImage cropped(const DecodedImage& image, const Box& box) {
  const auto part = [&box](const at::Tensor& pixels) {
    return pixels.narrow(0, box.y, box.height).narrow(1, box.x, box.width).contiguous();
  };
  DecodedImage result = image;
  result.rgb = part(image.rgb);
  if (image.alpha.defined()) result.alpha = part(image.alpha);
  return result;
}

void prepare_inputs_into(const at::Tensor& inputs, const DecodedImage& image, const ImageOptions& options,
                         const std::optional<Tiling>& tiling, const std::string& name) {
  if (!inputs.defined() || inputs.dim() != 4 || inputs.size(0) != inputs_of(tiling))
    throw data_error("prepare_inputs_into: the room for the inputs must be float32 [" +
                     std::to_string(inputs_of(tiling)) + ", 3, S, S]");
  prepare_image_into(inputs.select(0, 0), image, options);
  if (inputs_of(tiling) == 1) return;
  const ImageSize size{image.rgb.size(0), image.rgb.size(1)};
  require_aspect(size, *tiling, name);
  std::int64_t row = 1;
  for (const Box& box : tile_boxes(tiling->layout, size))
    prepare_image_into(inputs.select(0, row++), cropped(image, box), options);
}

at::Tensor stitched(const std::vector<at::Tensor>& tiles, const TileLayout& layout) {
  if (tiles.empty() || static_cast<std::int64_t>(tiles.size()) != layout.count())
    throw data_error("stitched: " + std::to_string(layout.count()) + " maps of tiles are needed, there are " +
                     std::to_string(tiles.size()));
  if (tiles.size() == 1) return tiles.front();
  const std::int64_t height = tiles.front().size(1), width = tiles.front().size(2);
  const auto step = [](std::int64_t side) {
    return static_cast<std::int64_t>(kStep * static_cast<double>(side));
  };
  const std::int64_t down = step(height), right = step(width);
  const auto options = tiles.front().options();
  const at::Tensor weight = tent(height, options).unsqueeze(1) * tent(width, options);
  const std::int64_t rows = height + (layout.rows - 1) * down, cols = width + (layout.cols - 1) * right;
  const at::Tensor sum = at::zeros({tiles.front().size(0), rows, cols}, options);
  const at::Tensor weights = at::zeros({rows, cols}, options);
  for (std::int64_t i = 0; i < layout.count(); ++i) {
    const std::int64_t top = i / layout.cols * down, left = i % layout.cols * right;
    const auto place = [&](const at::Tensor& whole, std::int64_t first) {
      return whole.narrow(first, top, height).narrow(first + 1, left, width);
    };
    place(sum, 1).add_(tiles[static_cast<std::size_t>(i)] * weight);
    place(weights, 0).add_(weight);
  }
  return sum.div_(weights);
}

}  // namespace res2clip
