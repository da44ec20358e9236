#include "res2clip/image/write.hpp"

#include <bit>
#include <charconv>
#include <cstring>

#include <ATen/ops/empty.h>

#include "res2clip/core/error.hpp"

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

/// The number after `where` in a .npy header, and the position behind it.
std::int64_t parse_number(const std::string& bytes, std::size_t& at) {
  std::int64_t value = -1;
  const auto [end, failed] = std::from_chars(bytes.data() + at, bytes.data() + bytes.size(), value);
  if (failed != std::errc()) return -1;
  at = static_cast<std::size_t>(end - bytes.data());
  return value;
}

}  // namespace

void write_png(const Path& path, const at::Tensor& pixels) {
  const at::Tensor whole = channel_pixels(pixels, "write_png");
  if (whole.size(2) != 1 && whole.size(2) != 3)
    throw data_error("write_png: got " + std::to_string(whole.size(2)) + " channels; it must be RGB or grey");
  write_file(path, encode_png({whole.data_ptr<std::uint8_t>(), whole.size(1), whole.size(0), whole.size(2)}));
}

void write_float_map(const Path& path, const at::Tensor& map) {
  const at::Tensor whole = map_values(map, "write_float_map");
  std::string bytes = npy_header(whole.size(0), whole.size(1));
  bytes.append(static_cast<const char*>(whole.data_ptr()), whole.nbytes());
  write_file(path, bytes);
}

at::Tensor read_float_map(const Path& path) {
  const std::string bytes = read_file(path);
  const auto fault = [&](const char* what) { return data_error(path.string() + ": " + what); };
  if (bytes.size() < 10 || !bytes.starts_with(kNpyMagic)) throw fault("is not a .npy file of format 1.0");
  const std::size_t header_size = static_cast<unsigned char>(bytes[8]) | static_cast<unsigned char>(bytes[9])
                                                                             << 8;
  const std::size_t data = 10 + header_size;
  const std::string header = bytes.substr(10, header_size);
  std::size_t at = header.find("'shape': (");
  if (data > bytes.size() || at == std::string::npos || header.find("'descr': '<f4'") == std::string::npos ||
      header.find("'fortran_order': False") == std::string::npos)
    throw fault("is not a float32 array in row order");
  at += 10;
  const std::int64_t rows = parse_number(header, at);
  at += 2;  // ", "
  const std::int64_t columns = at < header.size() ? parse_number(header, at) : -1;
  constexpr std::int64_t kLongest = 1 << 20;
  if (rows < 0 || columns < 0 || rows > kLongest || columns > kLongest)
    throw fault("is not a two-dimensional array");
  if (bytes.size() - data != static_cast<std::size_t>(rows * columns) * sizeof(float))
    throw fault("is truncated");
  at::Tensor map = at::empty({rows, columns}, at::kFloat);
  std::memcpy(map.data_ptr(), bytes.data() + data, bytes.size() - data);
  return map;
}

}  // namespace res2clip
