#include "res2clip/image/write.hpp"

#include <bit>
#include <charconv>
#include <cstring>

#include <ATen/ops/empty.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "pixels.hpp"

namespace res2clip {
namespace {

static_assert(std::endian::native == std::endian::little, "the .npy files here are written in memory order");

constexpr std::string_view kNpyMagic("\x93NUMPY\x01\x00", 8);

std::string npy_header(std::int64_t rows, std::int64_t columns) {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                     std::to_string(columns) + "), }";
  constexpr std::size_t kBefore = 10, kAlignment = 64;  // magic, version and length come before the text
  text.append(kAlignment - (kBefore + text.size() + 1) % kAlignment, ' ');
  text += '\n';
  const std::string length{static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
  return std::string(kNpyMagic) + length + text;
}

PixelRows rows_of(const at::Tensor& pixels) {
  return {pixels.data_ptr<std::uint8_t>(), pixels.size(1), pixels.size(0), pixels.size(2)};
}

}  // namespace

void write_png(const Path& path, const at::Tensor& pixels, PngEffort effort) {
  const at::Tensor whole = channel_pixels(pixels, "write_png");
  if (whole.size(2) != 1 && whole.size(2) != 3)
    throw data_error("write_png: got " + std::to_string(whole.size(2)) + " channels; it must be RGB or grey");
  write_file(path, encode_png(rows_of(whole), effort));
}

void write_jpeg(const Path& path, const at::Tensor& pixels, int quality) {
  write_file(path, encode_jpeg(rows_of(rgb_pixels(pixels, "write_jpeg")), quality));
}

void write_float_map(const Path& path, const at::Tensor& map) {
  const at::Tensor whole = map_values(map, "write_float_map");
  std::string bytes = npy_header(whole.size(0), whole.size(1));
  bytes.append(static_cast<const char*>(whole.data_ptr()), whole.nbytes());
  write_file(path, bytes);
}

}  // namespace res2clip
