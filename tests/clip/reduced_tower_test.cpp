// The image tower in reduced precision on this processor: products against sums in double precision of the
// same rounded numbers, and features against those of fp32.
#include <cmath>
#include <cstdio>
#include <gmock/gmock.h>
#include <limits>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "clip/cpu/reduced_product.hpp"
#include "clip/tiny_backbone.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using cpu::ReducedForm;
using cpu::ReducedRows;
using testing::Fails;
using ::testing::HasSubstr;

at::Tensor random(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

ReducedRows rounded(const at::Tensor& numbers, const ReducedForm& form) {
  ReducedRows rows = cpu::empty_rows(numbers.size(0), numbers.size(1), form);
  for (std::int64_t row = 0; row < numbers.size(0); ++row)
    rows.save(row, numbers[row].const_data_ptr<float>(), form);
  return rows;
}

/// The numbers that rounded rows stand for, in double precision.
at::Tensor meant(const ReducedRows& rows) {
  const auto values = rows.values.to(at::kDouble);
  return rows.scale.defined() ? values * rows.scale.unsqueeze(1).to(at::kDouble) + rows.least.unsqueeze(1)
                              : values;
}

at::Tensor loaded(const cpu::RawProduct& product) {
  const auto all = at::empty({product.count(), product.width()}, at::kFloat);
  for (std::int64_t row = 0; row < product.count(); ++row) product.load(row, all[row].data_ptr<float>());
  return all;
}

std::vector<ReducedForm> forms() {
  return {{false, at::kBFloat16, 255}, {true, at::kFloat, cpu::largest_exact_byte()}};
}

TEST(ReducedRows, RoundToTheNearestNumberThatTheFormHas) {
  const auto numbers = random({7, 131}, 1) * 3 + 1;
  for (const ReducedForm& form : forms()) {
    const auto found = meant(rounded(numbers, form));
    if (!form.bytes) {
      EXPECT_TRUE(found.equal(numbers.to(at::kBFloat16).to(at::kDouble)));
      continue;
    }
    const auto step = (numbers.amax(1) - numbers.amin(1)) / form.largest_byte;
    EXPECT_TRUE(((found - numbers).abs() <= 0.5001 * step.unsqueeze(1)).all().item<bool>());
  }
}

TEST(ReducedRows, KeepConstantRowsAndGiveNotANumberAway) {
  const ReducedForm form{true, at::kFloat, cpu::largest_exact_byte()};
  const auto numbers = at::full({4, 40}, 2.5f);
  numbers[1][7] = std::numeric_limits<float>::quiet_NaN();
  numbers[2][39] = std::numeric_limits<float>::infinity();
  numbers[3].mul_(1e38f)[0].neg_();
  const auto found = meant(rounded(numbers, form));
  EXPECT_TRUE(found[0].eq(2.5).all().item<bool>());
  for (const int row : {1, 2, 3}) EXPECT_TRUE(found[row].isnan().all().item<bool>()) << row;
  const auto narrow = meant(rounded(numbers, forms()[0]));
  EXPECT_TRUE(narrow[1][7].isnan().item<bool>());
  EXPECT_TRUE(narrow[2][39].isinf().item<bool>());
}

TEST(ReducedProduct, EqualsSumsInDoublePrecisionOfWhatItReads) {
  const auto matrix = random({96, 200}, 2) * 0.1, bias = random({96}, 3),
             numbers = random({53, 200}, 4) * 2 + 5;
  for (const ReducedForm& form : forms()) {
    const ReducedRows rows = rounded(numbers, form);
    const auto weight = cpu::reduced_weight(matrix, bias, form, rows.count());
    const auto scales = matrix.abs().amax(1, true) / 127;
    const auto weights = form.bytes ? (matrix / scales).round().to(at::kDouble) * scales
                                    : matrix.to(at::kBFloat16).to(at::kDouble);
    const auto expected = meant(rows).mm(weights.t()) + bias;
    const double largest = expected.abs().max().item<double>();
    // Bytes are summed exactly; a product of bfloat16 is rounded to its eight bits.
    EXPECT_TENSORS_NEAR(loaded(cpu::product(rows, weight)), expected, (form.bytes ? 2e-6 : 4.1e-3) * largest);
    EXPECT_TENSORS_NEAR(cpu::attention_input(rows, weight, form), expected,
                        (form.bytes ? 2e-6 : 8e-3) * largest);
  }
}

TEST(LargestExactByte, IsTriedOutOnThisProcessor) {
  const int largest = cpu::largest_exact_byte();
  std::printf("rows of bytes go to %d here\n", largest);
  const ReducedForm form{true, at::kFloat, largest};
  // The largest sums that there can be: every byte and weight at its limit, but for one that spans the range.
  auto numbers = at::full({64, 1024}, static_cast<double>(largest), at::kFloat);
  numbers.select(1, 0).zero_();
  const auto weight = cpu::reduced_weight(at::full({64, 1024}, 127.0f), at::zeros({64}), form, 64);
  EXPECT_TENSORS_NEAR(loaded(cpu::product(rounded(numbers, form), weight)),
                      at::full({64, 64}, 1023.0 * 127 * largest, at::kDouble),
                      4.0);  // float32's last digit there
}

constexpr std::int64_t kSize = 64;
const std::vector<int> kLayers = {1, 3, 4};

/// One backbone in every precision.
class Wide {
 public:
  explicit Wide(Activation activation = Activation::quick_gelu, const EncoderForm& form = {}) {
    ClipWeights weights = testing::formula_weights({256, 4, 8, 24, 128, 64, 1}, "wide");
    weights.form.activation = activation;
    export_backbone(weights, {.image_size = kSize, .form = form}, folder_ / "wide.pt");
  }
  Backbone in(Precision precision) const {
    return Backbone::load(folder_ / "wide.pt", {.device = "cpu", .precision = precision, .emulate = true});
  }

 private:
  testing::TemporaryFolder folder_;
};

double largest_difference(const Features& features, const Features& expected) {
  double largest = testing::largest_difference(features.global, expected.global);
  for (const auto& [layer, patches] : expected.patches)
    largest = std::max(largest, testing::largest_difference(features.patches.at(layer), patches));
  return largest;
}

// Three to four times what the formats give through four blocks (bytes of seven bits).
constexpr std::pair<Precision, double> kBounds[] = {{Precision::bf16, 4e-3}, {Precision::int8, 1.5e-2}};

TEST(ReducedTower, StaysNearTheExactOneInEveryForm) {
  const auto images = random({2, 3, kSize, kSize}, 5);
  for (const Activation activation : {Activation::quick_gelu, Activation::gelu, Activation::gelu_tanh})
    for (const EncoderForm& form : {EncoderForm{}, EncoderForm{.vv_blocks = 0}, EncoderForm{.vv_blocks = 4},
                                    EncoderForm{.vv_blocks = 2, .global_ln_post = true},
                                    EncoderForm{.vv_blocks = 3, .patch_ln_post = false}}) {
      const Wide backbone(activation, form);
      const auto exact = backbone.in(Precision::fp32).encode(images, kLayers);
      for (const auto& [precision, bound] : kBounds) {
        const double found = largest_difference(backbone.in(precision).encode(images, kLayers), exact);
        std::printf("%s: features differ by at most %.2g\n", std::string(name_of(precision)).c_str(), found);
        EXPECT_LE(found, bound);
        EXPECT_GT(found, 1e-5);  // it is another arithmetic
      }
    }
}

TEST(ReducedTower, StaysNearThroughTwentyFourBlocks) {
  const testing::TemporaryFolder folder;
  export_backbone(testing::tiny_weights(), {.image_size = 70}, folder / "tiny.pt");
  const auto images = random({1, 3, 70, 70}, 6);
  const std::vector<int> layers = {6, 12, 18, 24};
  const auto features = [&](Precision precision) {
    return Backbone::load(folder / "tiny.pt", {.device = "cpu", .precision = precision, .emulate = true})
        .encode(images, layers);
  };
  const auto exact = features(Precision::fp32);
  for (const auto& [precision, least] :
       {std::pair{Precision::bf16, 0.9999}, std::pair{Precision::int8, 0.9995}}) {
    const auto found = features(precision);
    double cosine = (found.global * exact.global).sum(-1).min().item<double>();
    for (const int layer : layers)
      cosine =
          std::min(cosine, (found.patches.at(layer) * exact.patches.at(layer)).sum(-1).min().item<double>());
    std::printf("%s: least cosine to fp32 %.5f\n", std::string(name_of(precision)).c_str(), cosine);
    EXPECT_GE(cosine, least);
  }
}

TEST(ReducedTower, GivesAnImageTheSameFeaturesInAnyBatchAndAskedForAnyLayers) {
  const auto images = random({3, 3, kSize, kSize}, 7);
  const Wide wide;
  for (const auto& [precision, bound] : kBounds) {
    const auto backbone = wide.in(precision);
    const auto together = backbone.encode(images, kLayers),
               alone = backbone.encode(images.slice(0, 1, 2), kLayers);
    EXPECT_TRUE(alone.global.equal(together.global.slice(0, 1, 2)));
    for (const int layer : kLayers) {
      EXPECT_TRUE(alone.patches.at(layer).equal(together.patches.at(layer).slice(0, 1, 2)));
      const auto one = backbone.encode(images.slice(0, 1, 2), std::vector<int>{layer});
      EXPECT_TRUE(one.patches.at(layer).equal(alone.patches.at(layer)));
    }
  }
}

TEST(ReducedTower, GetsNoImagesThatAreNotFinite) {
  auto images = random({1, 3, kSize, kSize}, 8);
  images[0][0][3][3] = std::numeric_limits<float>::quiet_NaN();
  const Wide wide;
  for (const auto& bound : kBounds) {
    const Backbone reduced = wide.in(bound.first);
    const auto encoding = [&] { reduced.encode(images, kLayers); };
    EXPECT_THAT(encoding, Fails(ErrorKind::data, HasSubstr("not finite"))) << name_of(bound.first);
  }
}

TEST(ReducedTower, IsNamedAsPartOfTheIdentityOfFeatures) {
  const Wide wide;
  EXPECT_EQ(wide.in(Precision::fp32).arithmetic(), "fp32");
  EXPECT_EQ(wide.in(Precision::bf16).arithmetic(), "bf16");
  EXPECT_EQ(wide.in(Precision::int8).arithmetic(),
            cpu::largest_exact_byte() == 255 ? "int8" : "int8 of 7 bits");
}

}  // namespace
}  // namespace res2clip
