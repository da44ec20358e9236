#include "res2clip/model/adapters.hpp"

#include <array>
#include <cmath>
#include <map>

#include "res2clip/core/error.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "support/devices.hpp"
#include "support/fails.hpp"
#include "support/formula.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using testing::Goldens;
using ::testing::HasSubstr;

// What the golden set suggests for float32 against float32; against float64 it measured 5e-8 and 5e-6.
constexpr double kOutputTolerance = 2e-6;
constexpr double kGradientTolerance = 5e-5;  // relative to the norm of the gradient

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// A set whose adapters of `group` (of layer 1) have these tensors; the others stay undefined.
Adapters formula_set(AdapterGroup group, const std::map<std::string, at::Tensor>& tensors, c10::Device device,
                     NamedTensors& parameters) {
  Adapters adapters;
  adapters.vis_adapters[1];
  for_each_tensor(adapters, [&](const AdapterTensor& which, at::Tensor& tensor) {
    if (which.group != group) return;
    const std::string key(which.part);
    tensor = tensors.at("adapter_test." + key).to(device).clone().requires_grad_(true);
    parameters.emplace_back(key, tensor);
  });
  return adapters;
}

double relative_difference(const at::Tensor& actual, const at::Tensor& expected) {
  const double difference = (actual.cpu() - expected.cpu()).to(at::kDouble).norm().item<double>();
  const double size = expected.to(at::kDouble).norm().item<double>();
  return size > 0 ? difference / size : difference;
}

void expect_gradient(const Goldens& goldens, const std::string& key, const std::string& name,
                     const at::Tensor& actual) {
  const std::string whole = key + "/grad/" + name;
  if (goldens.has(whole)) {
    EXPECT_LE(relative_difference(actual, goldens[whole]), kGradientTolerance) << whole;
    return;
  }
  const double norm = goldens[whole + "/norm"].item<double>();
  const at::Tensor head = goldens[whole + "/head"];
  const auto count = static_cast<double>(actual.numel());
  EXPECT_LE(relative_difference(actual.flatten().slice(0, 0, head.numel()), head), kGradientTolerance)
      << whole;
  EXPECT_NEAR(actual.norm().item<double>(), norm, kGradientTolerance * norm) << whole;
  // A sum gathers the differences of all elements.
  EXPECT_NEAR(actual.to(at::kDouble).sum().item<double>(), goldens[whole + "/sum"].item<double>(),
              kGradientTolerance * norm * std::sqrt(count))
      << whole;
}

using Gradients = std::map<std::string, at::Tensor>;

/// Checks output and input gradient of one case; returns the gradients of the parameters.
Gradients expect_case(const Goldens& goldens, const nlohmann::json& entry, c10::Device device) {
  const std::string key = entry["key"];
  SCOPED_TRACE(key);
  const std::int64_t embed = entry["D"];
  const bool zero = entry["zero_up"];
  NamedTensors parameters;
  const at::Tensor input = goldens[key + "/in"].to(device).clone().requires_grad_(true);
  at::Tensor output;
  if (entry["type"] == "local") {
    const LocalAdapter adapter =
        formula_set(AdapterGroup::visual, testing::formula_local_adapter("adapter_test", embed, 3, zero),
                    device, parameters)
            .vis_adapters.at(1);
    const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(entry["L"].get<double>())));
    output = adapt_local(adapter, input, {side, side});
  } else {
    const GlobalAdapter adapter =
        formula_set(AdapterGroup::text, testing::formula_global_adapter("adapter_test", embed, 3, zero),
                    device, parameters)
            .text_adapter;
    output = adapt_global(adapter, input);
  }
  EXPECT_TENSORS_NEAR(output, goldens[key + "/out"], kOutputTolerance);
  // An adapter whose last layer is zero is the identity, bit for bit.
  if (zero) {
    EXPECT_TRUE(output.equal(input));
  }
  (output * goldens[key + "/g"].to(device)).sum().backward();
  EXPECT_LE(relative_difference(input.grad(), goldens[key + "/grad_in"]), kGradientTolerance);
  Gradients gradients;
  for (const auto& [name, tensor] : parameters) gradients[name] = tensor.grad().cpu();
  return gradients;
}

/// All cases of a golden file. The recorded gradients of the cases with tiny and with zero input are one
/// buffer, which summed up over both: each of the two holds the sum.
int expect_cases(const Goldens& goldens, const nlohmann::json& index, c10::Device device) {
  int compared = 0;
  Gradients summed;
  for (const auto& entry : index["cases"]) {
    const std::string key = entry["key"];
    if (!goldens.has(key + "/in")) continue;
    ++compared;
    Gradients gradients = expect_case(goldens, entry, device);
    const bool tiny = key.ends_with("_tiny"), null = key.ends_with("_null");
    if (tiny) summed = gradients;
    if (null)
      for (auto& [name, tensor] : gradients) tensor = tensor + summed.at(name);
    if (tiny) continue;
    for (const auto& [name, tensor] : gradients) expect_gradient(goldens, key, name, tensor);
  }
  return compared;
}

class AdaptersOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, AdaptersOn, testing::kDevices, testing::device_name);

