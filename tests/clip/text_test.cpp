#include <gtest/gtest.h>

#include "res2clip/clip/prompts.hpp"
#include "res2clip/core/error.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/devices.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Goldens;
using testing::read_json;
using testing::test_data;

constexpr double kTolerance = 2e-5;  // of the fixture table, for text features before normalisation

std::vector<std::string> golden_prompts(const std::string& group) {
  std::vector<std::string> prompts;
  const auto goldens = read_json(test_data("goldens/text_tiny.json"));
  for (const auto& row : goldens["prompts"])
    if (group.empty() || row["group"] == group) prompts.push_back(row["text"]);
  return prompts;
}

TEST(Prompts, AreTheAuthors) {
  const auto set = method_prompts({});
  EXPECT_EQ(set.normal, golden_prompts("normal"));
  EXPECT_EQ(set.anomalous, golden_prompts("anomalous"));
}

TEST(Prompts, OfThePaperLackTheFormsAfterTheNoun) {
  EXPECT_EQ(method_prompts({.anomalous_after_noun = false}).anomalous.size(), 15u);
}

TEST(Prompts, WithoutAnyStateAreAnError) {
  EXPECT_THROW(method_prompts({.normal_states = {}}), Error);
  EXPECT_THROW(method_prompts({.anomalous_states = {}}), Error);
}

class EncodeTextOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, EncodeTextOn, testing::kDevices, testing::device_name);

TEST_P(EncodeTextOn, FeaturesEqualTheAuthors) {
  const auto goldens = Goldens::read(test_data("goldens/text_tiny.pt"));
  const auto features = testing::tiny_backbone(device()).encode_text(golden_prompts(""));
  EXPECT_TENSORS_NEAR(features, goldens["features"], kTolerance);
}

TEST_P(EncodeTextOn, OddTextsEqualTheAuthorsToo) {
  const auto goldens = Goldens::read(test_data("goldens/text_tiny.pt"));
  const auto texts = read_json(test_data("goldens/text_tiny.json"))["extra"].get<std::vector<std::string>>();
  EXPECT_TENSORS_NEAR(testing::tiny_backbone(device()).encode_text(texts), goldens["extra_features"],
                      kTolerance);
}

TEST(EncodeText, APromptTooLongIsAnErrorThatNamesIt) {
  std::string prompt = "very";
  for (int i = 0; i < 100; ++i) prompt += " very";
  EXPECT_THROW(testing::tiny_backbone().encode_text(std::vector<std::string>{prompt}), Error);
}

}  // namespace
}  // namespace res2clip
