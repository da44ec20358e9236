#pragma once

#include <ATen/core/Tensor.h>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/clip/prompts.hpp"
#include "res2clip/model/options.hpp"

namespace res2clip {

/// The two poles of the text space and the direction between them. All float32 on the device of the
/// encodings.
struct TextAnchors {
  at::Tensor normal;     ///< [D] F_t^n, unit length
  at::Tensor anomalous;  ///< [D] F_t^a, unit length
  at::Tensor residual;   ///< [D] R_t = F_t^a - F_t^n (Eq. 3), unit length where the options say so
};

/// Unit vector of the mean of encoded prompts [P, D] (Eq. 32): an anchor.
at::Tensor text_anchor(const at::Tensor& features, bool normalise_encodings);

/// Anchors and text residual (Eqs. 3 and 32) of the encoded normal [P, D] and anomalous [Q, D] prompts.
/// Throws a settings error where the two sets mean the same to the text tower (their residual is zero:
/// prompts of words that the vocabulary does not tell apart), and a data error where an encoding is not
/// finite.
TextAnchors text_anchors(const at::Tensor& normal_features, const at::Tensor& anomalous_features,
                         const TextOptions& options);

/// The anchors of the method's prompts in a backbone's text tower, on its device.
TextAnchors encode_anchors(const Backbone& backbone, const PromptOptions& prompts,
                           const TextOptions& options);

}  // namespace res2clip
