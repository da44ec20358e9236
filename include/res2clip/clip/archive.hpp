#pragma once

#include "res2clip/clip/weights.hpp"
#include "res2clip/settings/settings.hpp"

namespace res2clip {

/// What is fixed when an archive is written. The defaults are the authors' code.
struct ExportOptions {
  /// The archive's default input, pixels; any other multiple of the patch works too. 0: 518 where that is a
  /// multiple of the patch (L/14), else the size that the weights were trained for.
  std::int64_t image_size = 0;
  /// How many of the last blocks have V-V attention; -1: 19 of 24, and as large a part (rounded up) of other
  /// depths. The paper's text says 20 of 24.
  std::int64_t vv_blocks = -1;
  bool global_ln_post = false;   ///< global feature through ln_post before the projection
  bool patch_ln_post = true;     ///< patch features through ln_post
  bool patch_projection = true;  ///< patch features projected to the embedding
};

/// All but the image size, which settings name once, for the images.
void describe(Fields& fields, ExportOptions& options);

/// Writes one self-contained TorchScript archive: both towers, the program that runs them, vocabulary, model
/// card. `Backbone::load` reads it, and so does Python:
///     model = torch.jit.load("clip.pt")
///     features, patches = model.encode_image(images, [6, 12, 18, 24])   # as encoded, not normalised
///     text = model.encode_text(tokens)
/// Written whole or not at all. Throws settings errors for options that do not fit the weights.
void export_backbone(const ClipWeights& weights, const ExportOptions& options, const Path& path);

}  // namespace res2clip
