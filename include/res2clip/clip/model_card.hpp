#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "res2clip/clip/options.hpp"
#include "res2clip/core/normalisation.hpp"

namespace res2clip {

/// The sizes of a CLIP with a ViT image tower, read off its tensors.
struct ClipSizes {
  std::int64_t embed_dim = 0;    ///< D
  std::int64_t native_size = 0;  ///< side in pixels that the position grid was trained for
  std::int64_t patch_size = 0;
  std::int64_t vision_width = 0;
  std::int64_t vision_layers = 0;
  std::int64_t text_width = 0;
  std::int64_t text_layers = 0;
  std::int64_t context_length = 0;
  std::int64_t vocabulary_size = 0;

  bool operator==(const ClipSizes&) const = default;
};

/// What the feed-forward part of each block, in both towers, does between its two linear maps.
enum class Activation {
  quick_gelu,  ///< x * sigmoid(1.702 x): OpenAI's
  gelu,        ///< x * Phi(x), exact
  gelu_tanh,   ///< GELU by its approximation with tanh
};
template <>
struct EnumNames<Activation> {
  static constexpr std::pair<Activation, std::string_view> values[] = {{Activation::quick_gelu, "quick_gelu"},
                                                                       {Activation::gelu, "gelu"},
                                                                       {Activation::gelu_tanh, "gelu_tanh"}};
};

/// What a CLIP's tensors do not tell: how they are run. The defaults are OpenAI's CLIPs.
struct ClipForm {
  Activation activation = Activation::quick_gelu;
  std::int64_t vision_head_width = 64;  ///< of the image tower's attention heads
  std::int64_t text_head_width = 64;
  Normalisation normalisation = {};

  bool operator==(const ClipForm&) const = default;
};

/// Where weights come from, and who said how they are run.
struct WeightsOrigin {
  std::string name = {};       ///< of the file
  std::string sha256 = {};     ///< of the file, or of its parts' names and checksums
  bool verified = false;       ///< whether that is the checksum of a published file
  std::string form_from = {};  ///< what told activation and head widths: a file's name, "options", ...
  std::string normalisation_from = {};  ///< likewise mean and deviation
};

/// What an exported archive says of itself (card.json inside it).
struct ModelCard {
  WeightsOrigin origin = {};
  ClipSizes sizes = {};
  ClipForm form = {};
  EncoderForm encoder = {};
  std::int64_t image_size = 0;  ///< side of the square input in pixels, the default of `encode`

  std::int64_t vision_heads() const { return sizes.vision_width / form.vision_head_width; }
  std::int64_t text_heads() const { return sizes.text_width / form.text_head_width; }
};

/// For people: "ViT-L-14.pt: ViT with 24 blocks of width 1024, patches of 14 px, ...; sha256 ... (that of
/// ...)". Which published file a checksum is of is looked up here, whatever a card says.
std::string describe_weights(const WeightsOrigin& origin, const ClipSizes& sizes);

/// "gelu, attention heads 80 wide in the image tower and 64 in the text tower (from config.json); OpenAI's
/// mean and standard deviation (assumed)"
std::string describe_form(const ClipForm& form, const WeightsOrigin& origin);

}  // namespace res2clip
