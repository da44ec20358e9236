#include "res2clip/image/resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "res2clip/compute/compute.hpp"
#include "res2clip/core/error.hpp"

#include "foreign_errors.hpp"
#include "pixels.hpp"

// Wide integer multiplies where the processor has them; the results are integers and so the same everywhere.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define RES2CLIP_VECTOR_CLONES __attribute__((target_clones("avx2", "sse4.1", "default")))
#else
#define RES2CLIP_VECTOR_CLONES
#endif

namespace res2clip {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);
constexpr std::int64_t kLanes = 32;  // rows resampled side by side

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double bilinear(double x) {
  x = std::fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

struct Filter {
  double (*value)(double);
  double support;
};
constexpr Filter kBicubic{bicubic, 2.0};
constexpr Filter kBilinear{bilinear, 1.0};

/// For each output position, where its window of input positions starts and the fixed-point weights of the
/// window.
struct Windows {
  std::int64_t taps;  // stride of `weights`
  std::vector<std::int64_t> first, count;
  std::vector<std::int32_t> weights;
};

std::int32_t fixed_point(double weight) {
  const double scaled = weight * (1 << kPrecisionBits);
  return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

Windows make_windows(std::int64_t in, std::int64_t out, const Filter& filter) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = filter.support * stretch;
  Windows windows;
  windows.taps = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  windows.first.resize(static_cast<std::size_t>(out));
  windows.count.resize(static_cast<std::size_t>(out));
  windows.weights.assign(static_cast<std::size_t>(out * windows.taps), 0);
  std::vector<double> exact(static_cast<std::size_t>(windows.taps));
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
    const auto count = std::min(static_cast<std::int64_t>(centre + support + 0.5), in) - first;
    double total = 0.0;
    for (std::int64_t j = 0; j < count; ++j) {
      const double weight = filter.value((static_cast<double>(j + first) - centre + 0.5) * (1.0 / stretch));
      exact[static_cast<std::size_t>(j)] = weight;
      total += weight;
    }
    for (std::int64_t j = 0; j < count; ++j) {
      const double weight = exact[static_cast<std::size_t>(j)];
      windows.weights[static_cast<std::size_t>(i * windows.taps + j)] =
          fixed_point(total != 0.0 ? weight / total : weight);
    }
    windows.first[static_cast<std::size_t>(i)] = first;
    windows.count[static_cast<std::size_t>(i)] = count;
  }
  return windows;
}

/// out[i] = half + sum over taps of weights[t] * bytes[t * stride + i], shifted back to 8 bits and clipped.
/// Loops over a run of bytes per weight, not over weights per byte: this form the compiler turns into wide
/// integers.
RES2CLIP_VECTOR_CLONES
void weigh_rows(const std::uint8_t* bytes, std::int64_t stride, const std::int32_t* weights,
                std::int64_t taps, std::int64_t width, std::uint8_t* out) {
  constexpr std::int64_t kRun = 384;
  std::int32_t sums[kRun];
  for (std::int64_t start = 0; start < width; start += kRun) {
    const std::int64_t run = std::min(kRun, width - start);
    for (std::int64_t i = 0; i < run; ++i) sums[i] = kHalf;
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::uint8_t* row = bytes + t * stride + start;
      const std::int32_t weight = weights[t];
      for (std::int64_t i = 0; i < run; ++i) sums[i] += weight * row[i];
    }
    for (std::int64_t i = 0; i < run; ++i)
      out[start + i] = static_cast<std::uint8_t>(std::clamp(sums[i] >> kPrecisionBits, 0, 255));
  }
}

/// Resamples along the rows of [H, W, C]. Sixteen rows at a time are turned on their side, so that one weight
/// meets sixteen bytes that lie together.
at::Tensor resample_rows(const at::Tensor& image, std::int64_t width, const Filter& filter) {
  const std::int64_t rows = image.size(0), columns = image.size(1), channels = image.size(2);
  const std::int64_t pitch = columns * channels;
  const Windows windows = make_windows(columns, width, filter);
  at::Tensor result = at::empty({rows, width, channels}, image.options());
  const auto* from = image.data_ptr<std::uint8_t>();
  auto* to = result.data_ptr<std::uint8_t>();
  at::parallel_for(0, (rows + kLanes - 1) / kLanes, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> tile(static_cast<std::size_t>(pitch * kLanes), 0);
    std::vector<std::uint8_t> lanes(static_cast<std::size_t>(channels * kLanes));
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t top = block * kLanes, height = std::min(kLanes, rows - top);
      const std::uint8_t* corner = from + top * pitch;
      for (std::int64_t i = 0; i < pitch; ++i)
        for (std::int64_t y = 0; y < height; ++y)
          tile[static_cast<std::size_t>(i * kLanes + y)] = corner[y * pitch + i];
      for (std::int64_t x = 0; x < width; ++x) {
        const auto index = static_cast<std::size_t>(x);
        const std::int64_t stride = channels * kLanes;
        weigh_rows(tile.data() + windows.first[index] * stride, stride,
                   windows.weights.data() + x * windows.taps, windows.count[index], stride, lanes.data());
        for (std::int64_t y = 0; y < height; ++y)
          for (std::int64_t c = 0; c < channels; ++c)
            to[((top + y) * width + x) * channels + c] = lanes[static_cast<std::size_t>(c * kLanes + y)];
      }
    }
  });
  return result;
}

