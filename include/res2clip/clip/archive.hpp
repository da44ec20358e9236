#pragma once

#include "res2clip/clip/options.hpp"
#include "res2clip/clip/weights.hpp"

namespace res2clip {

/// What is fixed when an archive is written.
struct ExportOptions {
  /// The archive's default input in pixels; any other multiple of the patch works too. 0: 518 if that is a
  /// multiple of the patch (L/14), else the size that the weights were trained for.
  std::int64_t image_size = 0;
  EncoderForm form{};
};

/// Writes one self-contained TorchScript archive: both towers, the program that runs them, vocabulary, model
/// card. `Backbone::load` reads it, and so does Python:
///     model = torch.jit.load("clip.pt")
///     features, patches = model.encode_image(images, [6, 12, 18, 24])   # as encoded, not normalised
///     text = model.encode_text(tokens)
/// Written whole or not at all. Throws settings errors for options that do not fit the weights.
void export_backbone(const ClipWeights& weights, const ExportOptions& options, const Path& path);

}  // namespace res2clip
