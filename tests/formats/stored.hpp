#pragma once

#include <ATen/ops/arange.h>

#include "res2clip/features/feature_store.hpp"
#include "res2clip/model/reference_bank.hpp"

#include "train/training.hpp"

/// What the stored files of tests/data/formats hold: the program that writes them and the tests that read
/// them agree on it here. Never changed once files of a version are stored.
namespace res2clip::testing {

/// Values that are exact in float16, and that a reader in another order would mix up.
inline at::Tensor counted(at::IntArrayRef shape, double first) {
  return (at::arange(c10::multiply_integers(shape), at::kFloat) * 0.125 + first).view(shape);
}

inline Features stored_features() {
  return {counted({2, 8}, 1.0), {{3, counted({2, 6, 8}, 2.0)}, {12, counted({2, 6, 8}, -3.0)}}, {2, 3}};
}

inline ReferenceBank stored_bank() {
  // Its rows are not of unit length, which make_bank() refuses: what is tested is how numbers are read.
  const Features features = stored_features();
  ReferenceBank bank;
  bank.global = features.global;
  bank.grid = features.grid;
  for (const int layer : {3, 12}) bank.patches[layer] = features.patches.at(layer).flatten(0, 1);
  bank.origin = {std::string(64, 'b'), {{"image.size", "28"}}, {"good/000.png", "good/001.png"}};
  return bank;
}

inline StoreDescription stored_description(StoredAs stored_as) {
  StoreDescription description;
  description.dataset = "formats";
  description.backbone = std::string(64, 'b');
  description.image_size = 28;
  description.layers = {3, 12};
  description.embed = 8;
  description.grid = {2, 3};
  description.stored_as = stored_as;
  description.encoding = "fp32";
  return description;
}

inline const std::vector<std::string> kStoredIdentities{sha256("image 0"), sha256("image 1")};

/// Steps of the stored training before it was stopped; it has 12.
inline constexpr std::int64_t kStoppedAfter = 7;

/// Trains on SyntheticData, as the stored run was; stops after so many steps, if any.
inline TrainingOutcome train_stored(const Path& output, bool resume, std::int64_t stop_after = -1) {
  const SyntheticData data;
  return train(data, data.setup(), run_in(output, resume), stop_after);
}

/// Pixels for the stored archive, [1, 3, 16, 16].
inline at::Tensor stored_pixels() {
  return at::arange(3 * 16 * 16, at::kFloat).view({1, 3, 16, 16}).remainder(7.0) / 7.0 - 0.5;
}

}  // namespace res2clip::testing
