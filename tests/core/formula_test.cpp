// The formula weights are the ground that all other goldens stand on: they must be exact.
#include "support/formula.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/goldens.hpp"

namespace res2clip::testing {
namespace {

TEST(FormulaWeights, EveryTensorEqualsTheRecordedValuesExactly) {
  const auto recorded = read_json(test_data("goldens/weights.json"));
  auto tensors = formula_clip(kTinyClip);
  tensors.merge(formula_adapters(96, {6, 12, 18, 24}, {6, 12, 18, 24}, 2));
  ASSERT_EQ(recorded["tensors"].size(), tensors.size());
  for (const auto& entry : recorded["tensors"]) {
    const std::string name = entry["name"];
    ASSERT_TRUE(tensors.contains(name)) << name;
    const at::Tensor& tensor = tensors[name];
    EXPECT_EQ(tensor.sizes().vec(), entry["shape"].get<std::vector<std::int64_t>>()) << name;
    const at::Tensor flat = tensor.flatten();
    for (std::size_t i = 0; i < entry["index"].size(); ++i)
      EXPECT_EQ(flat[entry["index"][i].get<std::int64_t>()].item<float>(), entry["value"][i].get<float>())
          << name;
    // Sums in double: only their order of summation is free.
    const at::Tensor wide = flat.to(at::kDouble);
    EXPECT_NEAR(wide.sum().item<double>(), entry["sum"].get<double>(), 1e-9 * wide.numel()) << name;
    EXPECT_NEAR(wide.abs().sum().item<double>(), entry["abs_sum"].get<double>(), 1e-9 * wide.numel()) << name;
  }
}

}  // namespace
}  // namespace res2clip::testing
