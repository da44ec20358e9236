// ViT-L/14 at 518 pixels, the size that the published results are of. Slow: needs 5 GB and some minutes.
#include <cstdio>

#include <gtest/gtest.h>

#include "res2clip/image/prepare.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/devices.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::largest_difference;

// Of the fixture table: features before normalisation (float32 and float64 differ by 2.5e-6 there), and unit
// vectors.
constexpr double kRawTolerance = 5e-5;
constexpr double kUnitTolerance = 3e-6;

Features on_cpu(Features features) {
  return to_device(std::move(features), c10::kCPU);
}

/// The sampled patch tokens of a layer as the authors' model returns them, which are unit vectors times their
/// length. Lengths are recorded of every 37th token only.
double compare_sampled_tokens(const nlohmann::json& index, const testing::Goldens& goldens, int layer,
                              const at::Tensor& patches) {
  constexpr std::int64_t kLengthEvery = 37;
  const auto dims = at::tensor(index["dims"].get<std::vector<std::int64_t>>());
  const auto tokens = index["tokens"].get<std::vector<std::int64_t>>();
  double largest = 0.0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == 0 || tokens[i] % kLengthEvery != 0) continue;
    const auto expected = goldens["feat/patch_sample"][layer - 1][static_cast<std::int64_t>(i)];
    const auto length = goldens["feat/token_norm"][layer - 1][tokens[i] / kLengthEvery];
    const auto actual = patches[0][tokens[i] - 1].index_select(0, dims) * length;
    EXPECT_TENSORS_NEAR(actual, expected, kRawTolerance) << "layer " << layer << " token " << tokens[i];
    largest = std::max(largest, largest_difference(actual, expected));
  }
  return largest;
}

class FullSize : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, FullSize, testing::kDevices, testing::device_name);

TEST_P(FullSize, FeaturesEqualTheAuthorsInEveryLayer) {
  const auto fixtures = testing::full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  const auto run = testing::read_json(*fixtures / "e2e_full.json");
  const auto& index = run["features"];
  const auto goldens = testing::Goldens::read(*fixtures / "e2e_full_features.pt");
  const auto image = prepare_image(*fixtures / "../data" / index["image"].get<std::string>(), {.size = 518});
  EXPECT_TENSORS_NEAR(image.flatten().slice(0, 0, image.numel(), 4099), goldens["feat/input_sample"], 1e-6);

  const auto backbone = testing::full_backbone(device());
  const auto layers = index["layers"].get<std::vector<int>>();
  const auto features = on_cpu(backbone.encode(image.unsqueeze(0), layers));
  double raw = 0.0;
  for (const int layer : layers)
    raw = std::max(raw, compare_sampled_tokens(index, goldens, layer, features.patches.at(layer)));
  EXPECT_GT(raw, 0.0) << "no token was compared";
  const auto global = goldens["feat/global"] / goldens["feat/global"].norm();
  EXPECT_TENSORS_NEAR(features.global, global, kUnitTolerance);

  const auto plain = on_cpu(backbone.encode_plain(image.unsqueeze(0), layers));
  double forms = largest_difference(features.global, plain.global);
  for (const int layer : layers) {
    EXPECT_TENSORS_NEAR(features.patches.at(layer), plain.patches.at(layer), kUnitTolerance) << layer;
    forms = std::max(forms, largest_difference(features.patches.at(layer), plain.patches.at(layer)));
  }
  std::printf("largest differences: patches %.2g, global %.2g, the two forms %.2g\n", raw,
              largest_difference(features.global, global), forms);
}

}  // namespace
}  // namespace res2clip
