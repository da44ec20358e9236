#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "res2clip/eval/evaluator.hpp"

namespace res2clip::testing {

/// A data set without files: features and masks are drawn from the names of its images.
inline constexpr std::int64_t kMadeUpWidth = 16;
inline constexpr std::int64_t kMadeUpPatch = 6;
inline constexpr Grid kMadeUpGrid{4, 4};

Dataset made_up_dataset(const std::vector<std::string>& categories, int images = 9);
References made_up_references(const Dataset& dataset, std::size_t shots);
Detector made_up_detector();
/// Features of four layers, and what they were asked for.
class MadeUpFeatures final : public FeatureSource {
 public:
  Features of(std::span<const Path> images) override;
  void soon(std::span<const Path> images) override;

  std::vector<std::vector<Path>> asked, announced;
};
/// A square defect; an undefined tensor for a sample that names no mask.
at::Tensor made_up_mask(const Sample& sample, std::int64_t size);

}  // namespace res2clip::testing
