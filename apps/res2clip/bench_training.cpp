// What a training costs beside encoding: steps on features that a store on disk gives.
#include <unistd.h>

#include <ATen/ops/zeros.h>

#include "res2clip/core/files.hpp"
#include "res2clip/features/feature_store.hpp"
#include "res2clip/pipeline/training.hpp"
#include "res2clip/train/trainer.hpp"

#include "bench.hpp"

namespace res2clip::app {
namespace {

constexpr std::int64_t kStored = 4;  // different images: enough to read, few enough to lie in any folder
constexpr std::int64_t kEpochs = 10;

/// A store of made-up features in a folder that goes away with it.
class StoredImages final : public FeatureSource {
 public:
  explicit StoredImages(const Pipeline& pipeline)
      : device_(pipeline.backbone().device()),
        size_(pipeline.image_size()),
        folder_(std::filesystem::temp_directory_path() / ("res2clip-bench-" + std::to_string(::getpid()))),
        store_(folder_, describe_training_store(pipeline.backbone(), pipeline.settings(), "bench")) {
    const StoreDescription& what = store_.description();
    store_.require_space(kStored);
    Features features;
    features.grid = what.grid;
    features.global = unit_features({kStored, what.embed}, c10::kCPU);
    for (const int layer : what.layers)
      features.patches[layer] = unit_features({kStored, what.grid.size(), what.embed}, c10::kCPU);
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < kStored; ++i) names.push_back(sha256(std::to_string(i)));
    store_.put(names, features);
  }
  ~StoredImages() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  StoredImages(const StoredImages&) = delete;
  StoredImages& operator=(const StoredImages&) = delete;

  /// `count` images of one class, every other one with a defect in a quarter of it.
  TrainingData data(std::int64_t count) {
    TrainingData data{{}, *this, {}};
    for (std::int64_t i = 0; i < count; ++i)
      data.samples.push_back({std::to_string(i), "class", i % 2 == 1, std::to_string(i % kStored)});
    data.masks = [this](std::span<const std::int64_t> indices) {
      const auto images = static_cast<std::int64_t>(indices.size());
      at::Tensor masks = at::zeros({images, size_, size_}, at::kByte);
      for (std::int64_t i = 0; i < images; ++i)
        if (indices[static_cast<std::size_t>(i)] % 2 == 1)
          masks.select(0, i).narrow(0, 0, size_ / 2).narrow(1, 0, size_ / 2).fill_(1);
      return masks.to(device_);
    };
    return data;
  }

  Features of(std::span<const Path> images) override {
    std::vector<std::string> wanted;
    for (const Path& image : images) wanted.push_back(sha256(image.string()));
    return to_device(store_.read(wanted, device_.is_cuda()), device_);
  }

 private:
  c10::Device device_;
  std::int64_t size_;
  Path folder_;
  FeatureStore store_;
};

}  // namespace

void bench_training(const Pipeline& pipeline, double encode, std::int64_t repeats) {
  TrainingSetup setup = make_training_setup(pipeline.backbone(), pipeline.settings(), std::nullopt);
  setup.steps_per_epoch = 1;
  const std::int64_t batch = setup.options.batch_size;
  StoredImages images(pipeline);
  const TrainingData data = images.data(batch + 1);
  const auto processes = single_process();
  Trainer trainer(data, setup, *processes);
  const auto seconds_of_epoch = [&](std::int64_t epoch) {
    const StepPairs pairs = draw_pairs(data.samples, batch, setup.options.seed, epoch).front();
    return least_seconds(repeats, pipeline.backbone().device(), [&] { trainer.step(pairs); });
  };
  // Even epochs train the visual side of the residual branch, odd ones its text side.
  const double step = (seconds_of_epoch(0) + seconds_of_epoch(1)) / 2 / static_cast<double>(batch);
  const double stored = encode + kEpochs * step;
  const double encoded_again = kEpochs * (2 * encode + step);
  print_figure("training step, batch " + std::to_string(batch) + ", stored features", step, "s/image");
  print_figure("10 epochs, each image encoded once", stored, "s/image");
  print_figure("10 epochs, query and reference encoded", encoded_again, "s/image");
  print_figure("  ratio", encoded_again / stored, "times");
}

}  // namespace res2clip::app
