#include "res2clip/eval/stored_features.hpp"

#include <gmock/gmock.h>
#include <string>

#include <nlohmann/json.hpp>

#include "res2clip/core/files.hpp"
#include "res2clip/eval/results.hpp"

#include "eval/made_up.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

/// The made-up data set with a file behind each image, so that images have identities.
Dataset dataset_with_files(const testing::TemporaryFolder& folder) {
  auto dataset = testing::made_up_dataset({"a", "b"});
  dataset.root = folder.path();
  for (auto* samples : {&dataset.test, &dataset.train})
    for (auto& [category, list] : *samples)
      for (auto& sample : list) {
        sample.image = folder.path() / sample.name;
        write_file(sample.image, "bytes of " + sample.name);
      }
  return dataset;
}

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

TEST(StoredFeatures, EveryImageIsEncodedOnceAndTheFilesAreTheSameBytes) {
  const testing::TemporaryFolder folder;
  const auto dataset = dataset_with_files(folder);
  const auto references = testing::made_up_references(dataset, 2);
  const auto detector = testing::made_up_detector();
  auto input = testing::made_up_input();
  std::size_t encoded = 0;
  std::size_t announced = 0;
  input.features = [&, encode = input.features](std::span<const Sample> batch) {
    encoded += batch.size();
    return encode(batch);
  };
  input.upcoming = [&](std::span<const Sample> batch) { announced += batch.size(); };
  const auto expected = evaluate(dataset, references, detector, input, {4, {}});
  EXPECT_EQ(encoded, 22U);

  FeatureStore store(folder / "store", description());
  ImageIdentities identities;
  for (const int run : {1, 2, 3}) {
    encoded = 0;
    announced = 0;
    const auto result = evaluate(dataset, references, detector,
                                 with_store(input, store, identities, at::kCPU), {run == 3 ? 7 : 4, {}});
    EXPECT_EQ(encoded, run == 1 ? 22U : 0U);
    EXPECT_EQ(announced, run == 1 ? 20U : 0U);
    EXPECT_EQ(results_json(result, {}, {}), results_json(expected, {}, {}));
    EXPECT_EQ(scores_csv(result), scores_csv(expected));
  }
}

}  // namespace
}  // namespace res2clip