/// Resamples along the columns of [H, W, C].
at::Tensor resample_columns(const at::Tensor& image, std::int64_t height, const Filter& filter) {
  const std::int64_t stride = image.size(1) * image.size(2);
  const Windows windows = make_windows(image.size(0), height, filter);
  at::Tensor result = at::empty({height, image.size(1), image.size(2)}, image.options());
  const auto* from = image.data_ptr<std::uint8_t>();
  auto* to = result.data_ptr<std::uint8_t>();
  at::parallel_for(0, height, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y) {
      const auto index = static_cast<std::size_t>(y);
      weigh_rows(from + windows.first[index] * stride, stride, windows.weights.data() + y * windows.taps,
                 windows.count[index], stride, to + y * stride);
    }
  });
  return result;
}

at::Tensor resample(const at::Tensor& image, std::int64_t height, std::int64_t width, const Filter& filter) {
  require_size(height, width, "resize");
  require_not_forked();
  at::Tensor pixels = channel_pixels(image, "resize");
  if (width != pixels.size(1)) pixels = resample_rows(pixels, width, filter);
  if (height != pixels.size(0)) pixels = resample_columns(pixels, height, filter);
  if (pixels.data_ptr() == image.data_ptr()) pixels = pixels.clone();
  return image.dim() == 2 ? pixels.squeeze(2) : pixels;
}

/// Source positions of nearest neighbour. Pillow adds up the step in double, and so does this: the last bit
/// can decide.
std::vector<std::int64_t> nearest_positions(std::int64_t in, std::int64_t out) {
  const double step = static_cast<double>(in) / static_cast<double>(out);
  std::vector<std::int64_t> positions;
  double at = step * 0.5;
  for (std::int64_t i = 0; i < out; ++i, at += step)
    positions.push_back(std::min(static_cast<std::int64_t>(at), in - 1));
  return positions;
}

/// a * b / 255, rounded, without a division.
std::uint8_t times_over_255(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return static_cast<std::uint8_t>(((product >> 8) + product) >> 8);
}

}  // namespace

at::Tensor resize_bicubic(const at::Tensor& image, std::int64_t height, std::int64_t width) {
  return with_own_errors("resize_bicubic", [&] { return resample(image, height, width, kBicubic); });
}

at::Tensor resize_bilinear(const at::Tensor& image, std::int64_t height, std::int64_t width) {
  return with_own_errors("resize_bilinear", [&] { return resample(image, height, width, kBilinear); });
}

at::Tensor resize_nearest(const at::Tensor& image, std::int64_t height, std::int64_t width) {
  require_size(height, width, "resize_nearest");
  const at::Tensor pixels = channel_pixels(image, "resize_nearest");
  const auto rows = nearest_positions(pixels.size(0), height);
  const auto columns = nearest_positions(pixels.size(1), width);
  const std::int64_t channels = pixels.size(2);
  at::Tensor result = at::empty({height, width, channels}, pixels.options());
  const auto* from = pixels.data_ptr<std::uint8_t>();
  auto* to = result.data_ptr<std::uint8_t>();
  for (const std::int64_t y : rows)
    for (const std::int64_t x : columns) {
      std::memcpy(to, from + (y * pixels.size(1) + x) * channels, static_cast<std::size_t>(channels));
      to += channels;
    }
  return image.dim() == 2 ? result.squeeze(2) : result;
}

at::Tensor resize_bicubic_premultiplied(const at::Tensor& rgb, const at::Tensor& alpha, std::int64_t height,
                                        std::int64_t width) {
  const std::string function = "resize_bicubic_premultiplied";
  require_size(height, width, function);
  const at::Tensor colours = rgb_pixels(rgb, function), opacity = mask_pixels(alpha, function);
  if (opacity.size(0) != colours.size(0) || opacity.size(1) != colours.size(1))
    throw data_error(function + ": opacity has " + std::to_string(opacity.size(0)) + " x " +
                     std::to_string(opacity.size(1)) + " pixels, the image " +
                     std::to_string(colours.size(0)) + " x " + std::to_string(colours.size(1)) +
                     "; they must be equal");
  at::Tensor joined = at::empty({colours.size(0), colours.size(1), 4}, at::kByte);
  const auto* colour = colours.data_ptr<std::uint8_t>();
  const auto* opaque = opacity.data_ptr<std::uint8_t>();
  auto* quad = joined.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < opacity.numel(); ++i) {
    for (int c = 0; c < 3; ++c) quad[4 * i + c] = times_over_255(colour[3 * i + c], opaque[i]);
    quad[4 * i + 3] = opaque[i];
  }
  const at::Tensor resized = resize_bicubic(joined, height, width);
  at::Tensor result = at::empty({height, width, 3}, at::kByte);
  const auto* from = resized.data_ptr<std::uint8_t>();
  auto* to = result.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < height * width; ++i) {
    const unsigned a = from[4 * i + 3];
    for (int c = 0; c < 3; ++c) {
      const unsigned value = from[4 * i + c];
      to[3 * i + c] = static_cast<std::uint8_t>(a == 0 || a == 255 ? value : std::min(255 * value / a, 255u));
    }
  }
  return result;
}

}  // namespace res2clip
