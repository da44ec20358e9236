#include "res2clip/train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace res2clip {

double Schedule::rate(std::int64_t step) const {
  if (step < warmup_steps) return base * (static_cast<double>(step) / static_cast<double>(warmup_steps));
  const auto rest = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup_steps));
  const double progress = static_cast<double>(step - warmup_steps) / rest;
  return base * std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
}

StepTotals step_totals(std::int64_t steps, std::int64_t epochs, bool alternate) {
  if (!alternate) return {steps * epochs, steps * epochs, steps * epochs};
  return {steps * epochs, steps * ((epochs + 1) / 2), steps * std::max<std::int64_t>(1, epochs / 2)};
}

Phase phase_of(std::int64_t epoch, bool alternate) {
  if (!alternate) return Phase::both;
  return epoch % 2 == 0 ? Phase::visual : Phase::text;
}

}  // namespace res2clip
