// A whole training from images on, against the authors' training program.
#include <cstdio>
#include <map>

#include <gtest/gtest.h>

#include "res2clip/data/layout.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/pipeline/pipeline.hpp"
#include "res2clip/pipeline/training.hpp"
#include "res2clip/train/run.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/formula.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using namespace testing;
using Json = nlohmann::json;

// The golden set's own: float32 against float32 with another order of summation.
constexpr double kRateTolerance = 1e-12;
constexpr double kLossTolerance = 2e-5;
constexpr double kNormTolerance = 2e-4;    // relative
constexpr double kWeightTolerance = 2e-5;  // absolute
constexpr double kChangeTolerance = 1e-2;  // relative to the tensor's change in training

double figure(const Figures& figures, const std::string& name) {
  for (const auto& [key, value] : figures)
    if (key == name) return value;
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

/// The recorded training, run again in a folder of its own.
class Replay {
 public:
  Replay(const Path& goldens, const Path& images)
      : goldens_(goldens), json_(read_json(goldens / "training_tiny.json")) {
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
    const Backbone backbone = tiny_backbone();
    Settings settings;
    settings.compute.device = "cpu";
    settings.image.size = json_["image_size"];
    settings.train.batch_size = json_["batch_size"];
    settings.train.epochs = json_["epochs"];
    DatasetOptions data_options;
    data_options.layout = Layout::meta;
    data_options.root = root_ / "data";
    const Dataset dataset = load_dataset(data_options);
    std::optional<FeatureStore> store;
    if (with_store)
      store.emplace(root_ / "store", describe_store("replay", backbone, settings, {6, 12, 18, 24}));
    const auto processes = single_process();
    TrainingImages images(backbone, dataset, settings, std::move(store));
    const std::int64_t encoded = images.fill_store(*processes, {});
    EXPECT_EQ(encoded, with_store ? static_cast<std::int64_t>(json_["items"].size()) : 0);
    const TrainingData data = images.data();
    TrainingRun run;
    run.output = root_ / "out";
    std::filesystem::create_directories(run.output);
    run.replay = read_pairs(root_ / "replay.jsonl", data.samples);
    run.on_step = [this](const StepReport& report, std::int64_t) { compare(report); };
    auto outcome = run_training(data, make_training_setup(backbone, settings, initial()), run, *processes);
    EXPECT_TRUE(outcome.finished);
    EXPECT_EQ(static_cast<std::size_t>(outcome.next_step), json_["steps"].size());
    return outcome;
  }

  Adapters initial() const {
    const std::vector<int> layers = {6, 12, 18, 24};
    auto tensors = formula_adapters(96, layers, layers, json_["adapter_salt"]);
    for (auto& [name, tensor] : tensors)
      if (name.ends_with("up.weight") || name.ends_with("fc2.weight")) tensor = at::zeros_like(tensor);
    return assemble_adapters(tensors, "formula");
  }

  void compare_final(const Adapters& adapters) {
    const auto goldens = Goldens::read(goldens_ / "training_tiny.pt");
    const Adapters start = initial();
    std::map<std::string, at::Tensor> before;
    for_each_tensor(
        start, [&](const AdapterTensor& which, const at::Tensor& tensor) { before[which.name()] = tensor; });
    int compared = 0;
    for_each_tensor(adapters, [&](const AdapterTensor& which, const at::Tensor& tensor) {
      const at::Tensor& expected = goldens["final/" + which.name()];
      const double difference = largest_difference(tensor, expected);
      const double norm = (tensor - expected).norm().item<double>();
      const double change = (expected - before.at(which.name())).norm().item<double>();
      EXPECT_LE(difference, kWeightTolerance) << which.name();
      EXPECT_LE(norm, kChangeTolerance * change) << which.name();
      add("weights", difference);
      if (change > 0) add("weights by change", norm / change);
      ++compared;
    });
    EXPECT_EQ(compared, 84);
    std::printf("largest differences:");
    for (const auto& [kind, value] : largest_) std::printf("  %s %.2g", kind.c_str(), value);
    std::printf("\n");
  }

  Path output() const { return root_ / "out"; }

 private:
  void add(const std::string& kind, double difference) {
    largest_[kind] = std::max(largest_[kind], difference);
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
  Json json_;
  TemporaryFolder root_;
  std::map<std::string, double> largest_;
};

TEST(TrainingGoldens, EveryStepAndTheFinalWeightsEqualTheAuthors) {
  Replay replay(test_data("generated"), test_data("generated/images"));
  replay.compare_final(replay.run(/*with_store=*/true).adapters);
}

TEST(TrainingGoldens, EveryStepEqualsTheAuthorsWithoutAStoreToo) {
  Replay replay(test_data("generated"), test_data("generated/images"));
  replay.compare_final(replay.run(/*with_store=*/false).adapters);
}

TEST(TrainingGoldens, TheCheckpointHoldsTheFinalWeightsAndTheCurvesAreDrawn) {
  Replay replay(test_data("generated"), test_data("generated/images"));
  replay.run(true);
  replay.compare_final(read_checkpoint(replay.output() / "checkpoint.pth"));
  EXPECT_NE(read_file(replay.output() / "curves.html").find("<svg"), std::string::npos);
}

TEST(TrainingGoldens, EveryStepEqualsTheAuthorsOnPhotographs) {
  const auto folder = full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  Replay replay(*folder, *folder / "../data");
  replay.compare_final(replay.run(true).adapters);
}

}  // namespace
}  // namespace res2clip
