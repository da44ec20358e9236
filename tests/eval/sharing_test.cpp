#include "res2clip/eval/sharing.hpp"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "res2clip/eval/results.hpp"

#include "eval/made_up.hpp"
#include "support/threads_as_processes.hpp"

namespace res2clip {
namespace {

constexpr std::int64_t kBatch = 4, kShots = 2;

EvaluationResult evaluated(const Dataset& dataset, const std::vector<std::string>& open = {}) {
  testing::MadeUpFeatures features;
  return evaluate(dataset, testing::made_up_references(dataset, kShots), testing::made_up_detector(),
                  features, {kBatch, {MetricMode::exact}, open}, {}, testing::made_up_mask);
}

std::size_t images_in(const Dataset& dataset) {
  std::size_t images = 0;
  for (const auto& category : dataset.categories) images += dataset.test.at(category).size();
  return images;
}

std::string all_files(const EvaluationResult& result) {
  return results_json(result, {}, {}) + results_csv(result) + scores_csv(result);
}

Dataset uneven_dataset() {
  Dataset dataset = testing::made_up_dataset({"a", "b", "c", "d"});
  dataset.test["a"].resize(3);
  dataset.test["b"].resize(1);  // no anomalous image: figures with reasons instead of values
  return dataset;
}

TEST(ShareOf, GivesWholeClassesIfTheyCanBeSharedOutEvenly) {
  const Dataset dataset = testing::made_up_dataset({"a", "b", "c", "d"});
  for (int rank = 0; rank < 2; ++rank) {
    const Share share = share_of(dataset, rank, 2, kBatch, kShots);
    EXPECT_EQ(share.dataset.categories.size(), 2U);
    EXPECT_EQ(images_in(share.dataset), 18U);
    EXPECT_TRUE(share.split.empty());
  }
}

TEST(ShareOf, GivesEveryImageToOneProcessInTheBatchOfASingleOne) {
  const Dataset dataset = uneven_dataset();
  for (const int size : {1, 2, 3, 7}) {
    std::map<std::string, std::vector<std::string>> given;
    for (int rank = 0; rank < size; ++rank) {
      const Share share = share_of(dataset, rank, size, kBatch, kShots);
      for (const auto& category : share.dataset.categories) {
        const auto& own = share.dataset.test.at(category);
        for (std::size_t i = 0; i < own.size(); ++i) {
          const auto& all = dataset.test.at(category);
          const auto place = static_cast<std::size_t>(
              std::find_if(all.begin(), all.end(),
                           [&](const Sample& one) { return one.name == own[i].name; }) -
              all.begin());
          EXPECT_EQ(i % kBatch, place % kBatch) << own[i].name << " of " << size;
          given[category].push_back(own[i].name);
        }
      }
    }
    for (const auto& category : dataset.categories)
      EXPECT_EQ(given[category].size(), dataset.test.at(category).size()) << category << " of " << size;
    EXPECT_EQ(std::set<std::string>(given["c"].begin(), given["c"].end()).size(), 9U) << "each once";
  }
}

TEST(ShareOf, PartsALargeClassSoThatNoProcessIsIdle) {
  const Dataset dataset = testing::made_up_dataset({"large"}, 64);
  std::vector<std::size_t> images;
  for (int rank = 0; rank < 8; ++rank) {
    const Share share = share_of(dataset, rank, 8, kBatch, kShots);
    EXPECT_THAT(share.split, ::testing::ElementsAre("large"));
    images.push_back(images_in(share.dataset));
  }
  EXPECT_THAT(images, ::testing::Each(8U));
}

TEST(GatherResults, GivesTheFilesOfOneProcessOnAll) {
  const Dataset dataset = uneven_dataset();
  const std::string expected = all_files(evaluated(dataset));
  for (const int size : {2, 3, 7}) {
    std::vector<std::string> files(static_cast<std::size_t>(size));
    testing::as_processes(size, [&](Communicator& process) {
      const Share share = share_of(dataset, process.rank(), size, kBatch, kShots);
      EXPECT_EQ(share.split.empty(), size != 7) << size;
      files[static_cast<std::size_t>(process.rank())] =
          all_files(gather_results(evaluated(share.dataset, share.split), dataset, share.split, process));
    });
    EXPECT_THAT(files, ::testing::Each(expected)) << size << " processes";
  }
}

TEST(GatherResults, KeepsScoresThatAreNoNumbersAndNamesThatAreNoText) {
  Dataset dataset = testing::made_up_dataset({"a"}, 1);
  EvaluationResult own = evaluated(dataset);
  own.classes[0].images[0].score = std::numeric_limits<float>::quiet_NaN();
  own.classes[0].images[0].name = "\xff\xfe";
  const auto whole = gather_results(own, dataset, {}, *single_process());
  EXPECT_TRUE(std::isnan(whole.classes[0].images[0].score));
  EXPECT_EQ(whole.classes[0].images[0].name, "\xff\xfe");
}

}  // namespace
}  // namespace res2clip
