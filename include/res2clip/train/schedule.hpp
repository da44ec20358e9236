#pragma once

#include <cstdint>

namespace res2clip {

/// A learning rate by step: from 0 in a line to `base` over the warm-up steps, then down to 0 in half a
/// cosine. With base 1 it is the share that each weight takes of its own rate.
struct Schedule {
  double base = 1.0;
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 0;

  /// The rate of step `step` (from 0, counting the optimiser's own steps only).
  double rate(std::int64_t step) const;
};

/// Which adapters of the residual branch a step updates; those of the text and visual branch it always does.
enum class Phase { visual, text, both };

/// Steps in which the optimisers run, of training with `epochs` epochs of `steps` steps.
struct StepTotals {
  std::int64_t visual_and_text = 0;  ///< the adapters of the visual and of the text branch: every step
  std::int64_t residual_visual = 0;  ///< even epochs (from 0) when alternating, else every step
  std::int64_t residual_text = 0;    ///< odd epochs when alternating, else every step
};
StepTotals step_totals(std::int64_t steps, std::int64_t epochs, bool alternate);

/// Even epochs (from 0) update the residual branch's visual adapters, odd ones its text adapter (Eq. 15, App.
/// F.2).
Phase phase_of(std::int64_t epoch, bool alternate);

}  // namespace res2clip
