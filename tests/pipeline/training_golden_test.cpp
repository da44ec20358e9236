// A whole training from images on, against the authors' training program.
#include <cstdio>
#include <map>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/model/branches.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/pipeline/pipeline.hpp"
#include "res2clip/pipeline/training.hpp"
#include "res2clip/train/run.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/adapter_tensors.hpp"
#include "support/formula.hpp"
#include "support/goldens.hpp"
#include "support/run_training.hpp"

namespace res2clip {
namespace {

using namespace testing;
using Json = nlohmann::json;

// The golden set's own: float32 against float32 with another order of summation.
constexpr double kRateTolerance = 1e-12;
constexpr double kLossTolerance = 2e-5;
constexpr double kNormTolerance = 2e-4;      // relative
constexpr double kWeightTolerance = 2e-5;    // absolute
constexpr double kChangeTolerance = 1e-2;    // relative to the tensor's change in training
constexpr double kFeatureTolerance = 3e-6;   // of unit length
constexpr double kResidualTolerance = 5e-6;  // as of retrieval
constexpr double kScoreTolerance = 5e-6;     // of whole images
constexpr double kGradientTolerance = 2e-4;  // of each tensor, relative, as of the gradients' norms

double figure(const Figures& figures, const std::string& name) {
  for (const auto& [key, value] : figures)
    if (key == name) return value;
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

Backbone tiny_backbone_on(const std::string& device) {
  const TemporaryFolder folder;
  export_backbone(tiny_weights(), {.image_size = 70}, folder / "tiny.pt");
  return Backbone::load(folder / "tiny.pt", {.device = device});
}

/// The recorded training, run again in a folder of its own.
class Replay {
 public:
  Replay(const Path& goldens, const Path& images, const std::string& device)
      : goldens_(goldens), device_(device), json_(read_json(goldens / "training_tiny.json")) {
    std::filesystem::create_directory(root_.path() / "data");
    for (const auto& entry : std::filesystem::directory_iterator(images))
      if (entry.is_directory())
        std::filesystem::create_directory_symlink(std::filesystem::absolute(entry.path()),
                                                  root_.path() / "data" / entry.path().filename());
    write_file(root_ / "data/meta.json", read_file(goldens / "training_tiny_meta.json"));
    std::string pairs;
    for (const auto& step : json_["steps"])
      pairs += Json{{"epoch", step["epoch"]},
                    {"step", step["step"]},
                    {"query", step["query_path"]},
                    {"reference", step["reference_path"]}}
                   .dump() +
               "\n";
    write_file(root_ / "replay.jsonl", pairs);
  }

  TrainingOutcome run(bool with_store) {
    const Backbone backbone = tiny_backbone_on(device_);
    const Settings settings = recorded_settings();
    const auto processes = single_process();
    TrainingImages images(backbone, recorded_images(), settings);
    if (with_store) {
      FeatureStore store(root_ / "store", describe_training_store(backbone, settings, "replay"));
      EXPECT_EQ(images.fill_store(std::move(store), *processes),
                static_cast<std::int64_t>(json_["items"].size()));
    }
    const TrainingData data = images.data();
    TrainingRun run;
    run.output = root_ / "out";
    run.replay = read_pairs(root_ / "replay.jsonl", data.samples);
    run.on_step = [this](const StepReport& report, std::int64_t) { compare(report); };
    auto outcome = run_training(data, make_training_setup(backbone, settings, initial()), run, *processes);
    EXPECT_TRUE(outcome.finished);
    EXPECT_EQ(static_cast<std::size_t>(outcome.next_step), json_["steps"].size());
    return outcome;
  }

  /// The pieces recorded of the first step of the first two epochs, and the weights between them.
  void compare_first_steps() {
    const Goldens goldens = Goldens::read(goldens_ / "training_tiny.pt");
    const Backbone backbone = tiny_backbone_on(device_);
    const Settings settings = recorded_settings();
    const auto processes = single_process();
    TrainingImages images(backbone, recorded_images(), settings);
    const TrainingData data = images.data();
    const auto pairs = read_pairs(root_ / "replay.jsonl", data.samples);
    TrainingSetup setup = make_training_setup(backbone, settings, initial());
    setup.steps_per_epoch = json_["steps_per_epoch"];
    Trainer trainer(data, setup, *processes);
    for (const StepPairs& step : pairs) {
      if (step.epoch == 2) break;
      const bool first = step.step % setup.steps_per_epoch == 0;
      const std::string epoch = "e" + std::to_string(step.epoch) + "/";
      if (first && step.epoch == 1) compare_weights(trainer.adapters(), goldens, "epoch1/");
      if (first) compare_input(data, setup, step, trainer.adapters(), goldens, "first_" + epoch);
      trainer.step(step);
      if (first) compare_gradients(trainer.gradients(), goldens, "first_grad_" + epoch);
    }
    print_largest();
  }

  Adapters initial() const {
    const std::vector<int> layers = {6, 12, 18, 24};
    auto tensors = formula_adapters(96, layers, layers, json_["adapter_salt"]);
    for (auto& [name, tensor] : tensors)
      if (name.ends_with("up.weight") || name.ends_with("fc2.weight")) tensor = at::zeros_like(tensor);
    return assemble_adapters(tensors, "formula");
  }

  void compare_final(const Adapters& adapters) {
    compare_weights(adapters, Goldens::read(goldens_ / "training_tiny.pt"), "final/");
    print_largest();
  }

  Path output() const { return root_ / "out"; }

 private:
  Settings recorded_settings() const {
    Settings settings;
    settings.compute.device = device_;
    settings.image.size = json_["image_size"];
    settings.train.batch_size = json_["batch_size"];
    settings.train.epochs = json_["epochs"];
    return settings;
  }

  Dataset recorded_images() const {
    DatasetOptions options;
    options.layout = Layout::meta;
    options.root = root_ / "data";
    return load_dataset(options);
  }

  void add(const std::string& kind, double difference) {
    largest_[kind] = std::max(largest_[kind], difference);
  }

  void print_largest() const {
    std::printf("largest differences:");
    for (const auto& [kind, value] : largest_) std::printf("  %s %.2g", kind.c_str(), value);
    std::printf("\n");
  }

  void compare_weights(const Adapters& adapters, const Goldens& goldens, const std::string& prefix) {
    const auto before = tensors_of(initial());
    const auto weights = tensors_of(adapters);
    for (const auto& [name, tensor] : weights) {
      const at::Tensor& expected = goldens[prefix + name];
      const double difference = largest_difference(tensor, expected);
      const double norm = (tensor - expected).norm().item<double>();
      const double change = (expected - before.at(name)).norm().item<double>();
      EXPECT_LE(difference, kWeightTolerance) << prefix << name;
      EXPECT_LE(norm, kChangeTolerance * change) << prefix << name;
      add("weights", difference);
      if (change > 0) add("weights by change", norm / change);
    }
    EXPECT_EQ(weights.size(), 84u);
  }

  /// What a step computes with: masks, global features, residuals and the scores of whole images.
  void compare_input(const TrainingData& data, const TrainingSetup& setup, const StepPairs& step,
                     const Adapters& weights, const Goldens& goldens, const std::string& prefix) {
    const Adapters adapters = to_device(weights, setup.text_residual.device());
    const Features query = data.features.of(data.images_of(step.query));
    const Features reference = data.features.of(data.images_of(step.reference));
    const at::Tensor masks = data.masks(step.query);
    const StepInput input = prepare_step(query, reference, masks, setup.layers, setup.retrieval);
    EXPECT_TRUE(masks.cpu().equal(goldens[prefix + "mask"].squeeze(1))) << prefix;
    const auto expect = [&](const at::Tensor& actual, const std::string& name, double tolerance) {
      EXPECT_TENSORS_NEAR(actual.detach(), goldens[prefix + name], tolerance) << prefix << name;
      add(name, largest_difference(actual.detach(), goldens[prefix + name]));
    };
    expect(query.global, "global_q", kFeatureTolerance);
    expect(reference.global, "global_ref", kFeatureTolerance);
    expect(input.raw_residuals.at(24), "R_v_last", kResidualTolerance);
    expect(text_similarity(query.global, adapt_global(adapters.text_adapter, setup.text_residual)),
           "s_text_cls", kScoreTolerance);
    expect(residual_projection(adapt_global(adapters.res_vis_global_adapter, input.raw_global_residual),
                               adapt_global(adapters.res_text_adapter, setup.text_residual)),
           "s_res_cls", kScoreTolerance);
  }

  void compare_gradients(const std::map<std::string, at::Tensor>& gradients, const Goldens& goldens,
                         const std::string& prefix) {
    int compared = 0;
    for (const auto& [name, expected] : goldens.all()) {
      if (!name.starts_with(prefix)) continue;
      const auto found = gradients.find(name.substr(prefix.size()));
      ASSERT_NE(found, gradients.end()) << name;
      const double norm = expected.norm().item<double>();
      const double difference = (found->second - expected).norm().item<double>();
      EXPECT_LE(difference, kGradientTolerance * norm) << name;
      if (norm > 0) add("gradients", difference / norm);
      ++compared;
    }
    EXPECT_EQ(compared, static_cast<int>(gradients.size())) << prefix;
  }

  void compare(const StepReport& report) {
    const Json& step = json_["steps"][static_cast<std::size_t>(report.step)];
    SCOPED_TRACE("step " + std::to_string(report.step));
    for (const auto& [name, value] : step["lr"].items()) {
      const double difference = std::abs(figure(report.rates, name) - value.get<double>());
      EXPECT_LE(difference, kRateTolerance) << name;
      add("rates", difference);
    }
    for (const char* group : {"loss", "terms"})
      for (const auto& [name, value] : step[group].items()) {
        const Figures& figures = std::string(group) == "loss" ? report.losses : report.terms;
        const double difference = std::abs(figure(figures, name) - value.get<double>());
        EXPECT_LE(difference, kLossTolerance) << name;
        add("losses", difference);
      }
    for (const auto& [name, value] : step["grad_norm"].items()) {
      const double expected = value.get<double>();
      const double difference = std::abs(figure(report.gradient_norms, name) - expected);
      EXPECT_LE(difference, kNormTolerance * expected) << name;
      add("gradient norms", difference / expected);
    }
  }

  Path goldens_;
  std::string device_;
  Json json_;
  TemporaryFolder root_;
  std::map<std::string, double> largest_;
};

class TrainingGoldens : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      resolve_device(GetParam());
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  static Replay small() { return {test_data("generated"), test_data("generated/images"), GetParam()}; }
};
INSTANTIATE_TEST_SUITE_P(Devices, TrainingGoldens, ::testing::Values("cpu", "cuda"),
                         [](const auto& device) { return std::string(device.param); });

TEST_P(TrainingGoldens, EveryStepAndTheFinalWeightsEqualTheAuthors) {
  Replay replay = small();
  replay.compare_final(replay.run(/*with_store=*/true).adapters);
}

TEST_P(TrainingGoldens, EveryStepEqualsTheAuthorsWithoutAStoreToo) {
  Replay replay = small();
  replay.compare_final(replay.run(/*with_store=*/false).adapters);
}

TEST_P(TrainingGoldens, TheCheckpointHoldsTheFinalWeightsAndTheCurvesAreDrawn) {
  Replay replay = small();
  replay.run(true);
  replay.compare_final(read_checkpoint(replay.output() / "checkpoint.pth"));
  EXPECT_NE(read_file(replay.output() / "curves.html").find("<svg"), std::string::npos);
}

TEST_P(TrainingGoldens, EveryStepEqualsTheAuthorsOnPhotographs) {
  const auto folder = full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  Replay replay(*folder, *folder / "../data", GetParam());
  replay.compare_final(replay.run(true).adapters);
}

TEST_P(TrainingGoldens, TheFirstStepsInputsAndGradientsEqualTheAuthorsOnPhotographs) {
  const auto folder = full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  Replay replay(*folder, *folder / "../data", GetParam());
  replay.compare_first_steps();
}

}  // namespace
}  // namespace res2clip
