#pragma once

#include <cstdint>

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// What N_0 and N_1 of the losses count.
enum class CountOver {
  batch,  ///< normal and anomalous pixels (images) of the whole batch
  image,  ///< those of each image; images are then averaged (paper)
};
template <>
struct EnumNames<CountOver> {
  static constexpr std::pair<CountOver, std::string_view> values[] = {{CountOver::batch, "batch"},
                                                                      {CountOver::image, "image"}};
};

/// How values per patch meet the mask's pixels.
enum class ScoreUpsampling {
  bilinear,  ///< interpolated to the mask's size, before the hinge
  nearest,   ///< every pixel takes the value of its patch (paper)
};
template <>
struct EnumNames<ScoreUpsampling> {
  static constexpr std::pair<ScoreUpsampling, std::string_view> values[] = {
      {ScoreUpsampling::bilinear, "bilinear"}, {ScoreUpsampling::nearest, "nearest"}};
};

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

  /// Residual branch: even epochs update visual adapters, odd ones the text adapter (Eq. 15).
  bool alternate = true;
  double tau = 1.0;  ///< margin of the text losses, and factor of the residual losses' margin
  CountOver count_over = CountOver::batch;  ///< N_0 and N_1 (paper: image)
  /// Of values per patch to the mask (paper: nearest).
  ScoreUpsampling upsampling = ScoreUpsampling::bilinear;
};
void describe(Fields& fields, TrainOptions& options);

}  // namespace res2clip
