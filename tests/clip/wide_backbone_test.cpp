// A backbone as wide as the fused kernels of a GPU take, in every form that they have, against the archive's
// own program.
#include <cstdio>

#include <gtest/gtest.h>

#include "clip/tiny_backbone.hpp"
#include "support/devices.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

constexpr std::int64_t kSize = 64;
const std::vector<int> kLayers = {1, 3, 4};

Backbone wide_backbone(c10::Device device, Activation activation = Activation::quick_gelu,
                       const EncoderForm& form = {}, Precision precision = Precision::fp32) {
  const testing::TemporaryFolder folder;
  ClipWeights weights = testing::formula_weights({256, 4, 8, 24, 128, 64, 1}, "wide");
  weights.form.activation = activation;
  export_backbone(weights, {.image_size = kSize, .form = form}, folder / "wide.pt");
  return Backbone::load(folder / "wide.pt", {.device = device.str(), .precision = precision});
}

at::Tensor some_images(std::int64_t count) {
  return at::randn({count, 3, kSize, kSize}, at::detail::createCPUGenerator(5), at::kFloat);
}

double largest_difference(const Features& features, const Features& expected) {
  double largest = testing::largest_difference(features.global, expected.global);
  for (const auto& [layer, patches] : expected.patches)
    largest = std::max(largest, testing::largest_difference(features.patches.at(layer), patches));
  return largest;
}

class WideBackboneOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, WideBackboneOn, testing::kDevices, testing::device_name);

TEST_P(WideBackboneOn, EqualsItsOwnProgramInEveryForm) {
  const auto images = some_images(3);
  for (const Activation activation : {Activation::quick_gelu, Activation::gelu, Activation::gelu_tanh})
    for (const EncoderForm& form : {EncoderForm{}, EncoderForm{.vv_blocks = 0}, EncoderForm{.vv_blocks = 4},
                                    EncoderForm{.vv_blocks = 2, .global_ln_post = true},
                                    EncoderForm{.vv_blocks = 3, .patch_ln_post = false}}) {
      const auto backbone = wide_backbone(device(), activation, form);
      EXPECT_LE(largest_difference(backbone.encode(images, kLayers), backbone.encode_plain(images, kLayers)),
                3e-6);
    }
}

// The first calls of a shape run as they are, later ones from a recorded graph: each reads its own images,
// and gives results that the next call leaves alone.
TEST_P(WideBackboneOn, GivesTheSameFeaturesAtEveryCall) {
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    if (device().is_cpu() && precision != Precision::fp32) continue;
    const auto backbone = wide_backbone(device(), Activation::quick_gelu, {}, precision);
    for (const std::int64_t batch : {1, 2}) {
      const auto images = some_images(5 * batch);
      std::vector<Features> found;
      for (std::int64_t i = 0; i < 5; ++i)
        found.push_back(backbone.encode(images.narrow(0, i * batch, batch), kLayers));
      for (std::int64_t i = 0; i < 5; ++i) {
        const auto again = backbone.encode(images.narrow(0, i * batch, batch), kLayers);
        EXPECT_EQ(largest_difference(found[static_cast<std::size_t>(i)], again), 0.0)
            << name_of(precision) << ", batch " << batch << ", call " << i;
      }
    }
  }
}

TEST_P(WideBackboneOn, StaysNearInReducedPrecision) {
  if (device().is_cpu()) GTEST_SKIP() << "of processors: reduced_tower_test.cpp";
  const auto images = some_images(6);
  const auto exact = wide_backbone(device()).encode(images, kLayers);
  for (const auto& [precision, bound] :
       {std::pair{Precision::tf32, 2e-3}, std::pair{Precision::bf16, 2e-2}}) {
    const double found = largest_difference(
        wide_backbone(device(), Activation::quick_gelu, {}, precision).encode(images, kLayers), exact);
    std::printf("%s: features differ by at most %.2g\n", std::string(name_of(precision)).c_str(), found);
    EXPECT_LE(found, bound);
    EXPECT_GT(found, 0.0);
  }
}

// float16 ends at 65,504: what lies beyond is computed with TF32, and is as near to fp32 as ever.
TEST_P(WideBackboneOn, TakesNumbersBeyondTheRangeOfHalfPrecision) {
  if (device().is_cpu()) GTEST_SKIP() << "of processors: reduced_tower_test.cpp";
  ClipWeights weights = testing::formula_weights({256, 4, 8, 24, 128, 64, 1}, "large");
  weights.tensors["visual.transformer.resblocks.1.ln_2.weight"].mul_(1e6);
  weights.tensors["visual.transformer.resblocks.1.ln_2.bias"].mul_(1e6);
  weights.tensors["visual.transformer.resblocks.1.mlp.c_proj.weight"].mul_(1e-6);
  const testing::TemporaryFolder folder;
  export_backbone(weights, {.image_size = kSize}, folder / "large.pt");
  const auto images = some_images(2);
  const auto features_in = [&](Precision precision) {
    return Backbone::load(folder / "large.pt", {.device = device().str(), .precision = precision})
        .encode(images, kLayers);
  };
  EXPECT_LE(largest_difference(features_in(Precision::tf32), features_in(Precision::fp32)), 2e-3);
}

}  // namespace
}  // namespace res2clip
