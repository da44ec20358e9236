// An evaluation from a feature store has the files of one without.
#include <gmock/gmock.h>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "res2clip/eval/results.hpp"
#include "res2clip/features/stored_features.hpp"
#include "res2clip/image/write.hpp"

#include "eval/made_up.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

/// The made-up data set with an image behind each image, of a colour of its own.
Dataset dataset_with_files(const testing::TemporaryFolder& folder) {
  auto dataset = testing::made_up_dataset({"a", "b"});
  dataset.root = folder.path();
  int number = 0;
  for (auto* samples : {&dataset.test, &dataset.train})
    for (auto& [category, list] : *samples)
      for (auto& sample : list) {
        sample.image = folder.path() / sample.name;
        write_png(sample.image, at::full({4, 4, 3}, number++, at::kByte));
      }
  return dataset;
}

/// Stands for a backbone: made-up features of the images whose colours it sees.
class MadeUpBackbone {
 public:
  explicit MadeUpBackbone(const Dataset& dataset) {
    int number = 0;
    for (const auto* samples : {&dataset.test, &dataset.train})
      for (const auto& [category, list] : *samples)
        for (const auto& sample : list) path_of_[number++] = sample.image;
  }

  EncodedFeatures encoded(std::int64_t batch_size) {
    return {[this](const at::Tensor& images, std::span<const int>) { return encode(images); },
            {.image = {.size = 4}, .identities = true},
            {1, 2, 3, 4},
            batch_size};
  }

  std::int64_t encoded_images = 0;

 private:
  Features encode(const at::Tensor& images) {
    encoded_images += images.size(0);
    std::vector<Path> paths;
    for (std::int64_t i = 0; i < images.size(0); ++i) {
      const double red = (images[i][0][0][0].item<double>() * 0.26862954 + 0.48145466) * 255;
      paths.push_back(path_of_.at(static_cast<int>(std::lround(red))));
    }
    return features_.of(paths);
  }

  std::map<int, Path> path_of_;
  testing::MadeUpFeatures features_;
};

StoreDescription description() {
  StoreDescription made_up;
  made_up.dataset = "made up";
  made_up.backbone = "none";
  made_up.image_size = testing::kMadeUpGrid.rows * testing::kMadeUpPatch;
  made_up.layers = {1, 2, 3, 4};
  made_up.embed = testing::kMadeUpWidth;
  made_up.grid = testing::kMadeUpGrid;
  return made_up;
}

TEST(StoredEvaluation, EncodesEveryImageOnceAndHasTheFilesOfOneWithoutAStore) {
  const testing::TemporaryFolder folder;
  const auto dataset = dataset_with_files(folder);
  const auto references = testing::made_up_references(dataset, 2);
  const auto detector = testing::made_up_detector();
  const auto evaluated = [&](FeatureSource& features, std::int64_t batch_size) {
    return evaluate(dataset, references, detector, features, {batch_size, {}}, {}, testing::made_up_mask);
  };
  MadeUpBackbone backbone(dataset);
  EncodedFeatures encoded = backbone.encoded(4);
  const auto expected = evaluated(encoded, 4);
  EXPECT_EQ(backbone.encoded_images, 22);

  const auto alone = single_process();
  for (const int run : {1, 2, 3, 4}) {
    backbone.encoded_images = 0;
    StoredFeatures stored(FeatureStore(folder / (run == 4 ? "filled" : "store"), description()), encoded,
                          at::kCPU);
    if (run == 4) stored.fill(images_of(dataset, references), *alone);
    const auto result = evaluated(stored, run == 3 ? 7 : 4);
    EXPECT_EQ(backbone.encoded_images, run == 1 || run == 4 ? 22 : 0);
    EXPECT_EQ(results_json(result, {}, {}), results_json(expected, {}, {}));
    EXPECT_EQ(scores_csv(result), scores_csv(expected));
  }
}

}  // namespace
}  // namespace res2clip
