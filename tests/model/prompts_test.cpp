#include "res2clip/model/prompts.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> released(const std::string& group) {
  std::vector<std::string> texts;
  const auto json = testing::read_json(testing::test_data("goldens/text_tiny.json"));
  for (const auto& prompt : json["prompts"])
    if (prompt["group"] == group) texts.push_back(prompt["text"]);
  return texts;
}

TEST(Prompts, AreTheReleasedOnesInTheirOrder) {
  const Prompts prompts = make_prompts({});
  EXPECT_EQ(prompts.normal, released("normal"));
  EXPECT_EQ(prompts.anomalous, released("anomalous"));
}

TEST(Prompts, OfThePaperPutTheStateBeforeTheNounOnly) {
  PromptOptions options;
  options.state_after_noun = false;
  const auto prompts = make_prompts(options);
  EXPECT_EQ(prompts.normal.size(), 75u);
  EXPECT_EQ(prompts.anomalous.size(), 15u);
  EXPECT_EQ(prompts.anomalous.front(), "a photo of a damaged object.");
}

TEST(Prompts, FollowTheirOptions) {
  PromptOptions options;
  options.noun = "screw";
  options.normal_states = {"new"};
  options.anomalous_states = {"rust"};
  options.templates = {"{}", "one {}!"};
  const auto prompts = make_prompts(options);
  EXPECT_THAT(prompts.normal, ElementsAre("new screw", "one new screw!"));
  EXPECT_THAT(prompts.anomalous,
              ElementsAre("rust screw", "one rust screw!", "screw with rust", "one screw with rust!"));
}

TEST(Prompts, NeedOneBlankInEachTemplate) {
  PromptOptions options;
  options.templates = {"a photo."};
  EXPECT_THROW(make_prompts(options), Error);
  options.templates = {"{} and {}"};
  EXPECT_THROW(make_prompts(options), Error);
}

}  // namespace
}  // namespace res2clip
