#include "res2clip/train/adam.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

at::Tensor with_gradient(const at::Tensor& weight, const at::Tensor& gradient) {
  at::Tensor leaf = weight.clone().requires_grad_(true);
  leaf.mutable_grad() = gradient.clone();
  return leaf;
}

TEST(Adam, FollowsItsDefinitionInDouble) {
  const AdamOptions options{0.5, 0.999, 1e-8};
  Adam adam(options);
  const at::Tensor weight = at::randn({40});
  const at::Tensor leaf = with_gradient(weight, at::zeros({40}));
  adam.add("w", leaf);
  at::Tensor expected = weight.to(at::kDouble);
  at::Tensor mean = at::zeros({40}, at::kDouble);
  at::Tensor square = at::zeros({40}, at::kDouble);
  for (int step = 1; step <= 20; ++step) {
    const at::Tensor gradient = at::randn({40});
    leaf.mutable_grad() = gradient.clone();
    const double rate = 1e-3 * step;
    adam.step(rate);
    const at::Tensor g = gradient.to(at::kDouble);
    mean = 0.5 * mean + 0.5 * g;
    square = 0.999 * square + 0.001 * g * g;
    expected = expected - rate * (mean / (1 - std::pow(0.5, step))) /
                              ((square / (1 - std::pow(0.999, step))).sqrt() + 1e-8);
  }
  // 20 updates of up to 0.02 in float32.
  EXPECT_TENSORS_NEAR(leaf.detach().to(at::kDouble), expected, 1e-6);
}

TEST(Adam, KeepsWeightsAtRateZeroButUpdatesMoments) {
  Adam adam(AdamOptions{});
  const at::Tensor weight = at::randn({4});
  const at::Tensor leaf = with_gradient(weight, at::ones({4}));
  adam.add("w", leaf);
  adam.step(0.0);
  EXPECT_TRUE(leaf.equal(weight));
  EXPECT_FLOAT_EQ(adam.parameters()[0].mean[0].item<float>(), 0.5f);
  EXPECT_EQ(adam.steps(), 1);
}

TEST(Adam, GivesEachWeightItsOwnRate) {
  Adam adam(AdamOptions{});
  const at::Tensor fast = with_gradient(at::zeros({3}), at::ones({3}));
  const at::Tensor slow = with_gradient(at::zeros({3}), at::ones({3}));
  const at::Tensor still = with_gradient(at::zeros({3}), at::ones({3}));
  adam.add("fast", fast, 0.5);
  adam.add("slow", slow, 0.125);
  adam.add("still", still, 0.0);
  adam.step(0.5);
  // The first step of Adam is the rate, whatever the gradient's size.
  EXPECT_NEAR(fast.detach()[0].item<double>(), -0.25, 1e-7);
  EXPECT_TRUE(fast.detach().equal(slow.detach() * 4));
  EXPECT_EQ(still.detach().abs().max().item<float>(), 0.0f);
}

TEST(ClipGradients, ScalesTheTotalNormOfAGroup) {
  Adam adam(AdamOptions{});
  const at::Tensor a = with_gradient(at::zeros({2}), at::tensor({3.0f, 0.0f}));
  const at::Tensor b = with_gradient(at::zeros({1}), at::tensor({4.0f}));
  adam.add("a", a);
  adam.add("b", b);
  EXPECT_FLOAT_EQ(static_cast<float>(adam.clip_gradients(1.0)), 5.0f);
  EXPECT_NEAR(a.grad()[0].item<double>(), 0.6, 1e-6);
  EXPECT_NEAR(b.grad()[0].item<double>(), 0.8, 1e-6);
  EXPECT_NEAR(adam.clip_gradients(10.0), 1.0, 1e-6);
  EXPECT_NEAR(b.grad()[0].item<double>(), 0.8, 1e-6);
}

}  // namespace
}  // namespace res2clip
