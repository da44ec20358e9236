#include "res2clip/model/text_anchors.hpp"

#include <ATen/ops/isfinite.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/unit_length.hpp"

namespace res2clip {
namespace {

/// Float32 sums of unit vectors leave differences of about 1e-7 between equal anchors; prompts that differ in
/// one word leave more than 1e-2.
constexpr double kZeroResidual = 1e-5;

void require_encodings(const at::Tensor& features, const char* which) {
  TORCH_INTERNAL_ASSERT(features.dim() == 2, "encoded prompts are [P, D]");
  if (features.size(0) == 0)
    throw settings_error(std::string("there is no ") + which + " prompt; name at least one");
  if (!at::isfinite(features).all().item<bool>())
    throw data_error(std::string("the encoding of a ") + which +
                     " prompt is not finite; the backbone's weights are damaged");
}

}  // namespace

at::Tensor text_anchor(const at::Tensor& features, bool normalise_encodings) {
  return unit_length((normalise_encodings ? unit_length(features) : features).mean(0));
}

TextAnchors text_anchors(const at::Tensor& normal_features, const at::Tensor& anomalous_features,
                         const TextOptions& options) {
  require_encodings(normal_features, "normal");
  require_encodings(anomalous_features, "anomalous");
  TextAnchors anchors;
  anchors.normal = text_anchor(normal_features, options.normalise_encodings);
  anchors.anomalous = text_anchor(anomalous_features, options.normalise_encodings);
  anchors.residual = anchors.anomalous.sub(anchors.normal);
  if (anchors.residual.norm().item<double>() < kZeroResidual)
    throw settings_error(
        "the normal and the anomalous prompts have the same encoding, so there is no direction between them; "
        "use "
        "words that the backbone's text tower tells apart");
  if (options.normalise_residual) anchors.residual = unit_length(anchors.residual);
  return anchors;
}

TextAnchors encode_anchors(const Backbone& backbone, const PromptOptions& prompts,
                           const TextOptions& options) {
  const PromptSet set = method_prompts(prompts);
  return text_anchors(backbone.encode_text(set.normal), backbone.encode_text(set.anomalous), options);
}

}  // namespace res2clip
