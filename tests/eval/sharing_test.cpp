#include "res2clip/eval/sharing.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <thread>

#include <nlohmann/json.hpp>

#include "res2clip/eval/results.hpp"

#include "eval/made_up.hpp"
#include "support/threads_as_processes.hpp"

namespace res2clip {
namespace {

using testing::Meeting;
using testing::ThreadAsProcess;

EvaluationResult evaluated(const Dataset& dataset) {
  testing::MadeUpFeatures features;
  return evaluate(dataset, testing::made_up_references(dataset, 2), testing::made_up_detector(), features,
                  {4, {MetricMode::exact}}, {}, testing::made_up_mask);
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

TEST(ShareOf, GivesEveryClassToOneProcessAndSpreadsImages) {
  const Dataset dataset = uneven_dataset();
  for (const int size : {1, 2, 3, 7}) {
    std::vector<std::string> all;
    for (int rank = 0; rank < size; ++rank) {
      const auto share = share_of(dataset, rank, size).categories;
      all.insert(all.end(), share.begin(), share.end());
    }
    EXPECT_THAT(all, ::testing::UnorderedElementsAreArray(dataset.categories)) << size;
  }
  // c and d have 9 images each, a has 3, b has 1.
  EXPECT_THAT(share_of(dataset, 0, 2).categories, ::testing::ElementsAre("a", "c"));
  EXPECT_THAT(share_of(dataset, 1, 2).categories, ::testing::ElementsAre("b", "d"));
}

TEST(GatherResults, GivesTheFilesOfOneProcessOnAll) {
  const Dataset dataset = uneven_dataset();
  const std::string expected = all_files(evaluated(dataset));
  for (const int size : {2, 3, 7}) {
    Meeting meeting(size);
    std::vector<std::string> files(static_cast<std::size_t>(size));
    std::vector<std::thread> processes;
    for (int rank = 0; rank < size; ++rank)
      processes.emplace_back([&, rank] {
        ThreadAsProcess process(rank, meeting);
        files[static_cast<std::size_t>(rank)] =
            all_files(gather_results(evaluated(share_of(dataset, rank, size)), dataset, process));
      });
    for (auto& process : processes) process.join();
    EXPECT_THAT(files, ::testing::Each(expected)) << size << " processes";
  }
}

TEST(GatherResults, KeepsScoresThatAreNoNumbersAndNamesThatAreNoText) {
  Dataset dataset = testing::made_up_dataset({"a"}, 1);
  EvaluationResult own = evaluated(dataset);
  own.classes[0].images[0].score = std::numeric_limits<float>::quiet_NaN();
  own.classes[0].images[0].name = "\xff\xfe";
  const auto whole = gather_results(own, dataset, *single_process());
  EXPECT_TRUE(std::isnan(whole.classes[0].images[0].score));
  EXPECT_EQ(whole.classes[0].images[0].name, "\xff\xfe");
}

}  // namespace
}  // namespace res2clip
