#include "res2clip/train/pairs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

const std::vector<TrainingSample> kSamples{{"a/bad/0.png", "a", true},   {"a/good/0.png", "a", false},
                                           {"a/good/1.png", "a", false}, {"a/good/2.png", "a", false},
                                           {"b/bad/0.png", "b", true},   {"b/good/0.png", "b", false}};

TEST(DrawPairs, CoversEveryImageOncePerEpoch) {
  const auto steps = draw_pairs(kSamples, 4, 111, 3);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].query.size(), 4u);
  EXPECT_EQ(steps[1].query.size(), 2u) << "the last batch is kept";
  EXPECT_EQ(steps[0].step, 6);
  EXPECT_EQ(steps[1].epoch, 3);
  std::multiset<std::int64_t> queries;
  for (const auto& step : steps) queries.insert(step.query.begin(), step.query.end());
  EXPECT_EQ(queries, (std::multiset<std::int64_t>{0, 1, 2, 3, 4, 5}));
}

TEST(DrawPairs, TakesEveryOtherNormalImageOfTheClassEquallyOften) {
  std::map<std::pair<std::int64_t, std::int64_t>, int> drawn;
  constexpr int kEpochs = 6000;
  for (int epoch = 0; epoch < kEpochs; ++epoch)
    for (const auto& step : draw_pairs(kSamples, 4, 111, epoch))
      for (std::size_t i = 0; i < step.query.size(); ++i) ++drawn[{step.query[i], step.reference[i]}];
  // Five standard errors of a binomial count.
  const auto expect_share = [&](std::int64_t query, std::int64_t reference, double share) {
    EXPECT_NEAR((drawn[{query, reference}]), kEpochs * share, 5 * std::sqrt(kEpochs * share * (1 - share)));
  };
  for (const std::int64_t reference : {1, 2, 3}) expect_share(0, reference, 1.0 / 3);
  for (const std::int64_t reference : {2, 3}) expect_share(1, reference, 0.5);
  for (const std::int64_t reference : {1, 2}) expect_share(3, reference, 0.5);
  EXPECT_EQ((drawn[{4, 5}]), kEpochs);
  EXPECT_EQ((drawn[{5, 5}]), kEpochs) << "a class with one normal image uses it for itself";
  EXPECT_EQ(drawn.size(), 3u + 6u + 2u);
}

TEST(DrawPairs, DependsOnSeedAndEpochAlone) {
  const auto lines = [](std::int64_t seed, std::int64_t epoch) {
    std::string text;
    for (const auto& step : draw_pairs(kSamples, 4, seed, epoch)) text += pairs_line(step, kSamples) + "\n";
    return text;
  };
  EXPECT_EQ(lines(1, 5), lines(1, 5));
  EXPECT_NE(lines(1, 5), lines(2, 5));
}

/// A replay of a published training draws these pairs again.
TEST(DrawPairs, OfSeed111AreTheSameInEveryVersion) {
  std::vector<std::string> lines;
  for (const std::int64_t epoch : {0, 1})
    for (const auto& step : draw_pairs(kSamples, 4, 111, epoch)) lines.push_back(pairs_line(step, kSamples));
  EXPECT_THAT(
      lines,
      ::testing::ElementsAre(
          R"({"epoch":0,"step":0,"query":["a/bad/0.png","b/good/0.png","a/good/0.png","b/bad/0.png"],"reference":["a/good/1.png","b/good/0.png","a/good/1.png","b/good/0.png"]})",
          R"({"epoch":0,"step":1,"query":["a/good/1.png","a/good/2.png"],"reference":["a/good/0.png","a/good/0.png"]})",
          R"({"epoch":1,"step":2,"query":["b/good/0.png","a/good/1.png","a/good/0.png","b/bad/0.png"],"reference":["b/good/0.png","a/good/2.png","a/good/2.png","b/good/0.png"]})",
          R"({"epoch":1,"step":3,"query":["a/good/2.png","a/bad/0.png"],"reference":["a/good/0.png","a/good/2.png"]})"));
}

