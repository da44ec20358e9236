#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace res2clip {

// What the room's public functions ask of tensors that a caller hands over. Each throws a data error that
// names the function, the tensor's type, shape and device, and what it must be.

/// uint8 [H, W, 3], contiguous: grey [H, W] and [H, W, 1] is replicated, the fourth channel of [H, W, 4] left
/// out. Neither H nor W is 0.
at::Tensor rgb_pixels(const at::Tensor& image, const std::string& function);

/// uint8 [H, W], contiguous: a mask. [H, W, 1] is taken too.
at::Tensor mask_pixels(const at::Tensor& mask, const std::string& function);

/// uint8 [H, W, C] with 1 to 4 channels, contiguous: [H, W] gets one.
at::Tensor channel_pixels(const at::Tensor& image, const std::string& function);

/// float32 [H, W] on the CPU, contiguous, not empty; from any device.
at::Tensor map_values(const at::Tensor& map, const std::string& function);
/// The same without NaN, which are a data error.
at::Tensor sound_map_values(const at::Tensor& map, const std::string& function);

/// Throws a settings error for a size that no image has.
void require_size(std::int64_t height, std::int64_t width, const std::string& function);

}  // namespace res2clip
