#pragma once

#include <cstdint>

#include "res2clip/settings/settings.hpp"
#include "res2clip/train/losses.hpp"

namespace res2clip {

/// How adapters are trained (App. F.2). The defaults are the authors' release; "paper" names where the paper
/// differs.
struct TrainOptions {
  std::int64_t epochs = 10;
  std::int64_t batch_size = 16;  ///< of all processes together
  std::int64_t seed = 111;       ///< of initial weights, order and references

  double rate_visual = 5e-4;           ///< adapters of the visual branch
  double rate_residual_local = 5e-4;   ///< local visual adapters of the residual branch
  double rate_residual_global = 5e-4;  ///< global visual adapter of the residual branch (paper: 1e-4)
  double rate_residual_text = 1e-4;    ///< text adapter of the residual branch
  double rate_text = 1e-4;             ///< text adapter of the text branch
  double beta1 = 0.5;                  ///< of Adam
  double beta2 = 0.999;
  double eps = 1e-8;
  double clip_norm = 1.0;          ///< largest gradient norm of each of the four groups of adapters
  std::int64_t warmup_epochs = 1;  ///< from rate 0, in each optimiser's own steps

  bool alternate =
      true;  ///< residual branch: even epochs update visual adapters, odd ones the text adapter (Eq. 15)
  double tau = 1.0;  ///< margin of the text losses, and factor of the residual losses' margin
  CountOver count_over = CountOver::batch;  ///< N_0 and N_1 (paper: image)
  ScoreUpsampling upsampling =
      ScoreUpsampling::bilinear;  ///< of values per patch to the mask (paper: nearest)
};
void describe(Fields& fields, TrainOptions& options);

}  // namespace res2clip
