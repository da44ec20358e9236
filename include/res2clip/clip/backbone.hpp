#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/features.hpp"
#include "res2clip/clip/model_card.hpp"
#include "res2clip/compute/compute.hpp"
#include "res2clip/core/path.hpp"

namespace res2clip {

/// The frozen CLIP with V-V attention: the only thing that runs the archive. Thread-compatible, not
/// thread-safe.
class Backbone {
 public:
  /// Loads an archive that `export_backbone` wrote onto the device of `compute`, and applies threads and
  /// precision to the process (see apply_compute()). Verifies the archive's checksum (about a second for
  /// ViT-L/14). Throws a data error for a file that is no such archive, or is damaged, a settings error for a
  /// device that is not there.
  static Backbone load(const Path& archive, const ComputeOptions& compute);
  ~Backbone();
  Backbone(Backbone&&) noexcept;
  Backbone& operator=(Backbone&&) noexcept;

  /// Images [B, 3, H, W] (normalised, float32, any device; sides multiples of the patch size) ->
  /// L2-normalised global and patch features of the given layers (blocks counted from 1; any order).
  ///
  /// Only what these layers and the global feature need is computed: no V-V attention after the last layer
  /// asked for, and of the last block's original stream the class token alone. On a CPU an image has the same
  /// features, to the bit, in every batch. Peak memory beside weights and
  /// result: about 4 * B * T * (10 * width) bytes (B = 1 on a CPU) for T = N + 1 tokens (56 MB an image for
  /// ViT-L/14 at 518 px), plus SDPA's own. Throws a settings error for a layer that is not there, a data
  /// error for images of another shape.
  Features encode(const at::Tensor& images, std::span<const int> layers) const;

  /// The same by the TorchScript program inside the archive: the reference implementation, the oracle of
  /// `encode`. Float32 only.
  Features encode_plain(const at::Tensor& images, std::span<const int> layers) const;

  /// Prompts -> [P, D] text features, not normalised, float32 on the backbone's device.
  /// Throws a settings error for a prompt longer than the context.
  at::Tensor encode_text(std::span<const std::string> prompts) const;

  const ModelCard& card() const;
  /// SHA-256 of what determines the features (weights and card): the identity that banks and caches are
  /// checked against.
  const std::string& checksum() const;
  c10::Device device() const;

 private:
  struct Impl;
  explicit Backbone(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace res2clip
