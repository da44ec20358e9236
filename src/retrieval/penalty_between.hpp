#pragma once

#include <math.h>  // the global names, which host and device share

#include "res2clip/retrieval/penalty_kind.hpp"

#include "host_device.hpp"

namespace res2clip {

/// What the penalty between two patches takes besides their places: computed once per match, on the host.
struct PenaltyPlan {
  Penalty penalty;
  float gamma;
  int rows, cols;
  float largest_radius, largest_distance;  ///< R and D of Penalty; 1 on a grid of one patch
};

inline PenaltyPlan penalty_plan(Penalty penalty, double gamma, int rows, int cols) {
  const float diagonal = hypotf(static_cast<float>(rows - 1), static_cast<float>(cols - 1));
  const bool single = rows * cols == 1;
  return {penalty, static_cast<float>(gamma),    rows,
          cols,    single ? 1.0f : diagonal / 2, single ? 1.0f : diagonal};
}

/// A patch seen from the grid's centre, in patch units.
struct PatchPlace {
  float y, x, radius;
};

RES2CLIP_HOST_DEVICE inline PatchPlace place_at(const PenaltyPlan& plan, int row, int col) {
  const float y = static_cast<float>(row) - 0.5f * static_cast<float>(plan.rows - 1);
  const float x = static_cast<float>(col) - 0.5f * static_cast<float>(plan.cols - 1);
  return {y, x, sqrtf(y * y + x * x)};
}

RES2CLIP_HOST_DEVICE inline PatchPlace place_of(const PenaltyPlan& plan, int patch) {
  return place_at(plan, patch / plan.cols, patch % plan.cols);
}

/// 1 - exp(-value), exact for small values too.
RES2CLIP_HOST_DEVICE inline float saturated(float value) {
  return -expm1f(-value);
}

/// The angle between two patches, in [0, pi].
RES2CLIP_HOST_DEVICE inline float angle_between(const PatchPlace& a, const PatchPlace& b) {
  constexpr float kTurn = 6.28318530717958647692f;
  const float angle = fabsf(atan2f(a.y, a.x) - atan2f(b.y, b.x));
  return fminf(angle, kTurn - angle);
}

RES2CLIP_HOST_DEVICE inline float distance_between(const PatchPlace& a, const PatchPlace& b) {
  return sqrtf((a.y - b.y) * (a.y - b.y) + (a.x - b.x) * (a.x - b.x));
}

/// gamma * penalty between a query patch and a reference patch: spatial_penalty(), one entry at a time from
/// the coordinates, in float32.
RES2CLIP_HOST_DEVICE inline float penalty_between(const PenaltyPlan& plan, const PatchPlace& query,
                                                  const PatchPlace& reference) {
  const float radial = fabsf(query.radius - reference.radius);
  constexpr float kMargin = 2.0f, kAngleWeight = 0.1f, kAngleWidth = 0.78539816339744830962f;
  switch (plan.penalty) {
    case Penalty::none:
      return 0;
    case Penalty::radial:
      return plan.gamma * radial;
    case Penalty::radial_new:
      return plan.gamma * (radial / plan.largest_radius);
    case Penalty::radial_margin:
      return plan.gamma * fmaxf(radial - kMargin, 0);
    case Penalty::radial_laplace:
      return plan.gamma * saturated(radial);
    case Penalty::radial_euc:
      return plan.gamma *
             (radial / plan.largest_radius + distance_between(query, reference) / plan.largest_distance);
    case Penalty::local:
      return plan.gamma * distance_between(query, reference);
    case Penalty::euc_new:
      return plan.gamma * saturated(fmaxf(distance_between(query, reference) - kMargin, 0));
    case Penalty::polar: {
      const float turn = angle_between(query, reference) / kAngleWidth;
      return plan.gamma * (saturated(radial * radial / 2) + kAngleWeight * saturated(turn * turn / 2));
    }
    case Penalty::polar_linear:
      return plan.gamma * (radial + angle_between(query, reference));
  }
  return 0;
}

}  // namespace res2clip
