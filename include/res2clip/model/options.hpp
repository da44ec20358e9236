#pragma once

#include <cstdint>
#include <vector>

#include "res2clip/retrieval/options.hpp"
#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// How encoded prompts become anchors.
struct TextOptions {
  /// Each encoding to unit length before the mean (paper, Eq. 32: as it is).
  bool normalise_encodings = true;
  bool normalise_residual = true;  ///< R_t to unit length (paper, Eq. 3: the plain difference)
};
void describe(Fields& fields, TextOptions& options);

/// Which blocks each branch reads, counted from 1. An empty list stands for the default of the backbone's
/// depth: quarters of it for the visual branch and the fine-tuned residual branch (6, 12, 18, 24 of 24
/// blocks), the last block for the text branch and the training-free residual branch.
struct LayerOptions {
  std::vector<std::int64_t> text;
  std::vector<std::int64_t> visual;
  std::vector<std::int64_t> residual_training_free;
  std::vector<std::int64_t> residual_fine_tuned;
};
void describe(Fields& fields, LayerOptions& options);

/// Which set of layers and weights is in force.
enum class Mode {
  automatic,      ///< fine-tuned if there are adapters, training-free otherwise
  training_free,  ///< without adapters
  /// With adapters; without a checkpoint they are the identity, the control of what fine-tuning gains.
  fine_tuned,
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

/// What the text branch compares features with.
enum class TextAnchorKind {
  residual,   ///< their cosine with the text residual R_t (Eq. 6)
  anomalous,  ///< their cosine with the anomalous anchor (Table 11)
  normal,     ///< 1 - their cosine with the normal anchor (Table 11)
};
template <>
struct EnumNames<TextAnchorKind> {
  static constexpr std::pair<TextAnchorKind, std::string_view> values[] = {
      {TextAnchorKind::residual, "residual"},
      {TextAnchorKind::anomalous, "anomalous"},
      {TextAnchorKind::normal, "normal"}};
};

/// How the residual branch aligns visual residuals with the text residual.
enum class ResidualAlignment {
  projection,  ///< R_v on the direction of R_t (Eqs. 11 and 12)
  cosine,      ///< the cosine of both (Table 3)
};
template <>
struct EnumNames<ResidualAlignment> {
  static constexpr std::pair<ResidualAlignment, std::string_view> values[] = {
      {ResidualAlignment::projection, "projection"}, {ResidualAlignment::cosine, "cosine"}};
};

/// How branches become maps and scores.
struct ScoringOptions {
  Mode mode = Mode::automatic;
  FusionWeights training_free{{1.0, 1.0, 1.0}, {0.1, 1.0, 1.0}};
  FusionWeights fine_tuned{{1.0, 1.0, 0.1}, {0.1, 1.0, 0.1}};
  TextAnchorKind text_anchor = TextAnchorKind::residual;
  ResidualAlignment residual_alignment = ResidualAlignment::projection;
  /// max(P, 0) of the residual branch's projections (paper, Eqs. 11 and 12: P).
  bool clamp_projections = true;
  bool normalise_baseline = true;  ///< the mean global reference to unit length (paper: the plain mean)
  /// Each branch's map, after upsampling; its top values are taken after that.
  bool smooth_branch_maps = true;
  bool smooth_fused_map = true;     ///< the fused map (again, if both are on)
  std::int64_t smoothing_size = 5;  ///< side of the Gaussian window in pixels, odd
  double smoothing_sigma = 4.0;     ///< in pixels
  double top_fraction = 0.01;       ///< share of the highest pixels whose mean is a branch's image score
};
void describe(Fields& fields, ScoringOptions& options);

/// Everything that a detector can be told.
struct DetectorOptions {
  LayerOptions layers;
  MatchOptions retrieval;
  ScoringOptions scoring;
};

}  // namespace res2clip
