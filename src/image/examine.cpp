#include "res2clip/image/examine.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <ATen/ops/maximum.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/read.hpp"

namespace res2clip {
namespace {

std::vector<Path> files_in(const Path& folder) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename().native().front() != '.')
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

ExaminedImage examine_image(const Path& path, Examination how, const ReadOptions& options) {
  ExaminedImage image;
  try {
    const std::string bytes = read_image_file(path);
    if (how == Examination::pixels || options.exif_rotation) {  // of which the size depends on the EXIF data
      const at::Tensor rgb = decode_image(bytes, path, options).rgb;
      image.height = rgb.size(0);
      image.width = rgb.size(1);
      return image;
    }
    const ImageSize size = image_size(bytes, path, options);
    image.width = size.width;
    image.height = size.height;
    image.fault = image_fault(bytes, path, options);
  } catch (const std::exception& error) {
    image.fault = error.what();
  }
  return image;
}

MaskTraits traits_of(const at::Tensor& mask) {
  std::array<std::int64_t, 256> pixels{};
  const at::Tensor plain = mask.contiguous();
  const auto* values = plain.const_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < plain.numel(); ++i) ++pixels[values[i]];
  const std::int64_t marked = plain.numel() - pixels[0];
  MaskTraits traits;
  traits.empty = marked == 0;
  traits.full = marked == plain.numel() && marked > 0;
  traits.over_half = !traits.full && 2 * marked > plain.numel();
  traits.many_values =
      std::count_if(pixels.begin() + 1, pixels.end(), [](std::int64_t count) { return count > 0; }) > 1;
  return traits;
}

at::Tensor read_whole_mask(const Path& path, const ReadOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return read_grey(path, options);
  at::Tensor whole;
  for (const Path& file : files_in(path)) {
    const at::Tensor part = read_grey(file, options);
    if (whole.defined() && !part.sizes().equals(whole.sizes()))
      throw data_error(file.string() + ": has another size than the other masks of this image");
    whole = whole.defined() ? at::maximum(whole, part) : part;
  }
  if (!whole.defined()) throw data_error(path.string() + ": a folder of masks without masks");
  return whole;
}

}  // namespace res2clip
