#include "res2clip/image/write.hpp"

#include <bit>
#include <string_view>
#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

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

}  // namespace

void write_png(const Path& path, const at::Tensor& pixels) {
  const bool colour = pixels.dim() == 3;
  TORCH_CHECK(pixels.scalar_type() == at::kByte && (pixels.dim() == 2 || (colour && pixels.size(2) == 3)),
              "write_png wants uint8 [H, W, 3] or [H, W]");
  const at::Tensor whole = pixels.cpu().contiguous();
  const cv::Mat rgb(static_cast<int>(whole.size(0)), static_cast<int>(whole.size(1)),
                    colour ? CV_8UC3 : CV_8UC1, whole.data_ptr<std::uint8_t>());
  std::vector<unsigned char> bytes;
  try {
    cv::Mat bgr;
    if (colour) cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    if (!cv::imencode(".png", colour ? bgr : rgb, bytes))
      throw runtime_error(path.string() + ": cannot be encoded as PNG");
  } catch (const cv::Exception& failure) {
    throw runtime_error(path.string() + ": cannot be encoded as PNG: " + failure.err);
  }
  write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void write_float_map(const Path& path, const at::Tensor& map) {
  TORCH_CHECK(map.dim() == 2 && map.scalar_type() == at::kFloat, "write_float_map wants float32 [H, W]");
  const at::Tensor whole = map.cpu().contiguous();
  std::string bytes = npy_header(whole.size(0), whole.size(1));
  bytes.append(static_cast<const char*>(whole.data_ptr()), whole.nbytes());
  write_file(path, bytes);
}

}  // namespace res2clip
