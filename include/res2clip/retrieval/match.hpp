#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/core/settings.hpp"

namespace res2clip {

/// How similarities become weights over the references.
enum class Weighting { sparsemax, softmax, top_k /* more as the goldens need */ };

/// What is subtracted from the similarity for references at another place of the image.
enum class Penalty { none, radial /* more as the goldens need */ };

struct MatchOptions {
  Weighting weighting = Weighting::sparsemax;
  Penalty penalty = Penalty::radial;
  double gamma = 0.01;  ///< weight of the penalty, in patch units (Eq. 8)
};
void describe(Fields& fields, MatchOptions& options);

struct Match {
  at::Tensor reference;      ///< [B, N, D], L2-normalised: the matched reference of each query patch (Eq. 34)
  at::Tensor residual;       ///< [B, N, D]: query - reference (Eq. 4)
  at::Tensor residual_norm;  ///< [B, N]: its L2 norm
};

/// Matches every query patch against a reference bank.
/// query [B, N, D] and reference [K*N, D]: L2-normalised float32, same device, N = grid.size(); references shot after
/// shot, patches row-major. Picks the fused form where it exists for the options, the plain one otherwise.
Match match(const at::Tensor& query, const at::Tensor& reference, const Grid& grid, const MatchOptions& options);

/// The plain ATen form of the same: the oracle of the fast ones.
Match match_plain(const at::Tensor& query, const at::Tensor& reference, const Grid& grid, const MatchOptions& options);

}  // namespace res2clip
