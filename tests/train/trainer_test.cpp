#include "res2clip/train/trainer.hpp"

#include <ATen/Parallel.h>

#include "res2clip/core/error.hpp"

#include "support/adapter_tensors.hpp"
#include "support/goldens.hpp"
#include "train/synthetic_data.hpp"

namespace res2clip {
namespace {

using testing::SyntheticData;
using testing::tensors_of;
using Weights = std::map<std::string, at::Tensor>;

double figure(const Figures& figures, const std::string& name) {
  for (const auto& [key, value] : figures)
    if (key == name) return value;
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

/// Trainers of the same data that differ in their options.
class Trainers : public ::testing::Test {
 protected:
  Trainers() { at::set_num_threads(1); }  // tensors as small as these only wait for other threads

  TrainingSetup setup_with(const std::function<void(TrainOptions&)>& change) const {
    TrainingSetup setup = data_.setup();
    setup.steps_per_epoch = 3;
    change(setup.options);
    return setup;
  }

  /// The weights after the first two steps: at a rate of 0, and at a third of the full one.
  Weights after_two_steps(const std::function<void(TrainOptions&)>& change) const {
    const TrainingSetup setup = setup_with(change);
    const auto processes = single_process();
    Trainer trainer(data_.data(), setup, *processes);
    const auto pairs = draw_pairs(data_.data().samples, setup.options.batch_size, 111, 0);
    trainer.step(pairs[0]);
    trainer.step(pairs[1]);
    return tensors_of(trainer.adapters());
  }

  Weights initial() const { return tensors_of(data_.setup().initial); }

  SyntheticData data_;
};

bool is_global(const std::string& name) {
  return name.starts_with("res_vis_global_adapter");
}

TEST_F(Trainers, StepTheGlobalAdapterAtItsOwnRate) {
  const Weights start = initial();
  const Weights fast = after_two_steps([](TrainOptions& options) { options.rate_residual_global = 0.02; });
  const Weights slow = after_two_steps([](TrainOptions& options) { options.rate_residual_global = 0.004; });
  double change = 0;
  for (const auto& [name, before] : start) {
    if (!is_global(name)) {
      EXPECT_TRUE(fast.at(name).equal(slow.at(name))) << name;
      continue;
    }
    // Weights of about 1, rounded twice.
    EXPECT_TENSORS_NEAR(fast.at(name) - before, (slow.at(name) - before) * 5, 1e-6) << name;
    change = std::max(change, testing::largest_difference(fast.at(name), before));
  }
  EXPECT_GT(change, 1e-3);
}

TEST_F(Trainers, LeaveTheGlobalAdapterOnWhereTheLocalOnesAreOff) {
  const Weights start = initial();
  const Weights off = after_two_steps([](TrainOptions& options) { options.rate_residual_local = 0; });
  const Weights on = after_two_steps([](TrainOptions&) {});
  for (const auto& [name, before] : start)
    if (name.starts_with("res_vis_local_adapters"))
      EXPECT_TRUE(off.at(name).equal(before)) << name;
    else
      EXPECT_TRUE(off.at(name).equal(on.at(name))) << name;
  const std::string last = "res_vis_global_adapter.fc2.weight";
  EXPECT_GT(testing::largest_difference(off.at(last), start.at(last)), 1e-3);
}

TEST_F(Trainers, ReportTheRateOfEachPart) {
  const TrainingSetup setup = setup_with([](TrainOptions& options) {
    options.rate_visual = 0.3;
    options.rate_residual_local = 0.0;
    options.rate_residual_global = 0.03;
    options.rate_residual_text = 0.6;
    options.rate_text = 0.06;
  });
  const auto processes = single_process();
  Trainer trainer(data_.data(), setup, *processes);
  const auto pairs = draw_pairs(data_.data().samples, setup.options.batch_size, 111, 0);
  trainer.step(pairs[0]);
  const Figures rates = trainer.step(pairs[1]).rates;
  EXPECT_DOUBLE_EQ(figure(rates, "vis"), 0.1);  // a third of the warm-up
  EXPECT_DOUBLE_EQ(figure(rates, "res_vis"), 0.0);
  EXPECT_DOUBLE_EQ(figure(rates, "res_vis_global"), 0.01);
  EXPECT_DOUBLE_EQ(figure(rates, "res_text"), 0.0) << "its first step is still to come";
  EXPECT_DOUBLE_EQ(figure(rates, "text"), 0.02);
}

TEST_F(Trainers, AverageTheImagesLossesWherePixelsAreCountedByImage) {
  const TrainingSetup setup = setup_with([](TrainOptions& options) {
    options.count_over = CountOver::image;
    options.upsampling = ScoreUpsampling::nearest;
  });
  const auto processes = single_process();
  const auto loss_of = [&](const StepPairs& pairs) {
    return Trainer(data_.data(), setup, *processes).step(pairs).losses;
  };
  const StepPairs all = draw_pairs(data_.data().samples, 4, 111, 0)[0];
  const Figures whole = loss_of(all);
  for (const auto& [name, value] : whole) {
    double sum = 0;
    for (std::size_t i = 0; i < all.query.size(); ++i)
      sum += figure(loss_of({0, 0, {all.query[i]}, {all.reference[i]}}), name);
    EXPECT_NEAR(value, sum / 4, 1e-5) << name;  // float32 sums in another order
  }
}

TEST_F(Trainers, TellTheGradientsOfTheAdaptersTheyStepped) {
  const TrainingSetup setup = setup_with([](TrainOptions&) {});
  const auto processes = single_process();
  Trainer trainer(data_.data(), setup, *processes);
  const StepReport report = trainer.step(draw_pairs(data_.data().samples, 4, 111, 0)[0]);
  double square = 0;
  for (const auto& [name, gradient] : trainer.gradients()) {
    EXPECT_FALSE(name.starts_with("res_text_adapter")) << "frozen in even epochs";
    if (name.starts_with("text_adapter")) square += std::pow(gradient.norm().item<double>(), 2);
  }
  EXPECT_NEAR(std::sqrt(square), std::min(1.0, figure(report.gradient_norms, "text")), 1e-5);
}

}  // namespace
}  // namespace res2clip
