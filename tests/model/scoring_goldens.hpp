#pragma once

#include <string>
#include <vector>

#include "support/goldens.hpp"

namespace res2clip::testing {

// Scoring and end to end on the tiny backbone, as the goldens' own notes state them (float32 against float64:
// maps 4.9e-7, maps of one layer 1.7e-6, image scores 2.6e-7).
inline constexpr double kMapTolerance = 5e-6;
inline constexpr double kPatchMapTolerance = 1e-5;
inline constexpr double kScoreTolerance = 5e-6;

/// One fixture of the whole computation per image: on images of the project's own, or on the full set's
/// photographs.
struct ScoringGoldens {
  ScoringGoldens(const Path& folder, c10::Device on)
      : json(read_json(folder / "scoring_tiny.json")),
        device_(on),
        tensors_(Goldens::read(folder / "scoring_tiny.pt")) {}

  at::Tensor operator[](const std::string& name) const { return tensors_[name].to(device_); }
  /// A tensor [B, 1, ...] or [B, 1] of one run ("tf_k1"), without its channel.
  at::Tensor of(const std::string& run, const std::string& name) const {
    return (*this)[run + "/" + name].squeeze(1);
  }

  nlohmann::json json;

 private:
  c10::Device device_;
  Goldens tensors_;
};

/// Where the scoring goldens lie: those that travel with the project, and the full set where its folder is
/// named.
inline std::vector<Path> scoring_folders() {
  std::vector<Path> folders = {test_data("generated")};
  if (const auto full = full_fixtures()) folders.push_back(*full);
  return folders;
}

}  // namespace res2clip::testing