TEST_P(AdaptersOn, GiveTheReleasedCodesValuesAndGradients) {
  const auto goldens = Goldens::read(testing::test_data("goldens/adapters.pt"));
  EXPECT_GE(expect_cases(goldens, testing::read_json(testing::test_data("goldens/adapters.json")), device()),
            6);
}

TEST_P(AdaptersOn, GiveTheReleasedCodesValuesAndGradientsAtFullWidth) {
  const auto folder = testing::full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  const auto goldens = Goldens::read(*folder / "adapters.pt");
  EXPECT_EQ(expect_cases(goldens, testing::read_json(*folder / "adapters.json"), device()), 14);
}

TEST(Adapters, TakeGridsThatAreNotSquare) {
  const auto adapters = assemble_adapters(testing::formula_adapters(96, {6}, {6}, 2), "formula");
  const auto& adapter = adapters.vis_adapters.at(6);
  // One row of three patches: the 3x3 kernels see only their middle rows.
  const at::Tensor residual = at::randn({1, 3, 96});
  const at::Tensor rows = adapt_local(adapter, residual, {1, 3});
  LocalAdapter turned = adapter;
  turned.conv_fine_weight = adapter.conv_fine_weight.transpose(2, 3).contiguous();
  turned.conv_coarse_weight = adapter.conv_coarse_weight.transpose(2, 3).contiguous();
  // Same sums in another order: float32 rounding.
  EXPECT_TENSORS_NEAR(rows, adapt_local(turned, residual, {3, 1}), 1e-5);
}

TEST(Adapters, HaveAsManyParametersAsThePaperSays) {
  const std::array layers{6, 12, 18, 24};
  std::int64_t count = 0;
  for_each_tensor(fresh_adapters(768, layers, layers, 111),
                  [&](const AdapterTensor&, const at::Tensor& tensor) { count += tensor.numel(); });
  EXPECT_EQ(count, 4'182'528);  // the paper: 4.18 M
}

TEST(FreshAdapters, AreTheIdentityAndDependOnTheSeedAlone) {
  const std::array two{6, 24};
  const std::array one{24};
  const Adapters wide = fresh_adapters(96, two, two, 111);
  const Adapters narrow = fresh_adapters(96, one, one, 111);
  const Adapters other = fresh_adapters(96, one, one, 112);
  const at::Tensor residual = at::randn({2, 25, 96});
  EXPECT_TRUE(adapt_local(wide.vis_adapters.at(6), residual, {5, 5}).equal(residual));
  EXPECT_TRUE(adapt_global(wide.text_adapter, residual).equal(residual));
  EXPECT_TRUE(wide.vis_adapters.at(24).down_weight.equal(narrow.vis_adapters.at(24).down_weight));
  EXPECT_FALSE(other.vis_adapters.at(24).down_weight.equal(narrow.vis_adapters.at(24).down_weight));
  EXPECT_FALSE(wide.vis_adapters.at(24).down_weight.equal(wide.res_vis_local_adapters.at(24).down_weight));
}

TEST(FreshAdapters, HaveTheReleasesSpread) {
  const std::array layers{6};
  const Adapters adapters = fresh_adapters(768, layers, layers, 111);
  const LocalAdapter& adapter = adapters.vis_adapters.at(6);
  // Uniform in +-b: deviation b/sqrt(3). The tolerances are four standard errors of these many draws.
  const double bound = 1 / std::sqrt(768.0);
  EXPECT_LE(adapter.down_weight.abs().max().item<double>(), bound);
  EXPECT_NEAR(adapter.down_weight.std().item<double>(), bound / std::sqrt(3.0), bound * 0.004);
  const double deviation = std::sqrt(2.0 / (9 * 192));
  EXPECT_NEAR(adapter.conv_fine_weight.std().item<double>(), deviation, deviation * 0.07);
  EXPECT_NEAR(adapter.conv_fine_weight.mean().item<double>(), 0, deviation * 0.1);
  EXPECT_EQ(adapter.up_weight.abs().max().item<float>(), 0);
  EXPECT_TRUE(adapter.norm_weight.eq(1).all().item<bool>());
}

TEST(FreshAdapters, RefuseAWidthThatCannotBeQuartered) {
  EXPECT_THAT([&] { fresh_adapters(98, {}, {}, 1); }, Fails(ErrorKind::settings, HasSubstr("multiple of 4")));
}

TEST(RequireFit, NamesTheLayerThatIsMissing) {
  const std::array layers{6, 12};
  const Adapters adapters = fresh_adapters(96, layers, layers, 1);
  const std::array wanted{6, 18};
  EXPECT_NO_THROW(require_fit(adapters, 96, layers, layers, "c.pth"));
  EXPECT_THAT([&] { require_fit(adapters, 96, layers, wanted, "c.pth"); },
              Fails(ErrorKind::data, HasSubstr("c.pth: res_vis_local_adapters has no adapter of layer 18")));
  EXPECT_THAT([&] { require_fit(adapters, 768, layers, layers, "c.pth"); },
              Fails(ErrorKind::data, HasSubstr("features of width 96")));
}

}  // namespace
}  // namespace res2clip
