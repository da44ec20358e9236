#include "res2clip/image/read.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "header.hpp"

namespace res2clip {
namespace {

cv::Mat decode(std::string& bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw HeaderFault{"is larger than 2 GB"};
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  const cv::Mat file(1, static_cast<int>(bytes.size()), CV_8UC1, bytes.data());
  cv::Mat pixels;
  try {
    pixels = cv::imdecode(file, cv::IMREAD_UNCHANGED);  // which also leaves EXIF rotation alone
  } catch (const cv::Exception&) {  // its text is about OpenCV's inside; the message below says all
  }
  if (pixels.empty()) throw HeaderFault{"cannot be decoded: it is damaged or truncated"};
  return pixels;
}

/// Pillow clips 16-bit grey at 255. That does no harm to a mask, but would leave nothing of a picture.
enum class WideGrey { clip, refuse };

/// 16 bits to 8 as Pillow does it: the high byte of colours, grey clipped.
cv::Mat to_eight_bits(const cv::Mat& pixels, WideGrey wide_grey) {
  if (pixels.depth() == CV_8U) return pixels;
  if (pixels.depth() != CV_16U)
    throw HeaderFault{"has pixels that are not 8 or 16 bit integers; convert it to 8 bits"};
  const bool grey = pixels.channels() == 1;
  cv::Mat result(pixels.rows, pixels.cols, CV_MAKETYPE(CV_8U, pixels.channels()));
  for (int y = 0; y < pixels.rows; ++y) {
    const auto* from = pixels.ptr<std::uint16_t>(y);
    auto* to = result.ptr<std::uint8_t>(y);
    for (int i = 0; i < pixels.cols * pixels.channels(); ++i) {
      if (grey && from[i] > 255 && wide_grey == WideGrey::refuse)
        throw HeaderFault{
            "is 16-bit grey with values above 255, which Pillow would clip to white; scale it to 8 bits"};
      to[i] = static_cast<std::uint8_t>(grey ? std::min<std::uint16_t>(from[i], 255) : from[i] >> 8);
    }
  }
  return result;
}

DecodedImage decode_bytes(std::string bytes, WideGrey wide_grey) {
  ImageHeader header = read_header(bytes);
  if (!header.pixels.empty()) bytes = std::move(header.pixels);
  const cv::Mat pixels = to_eight_bits(decode(bytes), wide_grey);
  if (pixels.cols != header.width || pixels.rows != header.height)
    throw HeaderFault{"is damaged: its header and its pixels disagree about the size"};
  DecodedImage image;
  image.mode = header.mode;
  image.rgb = at::empty({pixels.rows, pixels.cols, 3}, at::kByte);
  cv::Mat rgb(pixels.rows, pixels.cols, CV_8UC3, image.rgb.data_ptr<std::uint8_t>());
  switch (pixels.channels()) {
    case 1:
      cv::cvtColor(pixels, rgb, cv::COLOR_GRAY2RGB);
      break;
    case 3:
      cv::cvtColor(pixels, rgb, cv::COLOR_BGR2RGB);
      break;
    case 4:
      cv::cvtColor(pixels, rgb, cv::COLOR_BGRA2RGB);
      break;
    default:
      throw HeaderFault{"has " + std::to_string(pixels.channels()) + " channels; convert it to RGB"};
  }
  if (image.mode == PixelMode::alpha && pixels.channels() == 4) {
    image.alpha = at::empty({pixels.rows, pixels.cols}, at::kByte);
    cv::Mat alpha(pixels.rows, pixels.cols, CV_8UC1, image.alpha.data_ptr<std::uint8_t>());
    cv::extractChannel(pixels, alpha, 3);
  } else if (image.mode == PixelMode::alpha) {
    image.mode = PixelMode::direct;
  }
  return image;
}

DecodedImage decode_file(std::string bytes, const Path& path, WideGrey wide_grey) {
  try {
    return decode_bytes(std::move(bytes), wide_grey);
  } catch (const HeaderFault& fault) {
    throw data_error(path.string() + ": " + fault.what);
  } catch (const cv::Exception& failure) {
    throw data_error(path.string() + ": cannot be decoded: " + failure.err);
  }
}

}  // namespace

DecodedImage decode_image(const Path& path) {
  return decode_image(read_file(path), path);
}

DecodedImage decode_image(std::string bytes, const Path& path) {
  return decode_file(std::move(bytes), path, WideGrey::refuse);
}

at::Tensor read_image(const Path& path) {
  return decode_image(path).rgb;
}

at::Tensor read_grey(const Path& path) {
  const at::Tensor rgb = decode_file(read_file(path), path, WideGrey::clip).rgb;
  at::Tensor grey = at::empty({rgb.size(0), rgb.size(1)}, at::kByte);
  const auto* from = rgb.data_ptr<std::uint8_t>();
  auto* to = grey.data_ptr<std::uint8_t>();
  const std::int64_t count = grey.numel();
  // ITU-R 601-2 luma with Pillow's 16-bit weights; they sum to 65536, so that grey stays what it is.
  for (std::int64_t i = 0; i < count; ++i)
    to[i] = static_cast<std::uint8_t>(
        (from[3 * i] * 19595u + from[3 * i + 1] * 38470u + from[3 * i + 2] * 7471u + 0x8000u) >> 16);
  return grey;
}

std::string image_fault(std::string_view bytes, const Path& path) {
  try {
    read_header(bytes);
  } catch (const HeaderFault& fault) {
    return path.string() + ": " + fault.what;
  }
  return {};
}

void expect_whole_images(std::span<const Path> paths) {
  std::vector<std::string> faults(paths.size());
  parallel_for_each(paths.size(), [&](std::size_t i) {
    try {
      faults[i] = image_fault(read_file(paths[i]), paths[i]);
    } catch (const Error& error) {
      faults[i] = error.what();
    }
  });
  expect_no_image_fault(std::move(faults));
}

void expect_no_image_fault(std::vector<std::string> faults) {
  std::erase(faults, std::string());
  if (faults.empty()) return;
  constexpr std::size_t kNamed = 10;
  std::string message;
  if (faults.size() > 1) message = std::to_string(faults.size()) + " images cannot be read: ";
  for (std::size_t i = 0; i < std::min(faults.size(), kNamed); ++i)
    message += (i > 0 ? "; " : "") + faults[i];
  if (faults.size() > kNamed) message += "; and " + std::to_string(faults.size() - kNamed) + " more";
  throw data_error(message);
}

}  // namespace res2clip