TEST(DrawPairs, NeedsANormalImageInEveryClass) {
  EXPECT_THAT(
      [&] {
        draw_pairs({{"a/bad/0.png", "a", true}}, 4, 1, 0);
      },
      Fails(ErrorKind::data, HasSubstr("class 'a' has no normal image")));
}

TEST(PairsFile, IsReadBack) {
  const testing::TemporaryFolder folder;
  std::string text;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& step : draw_pairs(kSamples, 4, 7, epoch)) text += pairs_line(step, kSamples) + "\n";
  write_file(folder / "pairs.jsonl", text);
  const auto pairs = read_pairs(folder / "pairs.jsonl", kSamples);
  ASSERT_EQ(pairs.size(), 4u);
  std::string again;
  for (const auto& step : pairs) again += pairs_line(step, kSamples) + "\n";
  EXPECT_EQ(again, text);
}

TEST(PairsFile, NamesTheLineThatIsWrong) {
  const testing::TemporaryFolder folder;
  const auto reading = [&](const std::string& text) {
    return [&folder, text] {
      write_file(folder / "pairs.jsonl", text);
      read_pairs(folder / "pairs.jsonl", kSamples);
    };
  };
  const std::string good =
      R"({"epoch": 0, "step": 0, "query": ["a/bad/0.png"], "reference": ["a/good/0.png"]})";
  EXPECT_NO_THROW(reading(good + "\n\n")());
  EXPECT_THAT(reading(""), Fails(ErrorKind::data, HasSubstr("no steps")));
  EXPECT_THAT(reading(good + "\n{"),
              Fails(ErrorKind::data, HasSubstr("pairs.jsonl:2: is not a JSON object")));
  EXPECT_THAT(reading(R"({"epoch": 0, "step": 0, "query": ["x.png"], "reference": ["a/good/0.png"]})"),
              Fails(ErrorKind::data, HasSubstr("no image x.png")));
  EXPECT_THAT(reading(R"({"epoch": 0, "step": 0, "query": ["a/bad/0.png"], "reference": []})"),
              Fails(ErrorKind::data, HasSubstr("as many references as queries")));
  EXPECT_THAT(reading(R"({"step": 0, "query": ["a/bad/0.png"], "reference": ["a/good/0.png"]})"),
              Fails(ErrorKind::data, HasSubstr("\"epoch\"")));
  EXPECT_THAT(reading(good + "\n" + good), Fails(ErrorKind::data, HasSubstr("steps must count from 0")));
  EXPECT_THAT(
      reading(R"({"epoch": 0, "step": 0, "query": ["a/good/0.png"], "reference": ["a/bad/0.png"]})"),
      Fails(ErrorKind::data, HasSubstr("pairs.jsonl:1: the reference a/bad/0.png is not a normal image")));
  EXPECT_THAT(reading(R"({"epoch": 0, "step": 0, "query": ["a/bad/0.png"], "reference": ["b/good/0.png"]})"),
              Fails(ErrorKind::data, HasSubstr("b/good/0.png is of class 'b'")));
}

TEST(PairsFile, MayHaveFewerImagesInAnEpochsLastStepAlone) {
  const testing::TemporaryFolder folder;
  const auto reading = [&](const std::vector<int>& sizes) {
    std::string text = "\n";  // lines are counted, not steps
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      StepPairs step{static_cast<std::int64_t>(i) / 3, static_cast<std::int64_t>(i), {}, {}};
      step.query.assign(static_cast<std::size_t>(sizes[i]), 0);
      step.reference.assign(static_cast<std::size_t>(sizes[i]), 1);
      text += pairs_line(step, kSamples) + "\n";
    }
    return [&folder, text] {
      write_file(folder / "pairs.jsonl", text);
      read_pairs(folder / "pairs.jsonl", kSamples);
    };
  };
  EXPECT_NO_THROW(reading({4, 4, 4, 4, 4, 1})());
  EXPECT_THAT(reading({4, 3, 4, 4, 4, 4}),
              Fails(ErrorKind::data, HasSubstr("pairs.jsonl:3: has 3 images, but the first step has 4")));
  EXPECT_THAT(reading({4, 4, 4, 4, 4, 5}), Fails(ErrorKind::data, HasSubstr("pairs.jsonl:7: has 5 images")));
}

}  // namespace
}  // namespace res2clip
