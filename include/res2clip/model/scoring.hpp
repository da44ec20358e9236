#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "res2clip/settings/settings.hpp"

namespace res2clip {

/// Which set of layers and weights is in force.
enum class Mode {
  automatic,      ///< fine-tuned where there are adapters, training-free otherwise
  training_free,  ///< without adapters
  fine_tuned,  ///< with adapters; without a checkpoint they are the identity, the control of what fine-tuning
               ///< gains
};
template <>
struct EnumNames<Mode> {
  static constexpr std::pair<Mode, std::string_view> values[] = {
      {Mode::automatic, "auto"}, {Mode::training_free, "training_free"}, {Mode::fine_tuned, "fine_tuned"}};
};

/// The weights of Eq. 5 at one level.
struct BranchWeights {
  double text = 1.0;
  double visual = 1.0;
  double residual = 1.0;
};
void describe(Fields& fields, BranchWeights& weights);

/// The weights of Eq. 5 of one mode.
struct FusionWeights {
  BranchWeights image;  ///< of the image score
  BranchWeights pixel;  ///< of the anomaly map
};
void describe(Fields& fields, FusionWeights& weights);

/// How branches become maps and scores.
struct ScoringOptions {
  Mode mode = Mode::automatic;
  FusionWeights training_free{{1.0, 1.0, 1.0}, {0.1, 1.0, 1.0}};
  FusionWeights fine_tuned{{1.0, 1.0, 0.1}, {0.1, 1.0, 0.1}};
  bool clamp_projections =
      true;  ///< max(P, 0) of the residual branch's projections (paper, Eqs. 11 and 12: P)
  bool normalise_baseline = true;  ///< the mean global reference to unit length (paper: the plain mean)
  bool smooth_branch_maps =
      true;                      ///< each branch's map, after upsampling; its top values are taken after that
  bool smooth_fused_map = true;  ///< the fused map (again, where both are on)
  std::int64_t smoothing_size = 5;  ///< side of the Gaussian window in pixels, odd
  double smoothing_sigma = 4.0;     ///< in pixels
  double top_fraction = 0.01;       ///< share of the highest pixels whose mean is a branch's image score
};
void describe(Fields& fields, ScoringOptions& options);

}  // namespace res2clip
