#include <limits>
#include <set>

#include "res2clip/retrieval/match_weights.hpp"

#include "sparsemax_threshold.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Goldens;
using testing::largest_difference;

constexpr double kTolerance =
    1e-6;  // the goldens' float32 against float64 is 3.6e-8; single roundings of other orders
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

at::Tensor row(std::initializer_list<float> scores) {
  return at::tensor(at::ArrayRef<float>(scores.begin(), scores.end()), at::kFloat);
}

/// max(0, z - tau) with tau from the search that needs no sort.
at::Tensor weights_by(const at::Tensor& scores,
                      const std::function<double(const float*, std::int64_t)>& threshold) {
  const auto relative = (scores - scores.amax(-1, true)).contiguous();
  auto weights = at::empty_like(relative);
  for (std::int64_t i = 0; i < relative.size(0); ++i) {
    const auto one = relative[i];
    weights[i] = (one.to(at::kDouble) - threshold(one.const_data_ptr<float>(), one.numel())).clamp_min(0);
  }
  return weights;
}

double one_thread(const float* scores, std::int64_t count) {
  return sparsemax_threshold(scores, count);
}

/// What a block of CUDA threads does, one thread after the other: each sums up its stride of the row, from a
/// bound that comes from the threads' maxima.
double block_of_threads(const float* scores, std::int64_t count) {
  constexpr int kThreads = 128;
  std::vector<float> maxima(kThreads, -kInfinity);
  for (std::int64_t j = 0; j < count; ++j) maxima[j % kThreads] = std::max(maxima[j % kThreads], scores[j]);
  const double bound = sparsemax_threshold(maxima.data(), kThreads);
  return climb_to_threshold(bound, [&](double level) {
    Mass block;
    for (int thread = 0; thread < kThreads; ++thread) {
      const Mass mass = strided_mass_above(scores, count, level, thread, kThreads);
      block.sum += mass.sum;
      block.count += mass.count;
    }
    return block;
  });
}

std::set<std::string> cases(const Goldens& goldens) {
  std::set<std::string> found;
  for (const auto& [name, tensor] : goldens.all())
    if (name.starts_with("sparsemax/")) found.insert(name.substr(0, name.rfind('/')));
  return found;
}

void equals_the_goldens(const Path& file) {
  const auto goldens = Goldens::read(file);
  const auto names = cases(goldens);
  ASSERT_EQ(names.size(), 13u);
  double worst = 0;
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const auto &scores = goldens[name + "/in"], &expected = goldens[name + "/out"];
    for (const auto& weights :
         {sparsemax(scores), weights_by(scores, one_thread), weights_by(scores, block_of_threads)}) {
      EXPECT_TENSORS_NEAR(weights, expected, kTolerance);
      worst = std::max(worst, largest_difference(weights, expected));
    }
  }
  ::testing::Test::RecordProperty("largest_difference", std::to_string(worst));
  std::cout << "largest difference of sparsemax: " << worst << "\n";
}

TEST(Sparsemax, EqualsTheGoldensSortedAndSearched) {
  equals_the_goldens(testing::test_data("goldens/retrieval.pt"));
}

TEST(Sparsemax, EqualsTheFullGoldensSortedAndSearched) {
  const auto folder = testing::full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  equals_the_goldens(*folder / "retrieval.pt");
}

TEST(Sparsemax, IsADistribution) {
  const auto weights = sparsemax(at::randn({64, 300}));
  EXPECT_GE(weights.min().item<float>(), 0);
  EXPECT_TENSORS_NEAR(weights.sum(-1), at::ones({64}), 1e-5);  // 300 float32 roundings
}

TEST(Sparsemax, TiesShareTheMassEqually) {
  EXPECT_TENSORS_NEAR(sparsemax(row({2, 0.5, 2, -1})), row({0.5, 0, 0.5, 0}), 0);
}

TEST(Sparsemax, ScoresOneBelowTheBestGetNothing) {
  EXPECT_TENSORS_NEAR(sparsemax(row({1, 0, 0, 0})), row({1, 0, 0, 0}), 0);
}

TEST(Sparsemax, ASingleScoreGetsEverything) {
  EXPECT_TENSORS_NEAR(sparsemax(row({-7})), row({1}), 0);
}

TEST(Sparsemax, DoesNotChangeWhenAllScoresMove) {
  const auto scores = row({0.25, 0.5, 0.375});
  EXPECT_TENSORS_NEAR(sparsemax(scores + 1024), sparsemax(scores), 0);
}

TEST(Sparsemax, RowsWithNanOrInfinityBecomeNan) {
  for (const auto& scores : {row({0, kNan, 1}), row({0, kInfinity, 1}), row({kNan})})
    EXPECT_TRUE(sparsemax(scores).isnan().all().item<bool>()) << scores;
}

TEST(SparsemaxThreshold, EqualsTheSortedOneOnRandomRowsOfEverySpread) {
  for (const double spread : {1e-6, 1e-3, 0.05, 1.0, 100.0})
    for (const std::int64_t length : {1, 2, 63, 64, 65, 1000}) {
      const auto scores = at::randn({20, length}) * spread;
      const auto exact = sparsemax(scores.to(at::kDouble));
      EXPECT_TENSORS_NEAR(weights_by(scores, one_thread), exact, kTolerance * std::max(1.0, spread));
      EXPECT_TENSORS_NEAR(weights_by(scores, block_of_threads), exact, kTolerance * std::max(1.0, spread));
    }
}

TEST(SparsemaxThreshold, OfAnySubsetIsALowerBound) {
  for (int trial = 0; trial < 50; ++trial) {
    const auto scores = at::randn({200}) * 0.2;
    const auto relative = (scores - scores.max()).contiguous();
    const float* data = relative.const_data_ptr<float>();
    const double whole = sparsemax_threshold(data, 200);
    EXPECT_LE(sparsemax_threshold(data, 200, sparsemax_threshold(data, 40)), whole + 1e-12);
    EXPECT_LE(sparsemax_threshold(data + 100, 100), whole + 1e-12);
  }
}

TEST(SparsemaxThreshold, DoesNotDependOnTheBoundItStartsFrom) {
  const auto scores = at::randn({500}) * 0.1;
  const auto relative = (scores - scores.max()).contiguous();
  const float* data = relative.const_data_ptr<float>();
  const double threshold = sparsemax_threshold(data, 500);
  for (const double share : {0.0, 0.5, 0.999})
    EXPECT_DOUBLE_EQ(sparsemax_threshold(data, 500, -1 + share * (threshold + 1)), threshold);
}

TEST(SparsemaxThreshold, EndsWhereTiesLieOnTheThreshold) {
  const std::vector<float> scores{0, -1, -1, -1};
  EXPECT_DOUBLE_EQ(sparsemax_threshold(scores.data(), 4), -1);
  const std::vector<float> thirds{0, 0, 0, -1.0f / 3, -1.0f / 3};
  EXPECT_NEAR(sparsemax_threshold(thirds.data(), 5), -1.0 / 3, 1e-8);
}

TEST(SparsemaxThreshold, EndsOnNan) {
  const std::vector<float> scores{kNan, kNan};
  EXPECT_EQ(sparsemax_threshold(scores.data(), 2), -1);
  EXPECT_TRUE(std::isnan(sparsemax_threshold(scores.data(), 2, kNan)));
}

}  // namespace
}  // namespace res2clip
