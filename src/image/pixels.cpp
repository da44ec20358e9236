#include "pixels.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

std::string description(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  std::ostringstream text;
  text << tensor.scalar_type() << " [";
  for (std::int64_t i = 0; i < tensor.dim(); ++i) text << (i > 0 ? ", " : "") << tensor.size(i);
  text << "] on " << tensor.device();
  return text.str();
}

Error mismatch(const at::Tensor& tensor, const std::string& function, const char* wanted) {
  return data_error(function + ": got " + description(tensor) + "; it must be " + wanted);
}

/// uint8 on the CPU with two or three dimensions, none of them 0.
bool are_pixels(const at::Tensor& image) {
  return image.defined() && image.scalar_type() == at::kByte && image.device().is_cpu() &&
         !image.is_sparse() && (image.dim() == 2 || image.dim() == 3) && image.numel() > 0;
}

}  // namespace

at::Tensor rgb_pixels(const at::Tensor& image, const std::string& function) {
  constexpr const char* kWanted = "uint8 [H, W, 3], [H, W, 4], [H, W, 1] or [H, W] on the CPU, not empty";
  if (!are_pixels(image)) throw mismatch(image, function, kWanted);
  if (image.dim() == 2) return image.unsqueeze(2).expand({-1, -1, 3}).contiguous();
  if (image.size(2) == 1) return image.expand({-1, -1, 3}).contiguous();
  if (image.size(2) == 3) return image.contiguous();
  if (image.size(2) == 4) return image.slice(2, 0, 3).contiguous();
  throw mismatch(image, function, kWanted);
}

at::Tensor mask_pixels(const at::Tensor& mask, const std::string& function) {
  constexpr const char* kWanted = "uint8 [H, W] or [H, W, 1] on the CPU, not empty";
  if (!are_pixels(mask) || (mask.dim() == 3 && mask.size(2) != 1)) throw mismatch(mask, function, kWanted);
  return (mask.dim() == 3 ? mask.squeeze(2) : mask).contiguous();
}

at::Tensor channel_pixels(const at::Tensor& image, const std::string& function) {
  if (!are_pixels(image) || (image.dim() == 3 && image.size(2) > 4))
    throw mismatch(image, function, "uint8 [H, W] or [H, W, C] with 1 to 4 channels on the CPU, not empty");
  return (image.dim() == 2 ? image.unsqueeze(2) : image).contiguous();
}

at::Tensor map_values(const at::Tensor& map, const std::string& function) {
  if (!map.defined() || map.is_sparse() || map.scalar_type() != at::kFloat || map.dim() != 2 ||
      map.numel() == 0)
    throw mismatch(map, function, "float32 [H, W], not empty");
  return map.cpu().contiguous();
}

at::Tensor sound_map_values(const at::Tensor& map, const std::string& function) {
  at::Tensor values = map_values(map, function);
  const auto* first = values.data_ptr<float>();
  if (std::any_of(first, first + values.numel(), [](float value) { return std::isnan(value); }))
    throw data_error("the anomaly map holds NaN; the features it comes from are broken");
  return values;
}

void require_size(std::int64_t height, std::int64_t width, const std::string& function) {
  constexpr std::int64_t kLongest = 1 << 20;
  if (height >= 1 && width >= 1 && height <= kLongest && width <= kLongest) return;
  throw settings_error(function + ": the size asked for is " + std::to_string(height) + " x " +
                       std::to_string(width) + "; both must be from 1 to " + std::to_string(kLongest));
}

}  // namespace res2clip
