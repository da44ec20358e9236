#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/clip/features.hpp"
#include "res2clip/compute/memory.hpp"
#include "res2clip/model/adapters.hpp"
#include "res2clip/model/layers.hpp"
#include "res2clip/model/maps.hpp"
#include "res2clip/model/options.hpp"
#include "res2clip/model/reference_bank.hpp"
#include "res2clip/model/text_anchors.hpp"
#include "res2clip/retrieval/match.hpp"

namespace res2clip {

/// What is found in a batch of B images of H x W pixels. Float32 on the device of the features; higher is
/// more anomalous.
struct Detection {
  at::Tensor map;           ///< [B, H, W] fused (Eq. 5)
  at::Tensor text_map;      ///< [B, H, W] M_text (Eq. 6), smoothed where the options say so
  at::Tensor visual_map;    ///< [B, H, W] M_vis (Eq. 9)
  at::Tensor residual_map;  ///< [B, H, W] M_res (Eq. 11)

  at::Tensor score;           ///< [B] fused (Eq. 5)
  at::Tensor text_score;      ///< [B] Eq. 7
  at::Tensor visual_score;    ///< [B] Eq. 9
  at::Tensor residual_score;  ///< [B] Eq. 12

  at::Tensor text_global;          ///< [B] the global term of Eq. 7
  at::Tensor residual_global;      ///< [B] the global term of Eq. 12, at least 0 where the options say so
  at::Tensor residual_global_raw;  ///< [B] the same before that

  PatchMaps text_patches, visual_patches, residual_patches;
};

/// Detections of several batches as that of one batch. Throws a data error for none.
Detection concatenate(const std::vector<Detection>& parts);

/// Three branches over features: knows no files and no backbone. Immutable: any number of threads may use one
/// at once.
class Detector {
 public:
  /// `card` says how deep the backbone is and how large its patches are. Throws a settings error for settings
  /// that are out of their range, do not fit it or that ask for the training-free mode with adapters, and a
  /// data error for adapters that lack a layer or have another width.
  Detector(const TextAnchors& anchors, const ModelCard& card, const DetectorOptions& options,
           std::optional<Adapters> adapters = std::nullopt);

  const Layers& layers() const { return layers_; }
  bool fine_tuned() const { return fine_tuned_; }
  /// The layers that `remember` and `detect` need in their features.
  std::vector<int> layers_needed() const { return layers_.needed(); }

  /// The bank of K normal images (K at least 1), of the layers that this detector matches. Its origin is left
  /// empty: this knows no backbone (Pipeline::remember fills it in). It shares memory with `normals`.
  ReferenceBank remember(const Features& normals) const;
  /// The same of the features of all inputs of images that are cut into tiles (see make_bank()).
  ReferenceBank remember(const Features& inputs, const Tiling& tiling) const;

  /// Scores a batch against a bank, which has no tiles (a data error; see detect_inputs()). If the bank has a
  /// region of interest, patches outside are neither compared nor compared with; maps hold their lowest value
  /// inside (of each image) everywhere outside; and the top means (Eqs. 7, 9, 12) are over the pixels inside,
  /// the share of `scoring.top_fraction` of those. The global features (Eqs. 7, 12) see whole images. An
  /// image gets the same figures in any batch. Throws a data error where features or bank lack a layer,
  /// differ in grid, width or device, are not float32 of the shapes that their structs say, or, on the CPU,
  /// hold numbers that are not finite or rows that are not of unit length. Adapters of huge numbers may still
  /// give scores that are not finite: ask FetchedScores::finite, as Pipeline does. Whoever knows the backbone
  /// compares the bank's origin (require_origin, Pipeline). Beside the result, memory holds a few tensors [B,
  /// N, D] at a time; if memory runs out, the batch is parted.
  Detection detect(const Features& query, const ReferenceBank& bank) const;
  /// Scores a batch of B images from the features of all their inputs, image after image (see
  /// Tiling::inputs() and Pipeline::encode). For a bank without tiles this is detect(). With tiles each is
  /// compared with the references' tiles of its own place (or of all, if they are common). The maps of the
  /// result are the tiles' maps, stitched (stitched()), and larger than those of one input; the top means
  /// (Eqs. 7, 9, 12) are over those. The global terms (Eqs. 7, 12) are the largest of the whole image and of
  /// its tiles. Patch scores are of the whole image. Throws as detect(), and a data error for another number
  /// of inputs.
  Detection detect_inputs(const Features& inputs, const ReferenceBank& bank) const;
  /// What reference `shot` of a bank gets against the others (leave one out), with its tiles if there are
  /// such.
  Detection detect_reference(const ReferenceBank& bank, std::int64_t shot) const;
  /// Scores a batch by the text branch alone, which needs no reference (zero-shot): whatever the weights, the
  /// other branches are 0 and count nothing. Throws as above.
  Detection detect(const Features& query) const;

  /// How far maps of good parts reach: the highest value in the map of any reference that is compared with
  /// the others of its bank. Looks at four references at the most, so that large banks stay quick. Nothing
  /// where the bank holds one reference, or lacks a layer that the text branch needs.
  std::optional<double> reference_peak(const ReferenceBank& bank) const;

 private:
  // Without a bank: the text branch alone.
  Detection detect(const Features& query, const ReferenceBank* bank) const;
  Detection detect_at_once(const Features& images, const ReferenceBank* bank) const;
  void require_fitting(const Features& query) const;
  void require_comparable(const Features& query, const ReferenceBank& bank) const;
  void require_region(const ReferenceBank& bank) const;
  void require_same_device(const at::Tensor& global) const;
  void score_patches(const Features& query, const ReferenceBank& bank, Detection& found) const;
  Match matched(const Features& query, const ReferenceBank& bank, int layer) const;
  void score_text_patches(const Features& query, Detection& found) const;
  void draw_maps(const Grid& grid, const BranchWeights& weights, Detection& found) const;
  at::Tensor global_residuals(const Features& query, const ReferenceBank& bank) const;
  void score_images(const BranchWeights& weights, const std::optional<RegionOfInterest>& region,
                    Detection& found) const;
  at::Tensor clamped(const at::Tensor& projections) const;

  std::shared_ptr<BatchLimit> limit_ = std::make_shared<BatchLimit>();
  Layers layers_;
  MatchOptions retrieval_;
  ScoringOptions scoring_;
  FusionWeights weights_;
  std::int64_t patch_size_;
  bool fine_tuned_;
  std::optional<Adapters> adapters_;  ///< none: the identity
  at::Tensor text_direction_;         ///< [D] adapted text residual of the text branch, unit length
  at::Tensor residual_direction_;     ///< [D] adapted text residual of the residual branch, unit length
};

}  // namespace res2clip
